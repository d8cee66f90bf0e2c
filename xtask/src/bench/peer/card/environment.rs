//! What the comparison on a card needs: candlelight's program with the feature `cuda`, and PyTorch for CUDA.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cuda::{self, Toolkit};
use crate::error::Result;
use crate::{paths, process, python};

use super::super::program::Process;
use super::driver::{Card, libraries};

/// What PyTorch 2.15 needs of Python.
const PYTHON: (&str, (u32, u32)) = ("PyTorch for CUDA", (3, 11));

/// The programs, ready to start.
pub struct Environment {
    ours: PathBuf,
    /// Where our program finds NVIDIA's libraries and Rust's, if it was compiled here.
    folders: Vec<PathBuf>,
    python: PathBuf,
}

impl Environment {
    /// Compiles our program for the card, and installs PyTorch, but for what is given.
    pub fn prepare(card: &Card, cudnn: bool, program: Option<&Path>, python: Option<&Path>) -> Result<Self> {
        let (ours, folders) = match program {
            Some(program) => (program.to_owned(), Vec::new()),
            None => compiled(card, cudnn)?,
        };
        let python = python.map_or_else(installed, |python| Ok(python.to_owned()))?;
        Ok(Self { ours, folders, python })
    }

    /// Starts our program, as `cuda` on the card or as `candlelight` on the CPU.
    pub fn ours(&self, device: &str, threads: usize) -> Result<Process> {
        let mut command = process::command(&self.ours);
        Process::start(with_settings(&mut command, &self.folders, threads)?.arg(device))
    }

    /// Starts PyTorch on the card.
    pub fn torch(&self, threads: usize) -> Result<Process> {
        let script = paths::root().join("xtask/peer/python/peer.py");
        let mut command = process::command(&self.python);
        command.arg("-B").arg(script).args([&threads.to_string(), "1", "cuda"]);
        Process::start(with_settings(&mut command, &[], threads)?)
    }
}

fn with_settings<'a>(command: &'a mut Command, folders: &[PathBuf], threads: usize) -> Result<&'a mut Command> {
    Ok(command.env("RAYON_NUM_THREADS", threads.to_string()).env("LD_LIBRARY_PATH", libraries(folders)?))
}

/// Our program, for the card where `CUDA_COMPUTE_CAP` names no other, and the folders of its libraries.
fn compiled(card: &Card, cudnn: bool) -> Result<(PathBuf, Vec<PathBuf>)> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err("the CUDA compiler that is installed for this is for x86-64 Linux alone; elsewhere build \
                    candlelight-peer with `--features cuda` and give it as --program"
            .into());
    }
    let toolkit = Toolkit::install()?;
    let feature = if cudnn { "cudnn" } else { "cuda" };
    let mut cargo = toolkit.cargo(&["build", "--package", "candlelight-peer", "--features", feature])?;
    if std::env::var_os("CUDA_COMPUTE_CAP").is_none() {
        cargo.env("CUDA_COMPUTE_CAP", &card.capability);
    }
    process::watched(&mut cargo)?;
    let program = toolkit.target.join(cuda::host()?).join("debug/candlelight-peer");
    Ok((program, toolkit.libs().into_iter().chain([cuda::rust_libraries()?]).collect()))
}

/// The Python of an environment of its own, made and filled on first use.
fn installed() -> Result<PathBuf> {
    let requirements = paths::root().join("xtask/peer/python/requirements-cuda.txt");
    let folder = paths::root().join("target/peer/cuda");
    Ok(python::with_packages(&folder, &[requirements], PYTHON, "some 5 GB")?.join("bin/python"))
}
