//! `cargo xtask mpi`: a program of several ranks, built and started.

mod install;
mod job;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::arguments::Arguments;
use crate::error::{About, Result};
use crate::{evcxr, paths, process};

pub use install::{compiler, launcher, libraries};
pub use job::Job;

/// Counts the starts of one job, from 0; the ranks can read it.
const ATTEMPT: &str = "CANDLELIGHT_MPI_ATTEMPT";

/// Builds an example of `candlelight-mpi`, and starts it until it succeeds or has failed too often.
pub fn mpi(mut arguments: Arguments) -> Result<ExitCode> {
    let of_program = arguments.after_dashes();
    let ranks: usize = arguments.value("-n")?.unwrap_or(2);
    let restarts: usize = arguments.value("--restarts")?.unwrap_or(0);
    let survive = arguments.flag("--survive");
    let words = arguments.rest()?;
    let [example] = &words[..] else {
        return Err(format!("`cargo xtask mpi` starts one example of crate/mpi/examples, got {words:?}").into());
    };
    if ranks == 0 {
        return Err("-n must be at least 1, got 0".into());
    }
    let mpicc = compiler()?;
    let program = build(example)?;
    for attempt in 0.. {
        let job = Job::new()?;
        let mut mpirun = job.command(&launcher(&mpicc), ranks);
        if survive {
            mpirun.args(["--with-ft", "ulfm"]);
        }
        mpirun.arg(&program).args(&of_program).env(ATTEMPT, attempt.to_string());
        let status = job::watch(&mut mpirun)?;
        drop(job);
        if status.success() {
            return Ok(ExitCode::SUCCESS);
        }
        if attempt == restarts {
            // Of a job that a signal has ended, mpirun's status can be any.
            println!("the job failed ({status})");
            return Ok(ExitCode::FAILURE);
        }
        println!("the job failed ({status}): restart {} of {restarts}", attempt + 1);
    }
    Ok(ExitCode::FAILURE)
}

/// Where cargo puts the program.
fn build(example: &str) -> Result<PathBuf> {
    let mut cargo = process::command("cargo");
    cargo.args(["build", "--quiet", "--package", "candlelight-mpi", "--example", example]);
    cargo.current_dir(paths::root());
    let status = cargo.status().about("cannot start cargo")?;
    if !status.success() {
        return Err(format!("the example `{example}` could not be built; what cargo said stands above").into());
    }
    let rustc = process::output(process::command("rustc").current_dir(paths::root()).arg("-vV"))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| paths::root().join("target"), PathBuf::from);
    Ok(target.join(evcxr::host(&rustc)).join("debug/examples").join(example))
}
