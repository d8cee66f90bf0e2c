//! `cargo xtask twins`: each notebook and its text twin, the MyST Markdown that people edit and review.

use std::fs;
use std::process::ExitCode;

use crate::arguments::Arguments;
use crate::error::{About, Result};
use crate::{paths, process, python, run, setup};

/// Brings the twins into step by the newer of the two, or, with `--check`, only says where they are not.
pub fn twins(mut arguments: Arguments) -> Result<ExitCode> {
    let check_only = arguments.flag("--check");
    arguments.end()?;
    setup::setup()?;
    if check_only {
        let apart = apart()?;
        apart.iter().for_each(|line| println!("{line}"));
        return Ok(if apart.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    // The twins, not the notebooks: a twin without its notebook is a new chapter.
    let folder = paths::root().join("notebooks");
    let mut twins = Vec::new();
    for folder in [folder.clone(), folder.join("solutions")] {
        for entry in fs::read_dir(&folder).about(folder.display())? {
            twins.push(entry.about(folder.display())?.path());
        }
    }
    twins.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    process::output(python::module("jupytext").args(["--quiet", "--sync"]).args(twins))?;
    Ok(ExitCode::SUCCESS)
}

/// A line for each notebook that says something else than its twin.
pub fn apart() -> Result<Vec<String>> {
    let notebooks = run::all_notebooks()?;
    let written = process::output(python::python().arg(paths::script("twins.py")).args(&notebooks))?;
    let written: Vec<String> = serde_json::from_str(&written).about("twins.py")?;
    let mut apart = Vec::new();
    for (notebook, written) in notebooks.iter().zip(written) {
        let twin = notebook.with_extension("md");
        let (notebook, shown) = (paths::shown(notebook), paths::shown(&twin));
        match fs::read_to_string(&twin) {
            Err(_) => apart.push(format!("{notebook} has no text twin {shown}")),
            Ok(text) if written.trim() != text.trim() => {
                apart.push(format!("{notebook} and {shown} are out of step; `cargo xtask twins` follows the newer"));
            }
            Ok(_) => {}
        }
    }
    Ok(apart)
}
