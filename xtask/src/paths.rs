//! Where things are.

use std::path::{Path, PathBuf};

use crate::error::Result;

/// The name under which this program is the kernel.
pub const LAUNCHER: &str = "candlelight-kernel";

/// The repository.
pub fn root() -> PathBuf {
    let from_here = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    from_here.canonicalize().unwrap_or(from_here)
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

/// The directory that kernels start from a copy of.
pub fn prepared(lab: &Path) -> PathBuf {
    lab.join("kernel/prepared")
}

/// The real home of cargo.
pub fn cargo_home() -> Result<PathBuf> {
    match std::env::var_os("CARGO_HOME") {
        Some(home) => Ok(PathBuf::from(home)),
        None => Ok(std::env::home_dir().ok_or("there is no home directory; set HOME or CARGO_HOME")?.join(".cargo")),
    }
}
