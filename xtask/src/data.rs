//! The full Fashion-MNIST, which some workloads and tests need.

use std::path::PathBuf;
use std::process::Stdio;

use crate::error::{About, Result};
use crate::{paths, process, ways};

/// The folder that holds it: the one that `CANDLELIGHT_DATA` names; without that Debian's or the user's cache, else a download
/// to there, else Debian's package.
pub fn full() -> Result<PathBuf> {
    let looking: ways::Way<'_, PathBuf> = ("looking for it", &|| by_the_crate(&[]));
    // A folder that is named is the only one that may hold it.
    if std::env::var_os("CANDLELIGHT_DATA").is_some_and(|folder| !folder.is_empty()) {
        return ways::first("Fashion-MNIST", &[looking]);
    }
    ways::first(
        "Fashion-MNIST",
        &[
            looking,
            ("downloading it (31 MB, once)", &|| by_the_crate(&["fetch"])),
            ("installing Debian's package `dataset-fashion-mnist` (once)", &|| {
                ways::debian_package("dataset-fashion-mnist").and_then(|()| by_the_crate(&[]))
            }),
        ],
    )
}

/// The crate knows the places, and how to download.
fn by_the_crate(words: &[&str]) -> Result<PathBuf> {
    let mut cargo = process::command("cargo");
    cargo.args(["run", "--quiet", "--package", "candlelight-peer", "--", "data"]).args(words);
    let output = cargo.current_dir(paths::root()).stdin(Stdio::null()).output().about("cannot start cargo")?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().into());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.lines().last().unwrap_or("cargo failed").into())
}
