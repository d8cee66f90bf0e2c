//! `cargo xtask twins`: each notebook and its text twin, the MyST Markdown that people edit and review.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use crate::arguments::Arguments;
use crate::error::{About, Result};
use crate::{paths, process, run, setup};

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
    // A twin without its notebook is a new chapter.
    let folder = paths::root().join("notebooks");
    for folder in [folder.clone(), folder.join("solutions")] {
        for entry in fs::read_dir(&folder).about(folder.display())? {
            let file = entry.about(folder.display())?.path();
            if file.extension().is_some_and(|extension| extension == "md") {
                jupytext(&["--quiet", "--sync"], &file)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A line for each notebook that says something else than its twin.
pub fn apart() -> Result<Vec<String>> {
    let mut apart = Vec::new();
    for notebook in run::all_notebooks()? {
        let twin = notebook.with_extension("md");
        let Ok(text) = fs::read_to_string(&twin) else {
            apart.push(format!("{} has no text twin {}", paths::shown(&notebook), paths::shown(&twin)));
            continue;
        };
        let written = jupytext(&["--quiet", "--to", "md:myst", "--output", "-"], &notebook)?;
        if written.trim() != text.trim() {
            apart.push(format!(
                "{} and {} are out of step; `cargo xtask twins` follows the newer",
                paths::shown(&notebook),
                paths::shown(&twin)
            ));
        }
    }
    Ok(apart)
}

fn jupytext(arguments: &[&str], file: &Path) -> Result<String> {
    process::output(setup::jupyter("jupytext").args(arguments).arg(file))
}
