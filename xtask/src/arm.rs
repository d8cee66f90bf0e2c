//! `cargo xtask arm`: the kernels with NEON, the vector instructions of ARM, on a processor that QEMU plays.
//!
//! On a machine with another processor nothing else compiles or runs that code. QEMU takes each instruction as the manual has
//! it, so that results are those of the real one; times are not.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use crate::arguments::Arguments;
use crate::error::Result;
use crate::{paths, process};

const TARGET: &str = "aarch64-unknown-linux-gnu";
const LINKER: &str = "aarch64-linux-gnu-gcc";
/// As Debian's packages of QEMU name it: linked dynamically or statically.
const EMULATORS: [&str; 2] = ["qemu-aarch64", "qemu-aarch64-static"];
/// Where Debian's packages put the C library of the other processor.
const C_LIBRARY: &str = "/usr/aarch64-linux-gnu";
/// Is there where Linux hands programs for ARM to QEMU by itself.
const HANDED_OVER: &str = "/proc/sys/fs/binfmt_misc/qemu-aarch64";

/// Builds and runs the unit tests of the kernels, and after them the suites that are named.
pub fn arm(arguments: Arguments) -> Result<ExitCode> {
    let suites = arguments.rest()?;
    if cfg!(target_arch = "aarch64") {
        return Err(
            "this processor is an ARM: `cargo test --package candlelight-kernels` runs the kernels with NEON".into()
        );
    }
    let found = EMULATORS.into_iter().find(|name| process::is_on_path(name));
    let library = Path::new(C_LIBRARY).join("lib/Scrt1.o").exists();
    if let Some(sentence) = missing(process::is_on_path(LINKER), library, found.is_some()) {
        return Err(sentence.into());
    }
    let emulator = found.unwrap_or(EMULATORS[0]);
    standard_library()?;
    let runner = format!("{emulator} -L {C_LIBRARY}");
    let mut outcomes = Vec::new();
    for words in runs(&suites) {
        println!("\n--- cargo {}, under {emulator}", words.join(" "));
        let start = Instant::now();
        let result = process::watched(&mut cargo(&words, &runner));
        if let Err(error) = &result {
            println!("{error}");
        }
        outcomes.push((words, result.is_ok(), start.elapsed()));
    }
    println!();
    for (words, passed, time) in &outcomes {
        let verdict = if *passed { "ok" } else { "FAILED" };
        println!("{:>6}  {verdict:6}  {}", process::clock(*time), words.join(" "));
    }
    if outcomes.iter().all(|(_, passed, _)| *passed) {
        return Ok(ExitCode::SUCCESS);
    }
    if !Path::new(HANDED_OVER).exists() {
        println!(
            "Tests that start themselves once more, such as those that compare numbers of threads, fail where the system \
             does not hand their programs to QEMU (Debian and Ubuntu: `apt install qemu-user-binfmt`)."
        );
    }
    Ok(ExitCode::FAILURE)
}

/// The words for cargo: the unit tests first, then each suite.
fn runs(suites: &[String]) -> Vec<Vec<String>> {
    let words = |package: &str, which: &[&str]| -> Vec<String> {
        ["test", "--package", package].iter().chain(which).map(|&word| word.to_owned()).collect()
    };
    let kernels = words("candlelight-kernels", &["--lib"]);
    let suites = suites.iter().map(|suite| words("candlelight-tests", &["--test", suite]));
    std::iter::once(kernels).chain(suites).collect()
}

/// What is not there, in one sentence with the line that brings it.
fn missing(linker: bool, library: bool, emulator: bool) -> Option<String> {
    let parts = [
        (linker, "the linker", "gcc-aarch64-linux-gnu"),
        (library, "the C library", "libc6-dev-arm64-cross"),
        (emulator, "QEMU", "qemu-user"),
    ];
    let (names, packages): (Vec<_>, Vec<_>) =
        parts.iter().filter(|(there, ..)| !there).map(|&(_, name, package)| (name, package)).unzip();
    let (names, packages) = (names.join(" and "), packages.join(" "));
    (!names.is_empty()).then(|| {
        format!("programs for ARM cannot be built and run here without {names} (Debian and Ubuntu: `apt install {packages}`)")
    })
}

/// Fetches Rust's standard library for ARM, where it is not there.
fn standard_library() -> Result<()> {
    let mut rustc = process::command("rustc");
    rustc.current_dir(paths::root()).args(["--print", "target-libdir", "--target", TARGET]);
    if Path::new(&process::output(&mut rustc)?).is_dir() {
        return Ok(());
    }
    println!("Rust's standard library for ARM: fetching with rustup (once)");
    let mut rustup = process::command("rustup");
    rustup.current_dir(paths::root()).args(["target", "add", TARGET]);
    process::watched(&mut rustup).map_err(|error| {
        format!("{error}\nprograms for ARM need Rust's standard library: `rustup target add {TARGET}`").into()
    })
}

/// The call of cargo, in a target directory of its own.
fn cargo(words: &[String], runner: &str) -> Command {
    let mut cargo = process::command("cargo");
    cargo.args(words).args(["--target", TARGET, "--target-dir", "target/arm"]).current_dir(paths::root());
    let name = |what: &str| format!("CARGO_TARGET_{}_{what}", TARGET.replace('-', "_").to_uppercase());
    cargo.env(name("LINKER"), LINKER).env(name("RUNNER"), runner);
    // In place of the flags in `.cargo/config.toml`: QEMU need not find a library of Rust's.
    cargo.env(name("RUSTFLAGS"), "-Cprefer-dynamic=no").env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    // What the user has set stays.
    if std::env::var_os("RAYON_NUM_THREADS").is_none() {
        cargo.env("RAYON_NUM_THREADS", "2");
    }
    cargo
}

#[cfg(test)]
mod tests {
    use super::{cargo, missing, runs};

    #[test]
    fn what_is_missing_is_named_with_its_packages() {
        assert_eq!(missing(true, true, true), None);
        let sentence = missing(true, false, false).unwrap();
        assert!(sentence.contains("without the C library and QEMU "), "{sentence}");
        assert!(sentence.contains("`apt install libc6-dev-arm64-cross qemu-user`"), "{sentence}");
    }

    #[test]
    fn the_unit_tests_run_first_and_then_each_suite() {
        let runs: Vec<String> = runs(&["nn".into(), "loss".into()]).iter().map(|words| words.join(" ")).collect();
        assert_eq!(
            runs,
            [
                "test --package candlelight-kernels --lib",
                "test --package candlelight-tests --test nn",
                "test --package candlelight-tests --test loss",
            ]
        );
    }

    #[test]
    fn cargo_is_told_the_linker_and_the_emulator() {
        let cargo = cargo(&["test".into()], "qemu-aarch64 -L /usr/aarch64-linux-gnu");
        let value = |name: &str| cargo.get_envs().find(|(known, _)| *known == name).and_then(|(_, value)| value);
        assert_eq!(value("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER"), Some("aarch64-linux-gnu-gcc".as_ref()));
        assert_eq!(
            value("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER"),
            Some("qemu-aarch64 -L /usr/aarch64-linux-gnu".as_ref())
        );
        assert_eq!(value("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS"), Some("-Cprefer-dynamic=no".as_ref()));
    }
}
