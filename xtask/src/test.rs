//! `cargo xtask test`: everything that must hold before a change lands.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::error::Result;
use crate::{browser, data, deny, evcxr, mpi, paths, process, run, setup, site, twins};

struct Outcome {
    name: &'static str,
    passed: bool,
    time: Duration,
}

/// The suites of what computes, which run on every instruction set that the machine has.
const SUITES: [&str; 16] = [
    "activation",
    "autograd",
    "check",
    "checkpoint",
    "distributed",
    "gan",
    "graph",
    "init",
    "loss",
    "memory",
    "metrics",
    "nn",
    "optim",
    "params",
    "probability",
    "regularization",
];

/// The names of the instruction sets below the widest that the processor has; see `kernels::Instructions`.
fn narrower() -> &'static [&'static str] {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        return &["avx2", "base"];
    }
    &["base"]
}

/// Runs every step, also after one that failed, and sums up.
pub fn test(mut arguments: Arguments) -> Result<ExitCode> {
    let quick = arguments.flag("--quick");
    arguments.end()?;
    let mut outcomes = Vec::new();
    let mut step = |name: &'static str, work: &dyn Fn() -> Result<()>| {
        println!("\n--- {name}");
        let start = Instant::now();
        let result = work();
        if let Err(error) = &result {
            println!("{name} failed: {error}");
        }
        outcomes.push(Outcome { name, passed: result.is_ok(), time: start.elapsed() });
    };
    step("set-up", &setup::setup);
    step("MPI", &|| mpi::compiler().map(drop));
    step("formatting", &|| {
        cargo(&["fmt", "--all", "--check"], &[])?;
        cargo(&["fmt", "--check", "--manifest-path", "kernel/program/Cargo.toml"], &[])
    });
    step("dependencies", &|| deny::deny(false));
    step("lints", &|| {
        let features = ["--features", "candlelight-tests/lab,candlelight-peer/ranks"];
        let lints = ["clippy", "--workspace", "--all-targets", features[0], features[1], "--", "-D", "warnings"];
        cargo(&lints, &[])?;
        match evcxr::lints()? {
            said if said.is_empty() => Ok(()),
            said => Err(format!("the kernel, when it was compiled:\n{said}").into()),
        }
    });
    step("documentation", &|| cargo(&["doc", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")]));
    // The tests that need all images are left out where it is missing.
    step("Fashion-MNIST", &|| data::full().map(drop));
    step("Rust suites", &|| cargo(&["test", "--workspace", "--exclude", "candlelight-mpi", "--no-fail-fast"], &[]));
    step("Rust suites on narrower registers", &|| {
        for instructions in narrower() {
            println!("CANDLELIGHT_INSTRUCTIONS={instructions}");
            let suites = SUITES.iter().flat_map(|suite| ["--test", suite]);
            let all = [
                "test",
                "--no-fail-fast",
                "--package",
                "candlelight-kernels",
                "--package",
                "candlelight-tests",
                "--lib",
            ];
            let words: Vec<&str> = all.into_iter().chain(suites).collect();
            cargo(&words, &[("CANDLELIGHT_INSTRUCTIONS", instructions)])?;
        }
        Ok(())
    });
    // With the cores for itself: its ranks have deadlines.
    step("ranks under MPI", &|| cargo(&["test", "--package", "candlelight-mpi"], &[]));
    if !quick {
        step("text twins", &|| match twins::out_of_step()? {
            apart if apart.is_empty() => Ok(()),
            apart => Err(apart.join("\n").into()),
        });
        step("notebooks", &|| {
            let words = ["--jobs", "2"].map(str::to_owned);
            let code = run::run(Arguments::new(words.into_iter()))?;
            if code == ExitCode::SUCCESS { Ok(()) } else { Err("see the table".into()) }
        });
        step("kernel, runner and set-up", &|| {
            cargo(
                &["test", "--package", "candlelight-tests", "--features", "lab", "--test", "lab", "--", "--nocapture"],
                &[],
            )
        });
        step("browser", &browser::test);
        step("site", &site::test);
    }
    println!();
    for outcome in &outcomes {
        let verdict = if outcome.passed { "ok" } else { "FAILED" };
        println!("{:>6}  {verdict:6}  {}", process::clock(outcome.time), outcome.name);
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
    println!("\nsteps: {} passed, {failed} failed", outcomes.len() - failed);
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn cargo(arguments: &[&str], variables: &[(&str, &str)]) -> Result<()> {
    let mut cargo = process::command("cargo");
    cargo.args(arguments).envs(variables.iter().copied()).current_dir(paths::root());
    process::watched(&mut cargo)
}
