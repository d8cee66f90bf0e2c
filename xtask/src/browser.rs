//! The browser of the browser's test.

use crate::error::Result;
use crate::{paths, process, python};

/// JupyterLab in headless Chromium: the one that is installed, else Playwright's own, else Debian's.
pub fn test() -> Result<()> {
    let mut pip = python::module("pip");
    pip.args(["install", "--quiet", "--disable-pip-version-check", "-r", "tests/browser/requirements.txt"]);
    process::watched(&mut pip)?;
    let chromium = crate::site::chromium::find(&paths::venv_program("python"))?;
    let mut python = python::python();
    if let Some(chromium) = chromium {
        python.env("CHROMIUM", chromium);
    }
    process::watched(python.arg("tests/browser/browser.py").arg(paths::lab().join("browser")))
}
