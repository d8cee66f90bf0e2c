//! `cargo xtask site`: the course as pages that need no other host, with the crate's documentation beside them, and as one PDF.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use crate::arguments::Arguments;
use crate::error::{About, Result};
use crate::{paths, process};

mod api;
pub mod chromium;
mod install;
mod pages;

use install::Tools;

/// Builds what has changed; with `--check`, looks at it as readers do.
pub fn site(mut arguments: Arguments) -> Result<ExitCode> {
    let check = arguments.flag("--check");
    arguments.end()?;
    build_and(check)?;
    Ok(ExitCode::SUCCESS)
}

/// The site, built and checked.
pub fn test() -> Result<()> {
    build_and(true)
}

fn build_and(check: bool) -> Result<()> {
    fs::create_dir_all(folder().join("log")).about(folder().display())?;
    // One at a time; the lock goes with the process, however that ends.
    let lock = File::create(folder().join("lock")).about("the lock of the site")?;
    lock.lock().about("the lock of the site")?;
    let tools = install::tools()?;
    let start = Instant::now();
    build(&tools)?;
    println!("site: {} after {}", paths::shown(&pages().join("index.html")), process::clock(start.elapsed()));
    if check {
        let start = Instant::now();
        look(&tools)?;
        println!("site: checked after {}", process::clock(start.elapsed()));
    }
    Ok(())
}

/// rustdoc works while Sphinx and the printing of the PDF do.
fn build(tools: &Tools) -> Result<()> {
    let documentation = std::thread::scope(|scope| {
        let documentation = scope.spawn(api::build);
        pages::build(tools)?;
        documentation.join().map_err(|_| crate::error::Error::from("the crate's documentation stopped"))?
    })?;
    api::place(&documentation)
}

/// Links and figures in the files; then the pages in Chromium, which reaches no other host.
fn look(tools: &Tools) -> Result<()> {
    let links = process::watched(tools.script("links.py").arg(pages()));
    let mut browser = tools.python();
    browser.arg(paths::root().join("tests/browser/site_pages.py")).arg(pages()).arg(folder().join("check"));
    // Both, also where the first has found something.
    let pages = process::watched(browser.env("AXE", tools.axe()));
    links.and(pages)
}

/// All that this command makes.
fn folder() -> PathBuf {
    paths::root().join("target/site")
}

/// The site itself, to be put on a server as it is.
fn pages() -> PathBuf {
    folder().join("html")
}

/// Settings, scripts and texts of the site.
fn sources() -> PathBuf {
    paths::root().join("xtask/site")
}

impl Tools {
    /// Python with the site's packages, the arguments still to come.
    fn python(&self) -> Command {
        let mut python = process::command(self.venv.join("bin/python"));
        python
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONPATH", sources())
            .env("CANDLELIGHT_MATHJAX", &self.mathjax);
        if let Some(chromium) = &self.chromium {
            python.env("CHROMIUM", chromium);
        }
        python.current_dir(paths::root());
        python
    }

    /// One of the site's own scripts.
    fn script(&self, name: &str) -> Command {
        let mut python = self.python();
        python.arg(sources().join(name));
        python
    }
}
