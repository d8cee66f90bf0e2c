//! What the comparison needs: PyTorch in an environment of its own, and the Rust programs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{About, Result};
use crate::{data, evcxr, mpi, paths, process, python};

use super::instructions::Instructions;
use super::program::Process;
use super::workloads::Workload;

/// What PyTorch 2.15 needs of Python.
const PYTHON: (&str, (u32, u32)) = ("PyTorch", (3, 11));

/// The programs, ready to start.
pub struct Environment {
    rust: PathBuf,
    python: PathBuf,
    ranks: usize,
    /// What the programs are held to.
    instructions: Option<Instructions>,
    /// The program that starts ranks, if there are several.
    mpirun: Option<PathBuf>,
    /// Where the Rust program, compiled for ranks, finds its MPI.
    libraries: Option<OsString>,
    /// Where the full Fashion-MNIST is, or why it is not here, if a workload needs it.
    data: Option<Result<PathBuf>>,
}

impl Environment {
    /// Installs and builds what is not there yet, and fetches Fashion-MNIST if a workload needs it.
    pub fn prepare(ranks: usize, instructions: Option<Instructions>, needs_data: bool) -> Result<Self> {
        let python = python()?;
        let mpicc = if ranks > 1 { Some(mpi::compiler()?) } else { None };
        let mut cargo = process::command("cargo");
        cargo.args(["build", "--quiet", "--package", "candlelight-peer"]).current_dir(paths::root());
        if mpicc.is_some() {
            cargo.args(["--features", "ranks"]);
        }
        let built = cargo.status().about("cannot start cargo")?;
        if !built.success() {
            return Err("`cargo build --package candlelight-peer` failed; what it said stands above".into());
        }
        // Without it the others can be measured still.
        let data = needs_data.then(data::full);
        if let Some(Err(error)) = &data {
            println!("{error}");
        }
        let mpirun = mpicc.as_deref().map(mpi::launcher);
        let libraries = mpicc.as_deref().map(mpi::libraries).transpose()?;
        Ok(Self { rust: program()?, python, ranks, instructions, mpirun, libraries, data })
    }

    /// Why a workload cannot be measured, if that is for want of data.
    pub fn lacks(&self, workload: &Workload) -> Option<String> {
        match &self.data {
            Some(Err(error)) if workload.needs_data() => {
                Some(format!("the full Fashion-MNIST is not on this machine: {error}"))
            }
            _ => None,
        }
    }

    /// Starts the Rust program as `candlelight` or as `stock`.
    pub fn rust(&self, subject: &str, threads: usize) -> Result<Process> {
        Process::start(self.with_settings(&mut process::command(&self.rust), threads).arg(subject))
    }

    /// Starts candlelight on several ranks, with so many threads each.
    pub fn ranks(&self, threads: usize) -> Result<Process> {
        let mpirun = self.mpirun.as_deref().ok_or("there is one rank")?;
        let job = mpi::Job::new()?;
        let mut command = job.command(mpirun, self.ranks);
        Ok(Process::start(self.with_settings(&mut command, threads).arg(&self.rust).arg("ranks"))?.of_job(job))
    }

    /// Starts candlelight as one process with the threads and the batches of all ranks.
    pub fn alone(&self, threads: usize) -> Result<Process> {
        let mut command = process::command(&self.rust);
        let command = self.with_settings(&mut command, threads * self.ranks).arg("candlelight");
        Process::start(command.env("CANDLELIGHT_SHARES", self.ranks.to_string()))
    }

    /// Draws the table of `cargo xtask bench --peer torch --out`.
    pub fn plot(&self, table: &Path, figure: &Path) -> Result<()> {
        process::output(process::command(&self.rust).arg("plot").args([table, figure])).map(drop)
    }

    /// Starts PyTorch, with so many threads in each of its ranks.
    pub fn torch(&self, threads: usize) -> Result<Process> {
        let script = paths::root().join("xtask/peer/python/peer.py");
        let mut python = process::command(&self.python);
        let numbers = [threads, self.ranks].map(|number| number.to_string());
        Process::start(self.with_settings(python.arg("-B").arg(script).args(numbers), threads))
    }

    /// The number of threads, the data, and what the instructions are held to. No setting of OpenMP: see
    /// `docs/decisions.md`.
    fn with_settings<'a>(&self, command: &'a mut Command, threads: usize) -> &'a mut Command {
        command.env("RAYON_NUM_THREADS", threads.to_string());
        command.envs(self.instructions.into_iter().flat_map(Instructions::variables));
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        if let Some(Ok(data)) = &self.data {
            command.env("CANDLELIGHT_DATA", data);
        }
        command
    }
}

/// The Python of the environment, made and filled on first use.
fn python() -> Result<PathBuf> {
    let requirements = paths::root().join("xtask/peer/python/requirements.txt");
    let folder = paths::root().join("target/peer");
    Ok(python::with_packages(&folder, &[requirements], PYTHON, "minutes")?.join("bin/python"))
}

/// Where cargo puts the Rust program.
fn program() -> Result<PathBuf> {
    let rustc = process::output(process::command("rustc").current_dir(paths::root()).arg("-vV"))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| paths::root().join("target"), PathBuf::from);
    Ok(target.join(evcxr::host(&rustc)).join("debug/candlelight-peer"))
}
