//! evcxr_jupyter, the program under our kernel: where it is, and how it calls cargo.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{About, Result};
use crate::{paths, process};

/// The version of the Rust kernel that the course is written for.
const VERSION: &str = "0.22.0";

/// The flag that evcxr always compiles with.
pub const PREFER_DYNAMIC: &str = "-Cprefer-dynamic";

/// The lock file of the prepared directory, under a name that cargo does not rewrite.
pub const PINNED_LOCK: &str = "Cargo.lock.pinned";

/// The program, if set-up has been here.
pub fn program() -> Result<PathBuf> {
    find()?.ok_or_else(|| "the Rust kernel is not installed; run `cargo xtask setup`".into())
}

/// Compiles it, unless `cargo install` put one of the right version beside cargo, or we did before.
pub fn install() -> Result<()> {
    if find()?.is_some() {
        return Ok(());
    }
    println!("Rust kernel: compiling evcxr_jupyter {VERSION} (8 to 15 minutes, once for all clones)");
    let home = home_of_ours()?;
    let beside = |what: &str| home.with_file_name(format!("evcxr_jupyter-{VERSION}-{what}"));
    let (unfinished, build) = (beside("unfinished"), beside("build"));
    let mut install = process::command("cargo");
    // Without --locked a newer dependency breaks the build. The build directory is kept until the end, so that an
    // interrupted installation goes on where it stopped.
    install.args(["install", "evcxr_jupyter", "--version", VERSION, "--locked", "--root"]).arg(&unfinished);
    install.arg("--target-dir").arg(&build).current_dir(std::env::temp_dir());
    process::run_logged(&mut install, &paths::lab().join("log/evcxr.log"))?;
    fs::rename(&unfinished, &home).about(home.display())?;
    fs::remove_dir_all(&build).about(build.display())
}

fn find() -> Result<Option<PathBuf>> {
    let cargo_home = paths::cargo_home()?;
    let beside_cargo = cargo_home.join("bin/evcxr_jupyter");
    let installed = fs::read_to_string(cargo_home.join(".crates.toml")).unwrap_or_default();
    if beside_cargo.exists() && installed.contains(&format!("\"evcxr_jupyter {VERSION} ")) {
        return Ok(Some(beside_cargo));
    }
    let own = home_of_ours()?.join("bin/evcxr_jupyter");
    Ok(own.exists().then_some(own))
}

/// Where our own kernel is kept: the user's cache, because building it takes long and every clone can use it.
fn home_of_ours() -> Result<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => std::env::home_dir().ok_or("there is no home directory; set HOME")?.join(".cache"),
    };
    Ok(cache.join("candlelight").join(format!("evcxr_jupyter-{VERSION}")))
}

/// What evcxr passes to rustc: it links with lld where that is installed and mold is not.
pub fn rustflags() -> String {
    let lld = cfg!(not(target_os = "macos")) && process::is_on_path("lld") && !process::is_on_path("mold");
    if lld { format!("{PREFER_DYNAMIC} -Clink-arg=-fuse-ld=lld") } else { PREFER_DYNAMIC.to_owned() }
}

/// The host in what `rustc -vV` says.
pub fn host(rustc: &str) -> String {
    rustc.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned()
}

/// The line by which a notebook, or the kernel's start, names the crate.
pub fn dependency(root: &Path) -> String {
    let path = root.join("crate").display().to_string();
    format!("candlelight = {{ path = \"{}\" }}", path.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A manifest like the one that evcxr writes.
pub fn manifest(root: &Path) -> String {
    format!(
        "[package]\nname = \"ctx\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type = [\"cdylib\"]\n\n\
         [profile.dev]\nopt-level = 2\ndebug = false\nstrip = \"debuginfo\"\nrpath = true\nlto = false\n\
         debug-assertions = true\ncodegen-units = 16\npanic = 'unwind'\nincremental = true\noverflow-checks = true\n\n\
         [dependencies]\n{}\n",
        dependency(root)
    )
}
