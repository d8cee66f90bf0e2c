//! The browser of the browser's test.

use std::process::Stdio;

use crate::error::{About, Result};
use crate::{paths, process, python, ways};

/// The names under which Chromium is installed.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// JupyterLab in headless Chromium: the one that is installed, else Playwright's own, else Debian's.
pub fn test() -> Result<()> {
    let mut pip = python::module("pip");
    pip.args(["install", "--quiet", "--disable-pip-version-check", "-r", "tests/browser/requirements.txt"]);
    process::watched(&mut pip)?;
    let chromium = ways::first(
        "Chromium",
        &[
            ("looking for it", &|| installed().map(Some)),
            ("downloading Playwright's own (some 100 MB, once)", &|| playwrights().map(|()| None)),
            ("installing Debian's package `chromium` (once)", &|| {
                ways::debian_package("chromium").and_then(|()| installed()).map(Some)
            }),
        ],
    )?;
    let mut python = python::python();
    if let Some(chromium) = chromium {
        python.env("CHROMIUM", chromium);
    }
    process::watched(python.arg("tests/browser/browser.py").arg(paths::lab().join("browser")))
}

/// The program that `CHROMIUM` names, or one of the usual names.
fn installed() -> Result<String> {
    if let Ok(given) = std::env::var("CHROMIUM") {
        return Ok(given);
    }
    let name = NAMES.into_iter().find(|name| process::is_on_path(name));
    name.map(str::to_owned).ok_or_else(|| "none is installed".into())
}

/// Playwright's own Chromium, downloaded if need be, and started once: it may lack libraries.
fn playwrights() -> Result<()> {
    let log = paths::lab().join("log/playwright.log");
    let mut install = python::module("playwright");
    process::run_logged(install.args(["install", "--only-shell", "chromium"]), &log)
        .map_err(|_| format!("Playwright's own could not be downloaded, see {}", paths::shown(&log)))?;
    let start = "from playwright.sync_api import sync_playwright\n\
                 with sync_playwright() as playwright: playwright.chromium.launch().close()";
    let started = python::python().args(["-c", start]).stdin(Stdio::null()).output().about("Python")?;
    match started.status.success() {
        true => Ok(()),
        false => Err("Playwright's own does not start here, for want of libraries perhaps".into()),
    }
}
