//! evcxr_jupyter, the program under our kernel: where it is, and how it calls cargo.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::error::{About, Result};
use crate::release::{self, PROGRAMS};
use crate::{paths, process};

/// The version of the Rust kernel that the course is written for.
const VERSION: &str = "0.22.0";

/// The flag that evcxr always compiles with.
pub const PREFER_DYNAMIC: &str = "-Cprefer-dynamic";

/// The file beside the programs with what clippy said of them.
const LINTS: &str = "lints";

/// The lock file of the prepared directory, under a name that cargo does not rewrite.
pub const PINNED_LOCK: &str = "Cargo.lock.pinned";

/// Gets our kernel and the stock one, unless we did before for the same sources, and links them where the launcher finds them.
pub fn install() -> Result<()> {
    let (_, home) = compiled()?;
    let lab = paths::lab();
    fs::create_dir_all(lab.join("kernel")).about("the folder of the kernels")?;
    for (name, place) in PROGRAMS.iter().zip([paths::kernel(&lab), paths::stock_kernel(&lab)]) {
        link(&home.join("bin").join(name), &place)?;
    }
    Ok(())
}

/// The number of the kernel's sources, with evcxr's version, and where its programs are, which are taken from a release or compiled
/// if need be.
pub fn compiled() -> Result<(String, PathBuf)> {
    let sources = format!("{VERSION}-{}", digest()?);
    let home = home(&sources)?;
    if !home.join("bin").exists() {
        obtain(&sources, &home, "bin")?;
    }
    Ok((sources, home))
}

/// The version of Rust by which the programs in `home` were compiled, as cargo noted; those of a release have no note.
pub fn compiled_by(home: &Path) -> Option<String> {
    let noted: serde_json::Value = serde_json::from_str(&fs::read_to_string(home.join(".crates2.json")).ok()?).ok()?;
    let rustc = noted["installs"].as_object()?.values().next()?["rustc"].as_str()?;
    release::rustc_says(rustc, "release")
}

/// Takes or compiles the kernel into `home`, which then has what is `wanted` of it.
fn obtain(sources: &str, home: &Path, wanted: &str) -> Result<()> {
    let beside = |what: &str| home.with_file_name(format!("kernel-{VERSION}-{what}"));
    // One clone at a time; the lock goes with the process, however that ends.
    fs::create_dir_all(home.parent().unwrap_or(home)).about(home.display())?;
    let lock = File::create(beside("lock")).about("the lock of the kernel's compilation")?;
    if lock.try_lock().is_err() {
        println!("waiting for another clone that compiles the kernel");
        lock.lock().about("the lock of the kernel's compilation")?;
    }
    if home.join(wanted).exists() {
        return Ok(());
    }
    // Releases lack what clippy says.
    if wanted == "bin" {
        let taken = beside("taken");
        match release::take(sources, &taken) {
            Ok(true) => return replace(home, &taken),
            Ok(false) => {}
            Err(why) => {
                let why = why.to_string();
                println!("Rust kernel: {}; it is compiled instead", why.lines().next().unwrap_or_default());
                let _ = fs::remove_dir_all(taken);
            }
        }
    }
    println!("Rust kernel: compiling it with evcxr {VERSION} (8 to 15 minutes, once for all clones)");
    let (unfinished, build) = (beside("unfinished"), beside("build"));
    let mut install = process::command("cargo");
    // Without --locked a newer dependency breaks the build. The build directory is kept until the end, so that an
    // interrupted installation goes on where it stopped. Cargo reads the settings beside the package; of those the flags must
    // not count, by which it would be linked to a library of the compiler.
    install.args(["install", "--locked", "--path"]).arg(package()).arg("--root").arg(&unfinished);
    install.arg("--target-dir").arg(&build).current_dir(std::env::temp_dir()).env("RUSTFLAGS", "");
    process::run_logged(&mut install, &paths::lab().join("log/kernel.log"))?;
    if process::output(process::command("clippy-driver").arg("--version")).is_ok() {
        fs::write(unfinished.join(LINTS), lint(&build)?).about(LINTS)?;
    }
    replace(home, &unfinished)?;
    fs::remove_dir_all(&build).about(build.display())
}

/// Puts a finished folder in the place of another.
fn replace(home: &Path, finished: &Path) -> Result<()> {
    if home.exists() {
        fs::remove_dir_all(home).about(home.display())?;
    }
    fs::rename(finished, home).about(home.display())
}

/// What clippy says of our kernel, nothing where all is well. It runs in the directory in which the kernel was compiled: elsewhere it
/// would compile evcxr again, minutes for a look at one package.
fn lint(build: &Path) -> Result<String> {
    let mut said = String::new();
    for program in PROGRAMS {
        let mut cargo = process::command("cargo");
        cargo.args(["rustc", "--quiet", "--locked", "--release", "--bin", program, "--manifest-path"]);
        cargo.arg(package().join("Cargo.toml")).arg("--target-dir").arg(build);
        // As the settings beside the package have it, which only an installation reads.
        cargo.args(["--target", "host-tuple"]);
        // What it makes is not kept, so it is neither optimized nor linked.
        cargo.args(["--", "-Copt-level=0", "-Clinker=true"]);
        cargo.current_dir(std::env::temp_dir()).env("RUSTFLAGS", "").env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver");
        // A lint that is an error does not keep anybody from using the kernel.
        let output = cargo.output().about("cannot start cargo")?;
        said += &String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            said += &format!("clippy on {program} ended with {}\n", output.status);
        }
    }
    Ok(said)
}

/// What clippy said of our kernel when it was compiled; where it was missing then, the kernel is compiled again.
pub fn lints() -> Result<String> {
    let (sources, home) = compiled()?;
    if !home.join(LINTS).exists() {
        obtain(&sources, &home, LINTS)?;
    }
    fs::read_to_string(home.join(LINTS)).map_err(|_| "the kernel was compiled without clippy: install it".into())
}

/// A link to a program, in place of another.
pub fn link(program: &Path, link: &Path) -> Result<()> {
    if fs::read_link(link).ok().as_deref() != Some(program) {
        let _ = fs::remove_file(link);
        std::os::unix::fs::symlink(program, link).about(link.display())?;
    }
    Ok(())
}

/// Our kernel's package.
fn package() -> PathBuf {
    paths::root().join("kernel/program")
}

/// Where the programs are kept: the user's cache, because building them takes long and every clone can use them.
fn home(sources: &str) -> Result<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => std::env::home_dir().ok_or("there is no home directory; set HOME")?.join(".cache"),
    };
    Ok(cache.join("candlelight").join(format!("kernel-{sources}")))
}

/// A number for the sources of our kernel, and of the packages of the workspace that it is made of.
fn digest() -> Result<String> {
    let packages = ["program", "answers", "protocol"].map(|package| paths::root().join("kernel").join(package));
    let mut files: Vec<_> = packages.iter().map(|package| package.join("Cargo.toml")).collect();
    files.push(package().join("Cargo.lock"));
    let mut folders: Vec<_> = packages.iter().map(|package| package.join("src")).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).about(folder.display())? {
            let path = entry.about(folder.display())?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    // FNV-1a: any change of a file gives another folder, and nothing here is secret.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for file in files {
        for byte in fs::read(&file).about(file.display())? {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    Ok(format!("{hash:016x}"))
}

/// What evcxr passes to rustc: it links with lld where that is installed and mold is not.
pub fn rustflags() -> String {
    let lld = cfg!(not(target_os = "macos")) && process::is_on_path("lld") && !process::is_on_path("mold");
    if lld { format!("{PREFER_DYNAMIC} -Clink-arg=-fuse-ld=lld") } else { PREFER_DYNAMIC.to_owned() }
}

/// The host in what `rustc -vV` says.
pub fn host(rustc: &str) -> String {
    release::rustc_says(rustc, "host").unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::VERSION;
    use crate::paths;

    #[test]
    fn every_way_in_names_the_same_versions() {
        let read =
            |file: &str| fs::read_to_string(paths::root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        for (file, pin) in [
            ("kernel/program/Cargo.toml", format!("evcxr = \"={VERSION}\"")),
            ("kernel/program/Cargo.toml", format!("evcxr_jupyter = \"={VERSION}\"")),
            ("environment.yml", format!("- evcxr={VERSION}")),
        ] {
            assert!(read(file).lines().any(|line| line.trim() == pin), "{file} does not say {pin}");
        }
        // A release is taken where the same Rust is.
        let image = read(".binder/Dockerfile");
        let tag =
            image.lines().find_map(|line| line.strip_prefix("FROM rust:")).expect("the image that it is made from");
        let rust = tag.split('-').next().unwrap_or_default();
        assert!(
            read("xtask/colab/candlelight_rust.py").contains(&format!("TOOLCHAIN = \"{rust}\"")),
            "{rust} on Colab"
        );
        let container = read(".devcontainer/devcontainer.json");
        assert!(container.contains(r#""dockerfile": "../.binder/Dockerfile""#), "{container}");
    }
}
