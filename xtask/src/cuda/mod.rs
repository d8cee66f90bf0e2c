//! `cargo xtask cuda`: the crate with its feature `cuda`, compiled by a CUDA compiler from PyPI, linked, started, and tested, on a machine
//! that needs neither a card nor a driver.
//!
//! Where there is none, the suites run on a card in software (`xtask/card`), which executes the code that a card would be given. So
//! what kernels compute is seen, and how often the host sends, reads and waits; how fast a card is, is not.

mod toolkit;

use std::path::Path;
use std::process::{ExitCode, Output};

use crate::arguments::Arguments;
use crate::error::{About, Result};
use crate::process;

use toolkit::driver_is_here;
pub use toolkit::{DRIVER, Toolkit, host, rust_libraries};

/// The example that says where it computes.
const EXAMPLE: &str = "device";
/// The suites that take their device from `CANDLELIGHT_DEVICE`.
const SUITES: [&str; 8] = ["device", "nn", "activation", "loss", "optim", "autograd", "gan", "regularization"];

/// The features that are compiled.
const CUDA: &str = "cuda";
const CUDNN: &str = "cudnn";
/// What is done otherwise with the second: convolutions.
const OF_CUDNN: [&str; 8] = ["--test", "device", "--test", "nn", "--no-fail-fast", "--", "conv", "blocks_and_nets"];

pub fn cuda(mut arguments: Arguments) -> Result<ExitCode> {
    let word = arguments.next_word();
    let rest = arguments.after_dashes();
    let feature = if word.as_deref() == Some("test") && arguments.flag("--cudnn") { CUDNN } else { CUDA };
    match word.as_deref() {
        Some("check" | "test") => arguments.end()?,
        word => {
            let given = word.unwrap_or("nothing");
            return Err(format!("`cargo xtask cuda` knows `check` and `test`, got {given}").into());
        }
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(
            "`cargo xtask cuda` brings a compiler for x86-64 Linux alone; elsewhere install CUDA and build with \
                    `--features cuda`"
                .into(),
        );
    }
    let toolkit = Toolkit::install()?;
    if word.as_deref() == Some("test") {
        suites(&toolkit, feature, &rest.iter().map(String::as_str).collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    if !starts_well(&toolkit)? {
        return Ok(ExitCode::FAILURE);
    }
    let all: Vec<&str> = SUITES.iter().flat_map(|name| ["--test", name]).chain(["--no-fail-fast"]).collect();
    suites(&toolkit, CUDA, &all)?;
    suites(&toolkit, CUDNN, &OF_CUDNN)?;
    Ok(ExitCode::SUCCESS)
}

/// The crate with the feature, for the optional step of the set-up.
pub fn build() -> Result<Toolkit> {
    let toolkit = Toolkit::install()?;
    println!("candlelight with the feature `cuda`: compiling, for cards of compute capability {}", toolkit::card());
    let example = ["build", "--package", "candlelight", "--features", CUDA, "--example", EXAMPLE];
    process::watched(&mut toolkit.cargo(&example)?)?;
    Ok(toolkit)
}

/// Runs tests of `candlelight-tests` with a feature, and CUDA as their device.
fn suites(toolkit: &Toolkit, feature: &str, arguments: &[&str]) -> Result<()> {
    let stand_in = !driver_is_here();
    println!("suites with `{feature}` on {}", if stand_in { "a card in software" } else { "the first card" });
    let test = ["test", "--package", "candlelight-tests", "--features", feature];
    let mut cargo = toolkit.cargo(&[&test, arguments].concat())?;
    cargo.env("LD_LIBRARY_PATH", toolkit.libraries(stand_in)?).env("CANDLELIGHT_DEVICE", "cuda").env_remove("CU_INIT");
    cargo.env("CARD_ASSEMBLER", toolkit.assembler());
    process::watched(&mut cargo)
}

/// Whether the example says what it should in all cases.
fn starts_well(toolkit: &Toolkit) -> Result<bool> {
    build()?;
    let program = toolkit.target.join(host()?).join("debug/examples").join(EXAMPLE);
    let mut well = true;
    for case in &CASES {
        if case.driver.is_none() && driver_is_here() {
            println!("{}: left out, because this machine has one", case.name);
            continue;
        }
        let said = case.run(toolkit, &program)?;
        let holds = said.contains(case.says);
        println!("{}: {} ({})", case.name, said.trim(), if holds { "ok" } else { "FAILED" });
        well &= holds;
    }
    Ok(well)
}

/// What a machine can have, and what a program says then.
struct Case {
    name: &'static str,
    /// Whether there is a driver, and the error of its start.
    driver: Option<&'static str>,
    says: &'static str,
}

const CASES: [Case; 4] = [
    Case { name: "without a driver", driver: None, says: DRIVER },
    Case { name: "with a driver and no card", driver: Some("100"), says: "CPU, " },
    Case { name: "with a driver that fails", driver: Some("999"), says: "what the stand-in says" },
    Case { name: "with a card in software", driver: Some("0"), says: "CUDA card 0: a card in software" },
];

impl Case {
    /// Both streams of the example.
    fn run(&self, toolkit: &Toolkit, program: &Path) -> Result<String> {
        let mut command = process::command(program);
        if let Some(error) = self.driver {
            command.env("CU_INIT", error);
        }
        command.env("LD_LIBRARY_PATH", toolkit.libraries(self.driver.is_some())?).env("RUST_BACKTRACE", "0");
        let Output { stdout, stderr, .. } = command.output().about(program.display())?;
        Ok(String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
    }
}
