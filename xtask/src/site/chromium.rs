//! The browser that prints the PDF and checks the pages.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::error::{About, Result};
use crate::{paths, process, ways};

/// The names under which Chromium is installed.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The one that is installed, else Playwright's own, which has no name here, else Debian's. `python` has Playwright.
pub fn find(python: &Path) -> Result<Option<String>> {
    ways::first(
        "Chromium",
        &[
            ("looking for it", &|| installed().map(Some)),
            ("downloading Playwright's own (some 100 MB, once)", &|| playwrights(python).map(|()| None)),
            ("installing Debian's package `chromium` (once)", &|| {
                ways::debian_package("chromium").and_then(|()| installed()).map(Some)
            }),
        ],
    )
}

/// The program that `CHROMIUM` names, or one of the usual names.
fn installed() -> Result<String> {
    if let Ok(given) = std::env::var("CHROMIUM") {
        return Ok(given);
    }
    let name = NAMES.into_iter().find(|name| process::is_on_path(name));
    // Playwright takes a path, not a name.
    let path = name.and_then(process::find_on_path).ok_or("none is installed")?;
    Ok(path.display().to_string())
}

/// Playwright's own Chromium, downloaded if need be, and started once: it may lack libraries.
fn playwrights(python: &Path) -> Result<()> {
    let log = super::folder().join("log/playwright.log");
    fs::create_dir_all(super::folder().join("log")).about(log.display())?;
    let mut install = process::command(python);
    process::run_logged(install.args(["-m", "playwright", "install", "--only-shell", "chromium"]), &log)
        .map_err(|_| format!("Playwright's own could not be downloaded, see {}", paths::shown(&log)))?;
    let start = "from playwright.sync_api import sync_playwright\n\
                 with sync_playwright() as playwright: playwright.chromium.launch().close()";
    let started = process::command(python).args(["-c", start]).stdin(Stdio::null()).output().about("Python")?;
    match started.status.success() {
        true => Ok(()),
        false => Err("Playwright's own does not start here, for want of libraries perhaps".into()),
    }
}
