//! The Python environment that holds JupyterLab.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::done::{mark_done, place_of};
use crate::error::{About, Result};
use crate::{paths, process};

/// What needs Python, and the oldest that it takes.
const PYTHON: (&str, (u32, u32)) = ("JupyterLab", (3, 10));

/// The virtual environment with the pinned packages.
pub fn install() -> Result<()> {
    let root = paths::root();
    let venv = paths::lab().join("venv");
    let pins = ["requirements.txt", "constraints.txt"].map(|name| root.join("xtask/jupyter").join(name));
    let mut wanted = String::new();
    for file in &pins {
        wanted += &fs::read_to_string(file).about(file.display())?;
    }
    if is_ready(&venv, &wanted)? {
        return Ok(());
    }
    println!("Python environment: installing JupyterLab (about a minute, once)");
    let log = paths::lab().join("log/python.log");
    let program = paths::venv_program("python");
    if process::output(process::command(&program).args(["-c", "import pip"])).is_err() {
        make_venv(&venv, PYTHON, &log)?;
    }
    let mut pip = process::command(&program);
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-r"]);
    process::run_logged(pip.arg(&pins[0]).arg("-c").arg(&pins[1]), &log)?;
    mark_done(&venv, &wanted)
}

/// The virtual environment `venv` in `folder` with the packages that files pin, made and filled on first use. `time`: what that takes.
pub fn with_packages(folder: &Path, pins: &[PathBuf], needs: (&str, (u32, u32)), time: &str) -> Result<PathBuf> {
    let venv = folder.join("venv");
    let mut wanted = String::new();
    for file in pins {
        wanted += &fs::read_to_string(file).about(file.display())?;
    }
    if is_ready(&venv, &wanted)? {
        return Ok(venv);
    }
    println!("{}: installing ({time}, once)", needs.0);
    fs::create_dir_all(folder).about(folder.display())?;
    make_venv(&venv, needs, &folder.join("venv.log"))?;
    let mut pip = process::command(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input"]);
    pip.args(pins.iter().flat_map(|file| [std::ffi::OsStr::new("-r"), file.as_os_str()]));
    process::run_logged(&mut pip, &folder.join("pip.log"))?;
    mark_done(&venv, &wanted)?;
    Ok(venv)
}

/// Whether a virtual environment was filled with what is wanted. One that was moved, or copied, with its checkout is put right.
fn is_ready(venv: &Path, wanted: &str) -> Result<bool> {
    let Some(place) = place_of(venv, wanted) else { return Ok(false) };
    if place != venv {
        rename_place(&place, venv)?;
        mark_done(venv, wanted)?;
    }
    Ok(true)
}

/// Writes the new place into the scripts, which name the Python of their environment in the first line. The programs of the
/// course go by `python -m`, and do not read it.
fn rename_place(old: &Path, new: &Path) -> Result<()> {
    let bin = new.join("bin");
    let scripts = fs::read_dir(&bin).about(bin.display())?.flatten().map(|entry| entry.path());
    let (old, new_text) = (old.display().to_string(), new.display().to_string());
    for file in scripts.filter(|file| !file.is_symlink()).chain([new.join("pyvenv.cfg")]) {
        // What is no text is a program.
        let Ok(text) = fs::read_to_string(&file) else { continue };
        if text.contains(&old) {
            fs::write(&file, text.replace(&old, &new_text)).about(file.display())?;
        }
    }
    Ok(())
}

/// An empty virtual environment, of a Python that is new enough for what it is for.
fn make_venv(venv: &Path, needs: (&str, (u32, u32)), log: &Path) -> Result<()> {
    let python = find_newer(needs)?;
    process::run_logged(process::command(&python).args(["-m", "venv", "--clear"]).arg(venv), log).map_err(|error| {
        format!("{error}\n`{python} -m venv` failed; on Debian and Ubuntu it needs `apt install python3-venv`").into()
    })
}

/// A Python for scripts that need nothing but its standard library.
pub fn find() -> Result<String> {
    find_newer(("fetching a release of the kernel", PYTHON.1))
}

fn find_newer((what, oldest): (&str, (u32, u32))) -> Result<String> {
    let mut found = String::from("none");
    for name in std::env::var("PYTHON").into_iter().chain(["python3".to_owned(), "python".to_owned()]) {
        let mut ask = process::command(&name);
        let Ok(said) = process::output(ask.args(["-c", "import sys; print(*sys.version_info[:2])"])) else { continue };
        let version: Vec<u32> = said.split(' ').filter_map(|part| part.parse().ok()).collect();
        if let [major, minor] = version[..]
            && (major, minor) >= oldest
        {
            return Ok(name);
        }
        found = format!("`{name}` {}", said.replace(' ', "."));
    }
    Err(format!(
        "Python {}.{} or newer is needed for {what}, found {found}; install it (Debian and Ubuntu: `apt install python3 \
         python3-venv`) or set PYTHON to its program",
        oldest.0, oldest.1
    )
    .into())
}

/// Python, with the arguments still to come, and Jupyter finding our kernel first.
pub fn python() -> Command {
    let mut command = process::command(paths::venv_program("python"));
    command.env("JUPYTER_PREFER_ENV_PATH", "1").env("PYTHONUNBUFFERED", "1").current_dir(paths::root());
    command
}

/// A program of the environment, by the name of its module: its script in `bin` would depend on the place.
pub fn module(name: &str) -> Command {
    let mut command = python();
    command.args(["-m", name]);
    command
}
