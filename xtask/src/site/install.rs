//! What the site is made with, brought on first use: Sphinx with its theme from PyPI, MathJax and the rules of accessibility from npm,
//! Chromium.

use std::fs;
use std::path::{Path, PathBuf};

use super::{chromium, folder, sources};
use crate::done::{is_done, mark_done};
use crate::error::{About, Result};
use crate::{paths, process, python, ways};

/// What Sphinx needs of Python.
const PYTHON: (&str, (u32, u32)) = ("the site", (3, 11));

/// The parts of MathJax that the pages load: no menu, and no speech of its own.
const MATHJAX: [&str; 6] = ["LICENSE", "startup.js", "core.js", "input/tex.js", "input/tex", "output/chtml.js"];
const ASSISTIVE: &str = "a11y/assistive-mml.js";
const FONT: [&str; 2] = ["chtml", "chtml.js"];

/// What is installed.
pub struct Tools {
    /// The Python environment.
    pub venv: PathBuf,
    /// A folder of files that the pages get, with MathJax in it.
    pub mathjax: PathBuf,
    /// Chromium's program; without one, Playwright's own.
    pub chromium: Option<String>,
    modules: PathBuf,
}

impl Tools {
    /// The rules of accessibility, as a script for a page.
    pub fn axe(&self) -> PathBuf {
        self.modules.join("axe-core/axe.min.js")
    }
}

/// Installs what is missing.
pub fn tools() -> Result<Tools> {
    let venv = python::with_packages(&folder(), &[sources().join("requirements.txt")], PYTHON, "half a minute")?;
    let modules = modules()?;
    let chromium = chromium::find(&venv.join("bin/python"))?;
    Ok(Tools { venv, mathjax: folder().join("npm/static"), chromium, modules })
}

/// The packages of npm, each checked by the hash in the lock file.
fn modules() -> Result<PathBuf> {
    let npm = folder().join("npm");
    let modules = npm.join("node_modules");
    let lock = fs::read_to_string(sources().join("package-lock.json")).about("package-lock.json")?;
    if is_done(&npm, &lock) {
        return Ok(modules);
    }
    println!("MathJax: installing (seconds, once)");
    let program = program()?;
    fs::create_dir_all(&npm).about(npm.display())?;
    for name in ["package.json", "package-lock.json"] {
        fs::copy(sources().join(name), npm.join(name)).about(name)?;
    }
    let mut install = process::command(&program);
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&npm);
    // npm starts the node that stands beside it.
    if let Some(bin) = program.parent() {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let all = std::env::join_paths([bin.to_owned()].into_iter().chain(std::env::split_paths(&path)));
        install.env("PATH", all.map_err(|error| error.to_string())?);
    }
    process::run_logged(&mut install, &folder().join("log/npm.log"))?;
    let place = npm.join("static/mathjax");
    for part in MATHJAX.into_iter().chain([ASSISTIVE]) {
        copy(&modules.join("mathjax").join(part), &place.join(part))?;
    }
    for part in FONT {
        copy(&modules.join("@mathjax/mathjax-newcm-font").join(part), &place.join("mathjax-newcm-font").join(part))?;
    }
    mark_done(&npm, &lock)?;
    Ok(modules)
}

/// The npm that is there, else the one of PyPI.
fn program() -> Result<PathBuf> {
    ways::first(
        "npm",
        &[
            ("looking for it", &|| process::find_on_path("npm").ok_or_else(|| "none is installed".into())),
            ("installing that of PyPI", &|| {
                let requirements = sources().join("node.txt");
                let venv = python::with_packages(&folder().join("node"), &[requirements], ("npm", (3, 8)), "seconds")?;
                Ok(venv.join("bin/npm"))
            }),
        ],
    )
}

/// A file, or a folder with all that is in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        for entry in fs::read_dir(from).about(from.display())? {
            let entry = entry.about(from.display())?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    let folder = to.parent().unwrap_or(to);
    fs::create_dir_all(folder).about(folder.display())?;
    fs::copy(from, to).about(paths::shown(from)).map(drop)
}
