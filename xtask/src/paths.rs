//! Where things are.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::error::Result;

/// The name under which this program is the kernel.
pub const LAUNCHER: &str = "candlelight-kernel";

/// The repository that this program works for, which need not be the one that it was compiled in: a copy of a checkout holds
/// a copy of the program too, and cargo sees no reason to compile it again.
pub fn root() -> PathBuf {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        // Cargo says for which package it runs this, wherever the build directory is; Jupyter starts a copy in `target/lab`.
        let is_run = std::env::var("CARGO_PKG_NAME").is_ok_and(|name| name == env!("CARGO_PKG_NAME"));
        let package = std::env::var_os("CARGO_MANIFEST_DIR").filter(|_| is_run).map(PathBuf::from);
        let places = [package, std::env::current_exe().ok(), std::env::current_dir().ok()];
        let places = places.into_iter().flatten().filter_map(|place| place.canonicalize().ok());
        places.filter_map(|place| repository(&place)).next().unwrap_or_else(|| PathBuf::from("."))
    })
    .clone()
}

/// The repository around a place.
fn repository(place: &Path) -> Option<PathBuf> {
    place.ancestors().find(|folder| folder.join("xtask/Cargo.toml").is_file()).map(Path::to_owned)
}

/// What set-up makes: `target/lab`, so that `cargo clean` clears it, or the folder named by `CANDLELIGHT_LAB`, which must
/// be in the repository for kernels to find its `.cargo/config.toml`.
pub fn lab() -> PathBuf {
    std::env::var_os("CANDLELIGHT_LAB").map_or_else(|| root().join("target/lab"), |lab| root().join(lab))
}

/// A program of the Python environment.
pub fn venv_program(name: &str) -> PathBuf {
    lab().join("venv/bin").join(name)
}

/// One of our Python scripts.
pub fn script(name: &str) -> PathBuf {
    root().join("xtask/jupyter").join(name)
}

/// A path as one would type it in the repository.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The program that Jupyter starts as the kernel.
pub fn launcher() -> PathBuf {
    lab().join("bin").join(LAUNCHER)
}

/// The kernel of the course, in the user's cache.
pub fn kernel(lab: &Path) -> PathBuf {
    lab.join("kernel/program")
}

/// The stock kernel, in the user's cache.
pub fn stock_kernel(lab: &Path) -> PathBuf {
    lab.join("kernel/evcxr_jupyter")
}

/// The program in which cells run.
pub fn cells(lab: &Path) -> PathBuf {
    lab.join("kernel/cells")
}

/// The directory that kernels start from a copy of.
pub fn prepared(lab: &Path) -> PathBuf {
    lab.join("kernel/prepared")
}

/// The folder of the programs that a kernel finds before others: `cargo` and `rustup`.
pub fn kernel_bin(lab: &Path) -> PathBuf {
    lab.join("kernel/cargo-home/bin")
}

/// What set-up made, seen from the program that it put into `bin` there.
pub fn lab_of(launcher: &Path) -> Result<&Path> {
    launcher.ancestors().nth(2).ok_or_else(|| "the kernel's program stands in `bin` of what set-up made".into())
}

/// The real home of cargo.
pub fn cargo_home() -> Result<PathBuf> {
    match std::env::var_os("CARGO_HOME") {
        Some(home) => Ok(PathBuf::from(home)),
        None => Ok(std::env::home_dir().ok_or("there is no home directory; set HOME or CARGO_HOME")?.join(".cargo")),
    }
}
