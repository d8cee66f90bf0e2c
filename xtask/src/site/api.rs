//! The crate's documentation, beside the pages of the course.

use std::fs;
use std::path::{Path, PathBuf};

use crate::clone::clone_tree;
use crate::error::{About, Result};
use crate::{paths, process};

/// What a program that depends on the crate can name. In this order: rustdoc links to what it has documented before.
const PACKAGES: [&str; 4] = ["candlelight-base", "candlelight-kernels", "candlelight-plot", "candlelight"];

/// Pages that rustdoc links to and does not write, and where they lead: it makes a first page for a single package only, and a list of all
/// items for packages, not for one that is a module of another.
const LEADING_ON: [(&str, &str); 2] =
    [("index.html", "candlelight/index.html"), ("candlelight/plot/all.html", "../../candlelight_plot/all.html")];

/// Where rustdoc put it. What is compiled stays where the workspace has it; the documentation goes to a folder of its own, where that of
/// other packages does not come in between.
pub fn build() -> Result<PathBuf> {
    let target = super::folder().join("api");
    for package in PACKAGES {
        let mut cargo = process::command("cargo");
        cargo.args(["doc", "--no-deps", "--package", package]).arg("--target-dir").arg(&target);
        cargo.env("CARGO_BUILD_BUILD_DIR", paths::root().join("target")).env("RUSTDOCFLAGS", "-D warnings");
        process::run_logged(cargo.current_dir(paths::root()), &super::folder().join(format!("log/{package}.log")))?;
    }
    found(&target).ok_or_else(|| format!("there is no documentation in {}", paths::shown(&target)).into())
}

/// With a target that is named, cargo puts a folder of that name in between.
fn found(target: &Path) -> Option<PathBuf> {
    let inside = fs::read_dir(target).ok()?.flatten().map(|entry| entry.path().join("doc"));
    inside.chain([target.join("doc")]).find(|doc| doc.join("candlelight/index.html").is_file())
}

/// Puts it among the pages.
pub fn place(documentation: &Path) -> Result<()> {
    let place = super::pages().join("api");
    if place.exists() {
        fs::remove_dir_all(&place).about(place.display())?;
    }
    // Cargo's lock, and its like.
    clone_tree(documentation, &place, &|within| !within.to_string_lossy().starts_with('.'))?;
    for (page, to) in LEADING_ON {
        let file = place.join(page);
        let text = format!(
            "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>candlelight</title>\n\
             <meta http-equiv=\"refresh\" content=\"0; url={to}\"><a href=\"{to}\">candlelight</a></html>\n"
        );
        fs::write(&file, text).about(file.display())?;
    }
    Ok(())
}
