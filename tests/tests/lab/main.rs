//! The real kernel, the runner and the set-up, through the commands that people type.

mod colab;
mod kernel;
mod release;
mod runner;
mod set_up;
mod twins;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}

/// `cargo xtask`, without what `cargo test` puts into the environment.
fn xtask(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.arg("xtask").args(arguments).current_dir(root());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO") && name != "CARGO_HOME") {
        command.env_remove(name);
    }
    command.env_remove("LD_LIBRARY_PATH");
    command
}

/// Standard output and error, and whether the command succeeded.
fn run(command: &mut Command) -> (bool, String) {
    let Output { status, stdout, stderr } = command.output().expect("the command starts");
    let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    (status.success(), text)
}

/// The small notebooks of `tests/notebooks/make.py` in a folder of their own.
fn notebooks() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let python = root().join("target/lab/venv/bin/python");
    let made = Command::new(python).arg(root().join("tests/notebooks/make.py")).arg(folder.path()).status();
    assert!(made.expect("Python starts").success(), "make.py failed");
    folder
}

/// Runs the named notebooks; what the runner printed, and its report.
fn run_notebooks(names: &[&str], more: &[&str]) -> (bool, String, serde_json::Value) {
    let folder = notebooks();
    let report = folder.path().join("report.json");
    let mut command = xtask(&["run"]);
    command.args(names.iter().map(|name| folder.path().join(format!("{name}.ipynb")))).args(more);
    let (passed, text) = run(command.arg("--json").arg(&report));
    let report = std::fs::read_to_string(&report).unwrap_or_else(|_| panic!("no report; the runner said:\n{text}"));
    (passed, text, serde_json::from_str(&report).expect("the report is JSON"))
}
