//! `cargo xtask twins`: each notebook and its text twin, the MyST Markdown that people edit and review.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::arguments::Arguments;
use crate::error::{About, Result};
use crate::{paths, process, python, run, setup};

/// Brings the named notebooks, or all, and their twins into step by the newer of the two, or, with `--check`, only says
/// where they are not.
pub fn twins(mut arguments: Arguments) -> Result<ExitCode> {
    let check_only = arguments.flag("--check");
    let named = arguments.rest()?;
    let mut notebooks = if named.is_empty() { all()? } else { Vec::new() };
    for file in named {
        notebooks.push(std::path::absolute(&file).about(&file)?.with_extension("ipynb"));
    }
    setup::setup()?;
    let apart = apart(&notebooks)?;
    if check_only {
        apart.iter().for_each(|(_, line)| println!("{line}"));
        return Ok(if apart.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let (mut texts, mut others) = (Vec::new(), Vec::new());
    for (notebook, _) in apart {
        let twin = notebook.with_extension("md");
        if modified(&twin) > modified(&notebook) { texts.push(twin) } else { others.push(notebook) }
    }
    // Not `--sync`, which passes in silence over files that do not name their pair themselves.
    convert(&["--update", "--to", "ipynb"], &texts)?;
    convert(&["--to", "md:myst"], &others)?;
    Ok(ExitCode::SUCCESS)
}

/// A line for each notebook of the course that says something else than its twin.
pub fn out_of_step() -> Result<Vec<String>> {
    Ok(apart(&all()?)?.into_iter().map(|(_, line)| line).collect())
}

/// The notebooks of the course, also those of which only the twin is there: new chapters.
fn all() -> Result<Vec<PathBuf>> {
    let mut notebooks = run::all_notebooks()?;
    let folder = paths::root().join("notebooks");
    for folder in [folder.clone(), folder.join("solutions")] {
        for entry in fs::read_dir(&folder).about(folder.display())? {
            let file = entry.about(folder.display())?.path();
            let notebook = file.with_extension("ipynb");
            if file.extension().is_some_and(|extension| extension == "md") && !notebook.exists() {
                notebooks.push(notebook);
            }
        }
    }
    Ok(notebooks)
}

/// The notebooks that say something else than their twins, each with a line about it.
fn apart(notebooks: &[PathBuf]) -> Result<Vec<(PathBuf, String)>> {
    let (there, missing): (Vec<&PathBuf>, Vec<&PathBuf>) = notebooks.iter().partition(|notebook| notebook.exists());
    let written = process::output(python::python().arg(paths::script("twins.py")).args(&there))?;
    let written: Vec<String> = serde_json::from_str(&written).about("twins.py")?;
    let mut apart = Vec::new();
    for notebook in missing {
        let twin = paths::shown(&notebook.with_extension("md"));
        apart.push((notebook.clone(), format!("{twin} has no notebook; `cargo xtask twins` makes it")));
    }
    for (notebook, written) in there.into_iter().zip(written) {
        let twin = notebook.with_extension("md");
        let (shown, twin_shown) = (paths::shown(notebook), paths::shown(&twin));
        let line = match fs::read_to_string(&twin) {
            Err(_) => format!("{shown} has no text twin {twin_shown}"),
            Ok(text) if written.trim() != text.trim() => {
                format!("{shown} and {twin_shown} are out of step; `cargo xtask twins` follows the newer")
            }
            Ok(_) => continue,
        };
        apart.push((notebook.clone(), line));
    }
    Ok(apart)
}

/// When a file was last changed; `None`, which is before all times, if it is not there.
fn modified(file: &Path) -> Option<std::time::SystemTime> {
    fs::metadata(file).and_then(|file| file.modified()).ok()
}

fn convert(how: &[&str], files: &[PathBuf]) -> Result<()> {
    // Without a file, jupytext would take standard input for one.
    if !files.is_empty() {
        process::output(python::module("jupytext").arg("--quiet").args(how).args(files))?;
    }
    Ok(())
}
