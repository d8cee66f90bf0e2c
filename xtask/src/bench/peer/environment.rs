//! What the comparison needs: PyTorch in an environment of its own, and the Rust programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{About, Result};
use crate::{data, done, evcxr, paths, process, python};

use super::program::Process;

/// What PyTorch 2.15 needs of Python.
const PYTHON: (&str, (u32, u32)) = ("PyTorch", (3, 11));

/// The programs, ready to start.
pub struct Environment {
    rust: PathBuf,
    python: PathBuf,
    threads: usize,
    data: Option<PathBuf>,
}

impl Environment {
    /// Installs and builds what is not there yet, and fetches Fashion-MNIST if a workload needs it.
    pub fn prepare(threads: usize, needs_data: bool) -> Result<Self> {
        let python = python()?;
        let mut cargo = process::command("cargo");
        cargo.args(["build", "--quiet", "--package", "candlelight-peer"]).current_dir(paths::root());
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
        Ok(Self { rust: program()?, python, threads, data })
    }

    /// Whether the full Fashion-MNIST is on this machine.
    pub fn has_data(&self) -> bool {
        self.data.is_some()
    }

    /// Starts the Rust program as `candlelight` or as `stock`.
    pub fn rust(&self, subject: &str) -> Result<Process> {
        Process::start(self.with_settings(&mut process::command(&self.rust)).arg(subject))
    }

    /// Draws the table of `cargo xtask bench --peer torch --out`.
    pub fn plot(&self, table: &Path, figure: &Path) -> Result<()> {
        process::output(process::command(&self.rust).arg("plot").args([table, figure])).map(drop)
    }

    /// Starts PyTorch.
    pub fn torch(&self) -> Result<Process> {
        let script = paths::root().join("xtask/peer/python/peer.py");
        let mut python = process::command(&self.python);
        Process::start(self.with_settings(python.arg("-B").arg(script).arg(self.threads.to_string())))
    }

    /// The number of threads, and the data. No setting of OpenMP: see `docs/decisions.md`.
    fn with_settings<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("RAYON_NUM_THREADS", self.threads.to_string());
        if let Some(data) = &self.data {
            command.env("CANDLELIGHT_DATA", data);
        }
        command
    }
}

/// The Python of the environment, made and filled on first use.
fn python() -> Result<PathBuf> {
    let folder = paths::root().join("target/peer");
    let venv = folder.join("venv");
    let program = venv.join("bin/python");
    let requirements = paths::root().join("xtask/peer/python/requirements.txt");
    let wanted = fs::read_to_string(&requirements).about(requirements.display())?;
    if python::is_ready(&venv, &wanted)? {
        return Ok(program);
    }
    println!("PyTorch: installing (minutes, once)");
    fs::create_dir_all(&folder).about(folder.display())?;
    python::make_venv(&venv, PYTHON, &folder.join("venv.log"))?;
    let mut pip = process::command(&program);
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-r"]).arg(&requirements);
    process::run_logged(&mut pip, &folder.join("pip.log"))?;
    done::mark_done(&venv, &wanted)?;
    Ok(program)
}

/// Where cargo puts the Rust program.
fn program() -> Result<PathBuf> {
    let rustc = process::output(process::command("rustc").current_dir(paths::root()).arg("-vV"))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| paths::root().join("target"), PathBuf::from);
    Ok(target.join(evcxr::host(&rustc)).join("debug/candlelight-peer"))
}
