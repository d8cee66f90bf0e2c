//! evcxr_jupyter, the program under our kernel: where it is, and how it calls cargo.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::error::{About, Result};
use crate::{paths, process};

/// The version of the Rust kernel that the course is written for.
const VERSION: &str = "0.22.0";

/// The flag that evcxr always compiles with.
pub const PREFER_DYNAMIC: &str = "-Cprefer-dynamic";

/// The programs of our kernel's package.
const PROGRAMS: [&str; 2] = ["candlelight-kernel", "evcxr_jupyter"];

/// The file beside the programs with what clippy said of them.
const LINTS: &str = "lints";

/// The lock file of the prepared directory, under a name that cargo does not rewrite.
pub const PINNED_LOCK: &str = "Cargo.lock.pinned";

/// Compiles our kernel and the stock one, unless we did before from the same sources, and links them where the launcher finds
/// them.
pub fn install() -> Result<()> {
    let home = home()?;
    if !home.join("bin").exists() {
        compile(&home, "bin")?;
    }
    let lab = paths::lab();
    fs::create_dir_all(lab.join("kernel")).about("the folder of the kernels")?;
    for (name, place) in PROGRAMS.iter().zip([paths::kernel(&lab), paths::stock_kernel(&lab)]) {
        link(&home.join("bin").join(name), &place)?;
    }
    Ok(())
}

/// Compiles the kernel into `home`, which then has what is `wanted` of it.
fn compile(home: &Path, wanted: &str) -> Result<()> {
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
    println!("Rust kernel: compiling it with evcxr {VERSION} (8 to 15 minutes, once for all clones)");
    let (unfinished, build) = (beside("unfinished"), beside("build"));
    let mut install = process::command("cargo");
    // Without --locked a newer dependency breaks the build. The build directory is kept until the end, so that an
    // interrupted installation goes on where it stopped. Cargo reads the settings beside the package; of those the flags must
    // not count, by which it would be linked to a library of the compiler.
    install.args(["install", "--locked", "--path"]).arg(sources()).arg("--root").arg(&unfinished);
    install.arg("--target-dir").arg(&build).current_dir(std::env::temp_dir()).env("RUSTFLAGS", "");
    process::run_logged(&mut install, &paths::lab().join("log/kernel.log"))?;
    if process::output(process::command("clippy-driver").arg("--version")).is_ok() {
        fs::write(unfinished.join(LINTS), lint(&build)?).about(LINTS)?;
    }
    if home.exists() {
        fs::remove_dir_all(home).about(home.display())?;
    }
    fs::rename(&unfinished, home).about(home.display())?;
    fs::remove_dir_all(&build).about(build.display())
}

/// What clippy says of our kernel, nothing where all is well. It runs in the directory in which the kernel was compiled: elsewhere it
/// would compile evcxr again, minutes for a look at one package.
fn lint(build: &Path) -> Result<String> {
    let mut said = String::new();
    for program in PROGRAMS {
        let mut cargo = process::command("cargo");
        cargo.args(["rustc", "--quiet", "--locked", "--release", "--bin", program, "--manifest-path"]);
        cargo.arg(sources().join("Cargo.toml")).arg("--target-dir").arg(build);
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
    let home = home()?;
    if !home.join(LINTS).exists() {
        compile(&home, LINTS)?;
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
fn sources() -> PathBuf {
    paths::root().join("kernel/program")
}

/// Where they are kept: the user's cache, because building them takes long and every clone can use them.
fn home() -> Result<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => std::env::home_dir().ok_or("there is no home directory; set HOME")?.join(".cache"),
    };
    Ok(cache.join("candlelight").join(format!("kernel-{VERSION}-{}", digest()?)))
}

/// A number for the sources of our kernel, and of the packages of the workspace that it is made of.
fn digest() -> Result<String> {
    let packages = ["program", "answers", "protocol"].map(|package| paths::root().join("kernel").join(package));
    let mut files: Vec<_> = packages.iter().map(|package| package.join("Cargo.toml")).collect();
    files.push(sources().join("Cargo.lock"));
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
