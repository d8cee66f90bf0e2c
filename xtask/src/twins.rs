//! `cargo xtask twins`: each notebook and its text twin, the MyST Markdown that people edit and review.
//!
//! The twins of the course are in `notebooks/text`, so that a list of `notebooks` shows each chapter once; that of a notebook elsewhere
//! is in a folder `text` beside it. Nothing else in this program knows the place.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::arguments::Arguments;
use crate::error::{About, Result};
use crate::{paths, process, python, run, setup};

/// The folder of the twins.
const TEXT: &str = "text";

/// Brings the named notebooks, or all, and their twins into step by the newer of the two, or, with `--check`, only says
/// where they are not.
pub fn twins(mut arguments: Arguments) -> Result<ExitCode> {
    let check_only = arguments.flag("--check");
    let named = arguments.rest()?;
    let mut notebooks = if named.is_empty() { all()? } else { Vec::new() };
    for file in named {
        notebooks.push(named_notebook(Path::new(&file))?);
    }
    setup::setup()?;
    let apart = apart(&notebooks)?;
    if check_only {
        apart.iter().for_each(|(_, line)| println!("{line}"));
        return Ok(if apart.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let mut written = Vec::new();
    for (notebook, _) in apart {
        let twin = twin(&notebook);
        if modified(&twin) > modified(&notebook) {
            written.extend([twin, notebook]);
        } else {
            let folder = twin.parent().unwrap_or(&twin);
            fs::create_dir_all(folder).about(folder.display())?;
            written.extend([notebook, twin]);
        }
    }
    if !written.is_empty() {
        process::output(python::python().arg(paths::script("twins.py")).arg("--write").args(written))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A line for each notebook of the course that says something else than its twin.
pub fn out_of_step() -> Result<Vec<String>> {
    Ok(apart(&all()?)?.into_iter().map(|(_, line)| line).collect())
}

/// The folder of the course.
fn course() -> PathBuf {
    paths::root().join("notebooks")
}

/// The text twin of a notebook.
fn twin(notebook: &Path) -> PathBuf {
    let course = course();
    let folder = if notebook.starts_with(&course) { &course } else { notebook.parent().unwrap_or(notebook) };
    let within = notebook.strip_prefix(folder).unwrap_or(notebook);
    folder.join(TEXT).join(within).with_extension("md")
}

/// The notebook of a text twin, if that is where twins are.
fn notebook_of(twin: &Path) -> Option<PathBuf> {
    let course = course();
    let folder = if twin.starts_with(&course) { course.join(TEXT) } else { twin.parent()?.to_owned() };
    let within = twin.strip_prefix(&folder).ok()?;
    folder.ends_with(TEXT).then(|| folder.with_file_name(within).with_extension("ipynb"))
}

/// The notebook that somebody named, by itself or by its twin; one of the two need not be there.
fn named_notebook(file: &Path) -> Result<PathBuf> {
    let file = std::path::absolute(file).about(file.display())?;
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return Err(format!("{} is no notebook", file.display()).into());
    };
    // As the repository's own path is: without links.
    let file = folder.canonicalize().about(folder.display())?.join(name);
    let notebook = match file.extension().is_some_and(|extension| extension == "md") {
        true => notebook_of(&file).ok_or_else(|| misplaced(&file))?,
        false => file.with_extension("ipynb"),
    };
    match notebook.exists() || twin(&notebook).exists() {
        true => Ok(notebook),
        false => {
            Err(format!("there is no {}, and no {}", paths::shown(&notebook), paths::shown(&twin(&notebook))).into())
        }
    }
}

fn misplaced(file: &Path) -> String {
    format!("{} is no text twin: those are in a folder `{TEXT}` beside the notebooks", paths::shown(file))
}

/// The notebooks of the course, also those of which only the twin is there: new chapters.
fn all() -> Result<Vec<PathBuf>> {
    let mut notebooks = run::all_notebooks()?;
    for folder in [course(), course().join("solutions")] {
        if let Some(text) = texts(&folder)?.first() {
            return Err(misplaced(text).into());
        }
    }
    for folder in [course().join(TEXT), course().join(TEXT).join("solutions")] {
        let named = texts(&folder)?;
        notebooks.extend(named.iter().filter_map(|twin| notebook_of(twin)).filter(|notebook| !notebook.exists()));
    }
    Ok(notebooks)
}

/// The Markdown files of a folder.
fn texts(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).about(folder.display())? {
        let file = entry.about(folder.display())?.path();
        if file.extension().is_some_and(|extension| extension == "md") {
            texts.push(file);
        }
    }
    texts.sort();
    Ok(texts)
}

/// The notebooks that say something else than their twins, each with a line about it.
fn apart(notebooks: &[PathBuf]) -> Result<Vec<(PathBuf, String)>> {
    let (there, missing): (Vec<&PathBuf>, Vec<&PathBuf>) = notebooks.iter().partition(|notebook| notebook.exists());
    let written = process::output(python::python().arg(paths::script("twins.py")).args(&there))?;
    let written: Vec<String> = serde_json::from_str(&written).about("twins.py")?;
    let mut apart = Vec::new();
    for notebook in missing {
        let twin = paths::shown(&twin(notebook));
        apart.push((notebook.clone(), format!("{twin} has no notebook; `cargo xtask twins` makes it")));
    }
    for (notebook, written) in there.into_iter().zip(written) {
        let twin = twin(notebook);
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{course, notebook_of, twin};

    #[test]
    fn a_twin_is_in_the_folder_of_texts_and_names_its_notebook() {
        let course = course();
        for (notebook, text) in [
            (course.join("01-likelihood.ipynb"), course.join("text/01-likelihood.md")),
            (course.join("solutions/01-likelihood.ipynb"), course.join("text/solutions/01-likelihood.md")),
            ("/elsewhere/a.b.ipynb".into(), "/elsewhere/text/a.b.md".into()),
        ] {
            assert_eq!(twin(&notebook), text);
            assert_eq!(notebook_of(&text), Some(notebook));
        }
        for text in
            [course.join("01-likelihood.md"), course.join("solutions/01-likelihood.md"), "/elsewhere/a.md".into()]
        {
            assert_eq!(notebook_of(Path::new(&text)), None, "{}", text.display());
        }
    }
}
