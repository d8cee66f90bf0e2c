//! What the comparison needs: PyTorch in an environment of its own, and the Rust programs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{About, Result};
use crate::{data, evcxr, mpi, paths, process, python};

use super::program::Process;

/// What PyTorch 2.15 needs of Python.
const PYTHON: (&str, (u32, u32)) = ("PyTorch", (3, 11));

/// The programs, ready to start.
pub struct Environment {
    rust: PathBuf,
    python: PathBuf,
    /// Of each rank.
    threads: usize,
    ranks: usize,
    /// The program that starts ranks, if there are several.
    mpirun: Option<PathBuf>,
    /// Where the Rust program, compiled for ranks, finds its MPI.
    libraries: Option<OsString>,
    data: Option<PathBuf>,
}

impl Environment {
    /// Installs and builds what is not there yet, and fetches Fashion-MNIST if a workload needs it.
    pub fn prepare(threads: usize, ranks: usize, needs_data: bool) -> Result<Self> {
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
        let data = match needs_data.then(data::full).transpose() {
            Ok(data) => data,
            Err(error) => {
                println!("{error}");
                None
            }
        };
        let mpirun = mpicc.as_deref().map(mpi::launcher);
        let libraries = mpicc.as_deref().map(mpi::libraries).transpose()?;
        Ok(Self { rust: program()?, python, threads, ranks, mpirun, libraries, data })
    }

    /// Whether the full Fashion-MNIST is on this machine.
    pub fn has_data(&self) -> bool {
        self.data.is_some()
    }

    /// Starts the Rust program as `candlelight` or as `stock`.
    pub fn rust(&self, subject: &str) -> Result<Process> {
        Process::start(self.with_settings(&mut process::command(&self.rust)).arg(subject))
    }

    /// Starts candlelight on several ranks.
    pub fn ranks(&self) -> Result<Process> {
        let mpirun = self.mpirun.as_deref().ok_or("there is one rank")?;
        let job = mpi::Job::new()?;
        let mut command = job.command(mpirun, self.ranks);
        Ok(Process::start(self.with_settings(&mut command).arg(&self.rust).arg("ranks"))?.of_job(job))
    }

    /// Starts candlelight as one process with the threads and the batches of all ranks.
    pub fn alone(&self) -> Result<Process> {
        let mut command = process::command(&self.rust);
        let command = self.with_settings(&mut command).arg("candlelight");
        let threads = (self.threads * self.ranks).to_string();
        Process::start(command.env("CANDLELIGHT_SHARES", self.ranks.to_string()).env("RAYON_NUM_THREADS", threads))
    }

    /// Draws the table of `cargo xtask bench --peer torch --out`.
    pub fn plot(&self, table: &Path, figure: &Path) -> Result<()> {
        process::output(self.with_settings(&mut process::command(&self.rust)).arg("plot").args([table, figure]))
            .map(drop)
    }

    /// Starts PyTorch.
    pub fn torch(&self) -> Result<Process> {
        let script = paths::root().join("xtask/peer/python/peer.py");
        let mut python = process::command(&self.python);
        let numbers = [self.threads, self.ranks].map(|number| number.to_string());
        Process::start(self.with_settings(python.arg("-B").arg(script).args(numbers)))
    }

    /// The number of threads, and the data. No setting of OpenMP: see `docs/decisions.md`.
    fn with_settings<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("RAYON_NUM_THREADS", self.threads.to_string());
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        if let Some(data) = &self.data {
            command.env("CANDLELIGHT_DATA", data);
        }
        command
    }
}

/// The Python of the environment, made and filled on first use.
fn python() -> Result<PathBuf> {
    let requirements = paths::root().join("xtask/peer/python/requirements.txt");
    let folder = paths::root().join("target/peer");
    Ok(python::with_packages(&folder, &requirements, PYTHON, "minutes")?.join("bin/python"))
}

/// Where cargo puts the Rust program.
fn program() -> Result<PathBuf> {
    let rustc = process::output(process::command("rustc").current_dir(paths::root()).arg("-vV"))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| paths::root().join("target"), PathBuf::from);
    Ok(target.join(evcxr::host(&rustc)).join("debug/candlelight-peer"))
}
