//! `cargo xtask setup`: what the notebooks need, made once, found again later, with no network the second time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::clone::clone_tree;
use crate::error::{About, Result};
use crate::{kernel, paths, process};

/// The version of the Rust kernel that the course is written for.
pub const EVCXR: &str = "0.22.0";

/// What needs Python, and the oldest that it takes.
const PYTHON: (&str, (u32, u32)) = ("JupyterLab", (3, 10));

/// Does every step that is not done yet.
pub fn setup() -> Result<()> {
    let lab = paths::lab();
    fs::create_dir_all(lab.join("log")).about(lab.display())?;
    // One set-up at a time; the lock goes with the process, however that ends.
    let lock = File::create(lab.join("lock")).about("the lock of the set-up")?;
    if lock.try_lock().is_err() {
        println!("waiting for another `cargo xtask` to finish its set-up");
        lock.lock().about("the lock of the set-up")?;
    }
    check_compiler()?;
    step("Python environment", python)?;
    step("sources of the standard library", rust_sources)?;
    step("Rust kernel", || evcxr().map(|_| ()))?;
    step("crate", build_crate)?;
    step("build directory of the kernels", prepare_kernels)?;
    step("kernel specification", install_kernel)
}

/// The program of the Rust kernel, if set-up has been here.
pub fn evcxr_program() -> Result<PathBuf> {
    find_evcxr()?.ok_or_else(|| "the Rust kernel is not installed; run `cargo xtask setup`".into())
}

fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let start = Instant::now();
    work()?;
    if start.elapsed().as_secs() >= 2 {
        println!("      {name}: ready after {}", process::clock(start.elapsed()));
    }
    Ok(())
}

fn check_compiler() -> Result<()> {
    match process::output(process::command("cc").arg("--version")) {
        Ok(_) => Ok(()),
        Err(_) => Err(
            "there is no C compiler `cc`, which Rust links with; install one (Debian and Ubuntu: `apt install gcc`, \
                       macOS: `xcode-select --install`)"
                .into(),
        ),
    }
}

/// The virtual environment with the pinned packages.
fn python() -> Result<()> {
    let root = paths::root();
    let venv = paths::lab().join("venv");
    let pins = ["requirements.txt", "constraints.txt"].map(|name| root.join("xtask/jupyter").join(name));
    let mut wanted = String::new();
    for file in &pins {
        wanted += &fs::read_to_string(file).about(file.display())?;
    }
    if is_done(&venv, &wanted) {
        return Ok(());
    }
    println!("Python environment: installing JupyterLab (about a minute, once)");
    let log = paths::lab().join("log/python.log");
    let program = paths::venv_program("python");
    if process::output(process::command(&program).args(["-c", "import pip"])).is_err() {
        make_venv(&venv, PYTHON, &log)?;
    }
    let mut pip = process::command(&program);
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-r"]);
    process::run_logged(pip.arg(&pins[0]).arg("-c").arg(&pins[1]), &log)?;
    mark_done(&venv, &wanted)
}

/// An empty virtual environment, of a Python that is new enough for what it is for.
pub fn make_venv(venv: &Path, needs: (&str, (u32, u32)), log: &Path) -> Result<()> {
    let python = find_python(needs)?;
    process::run_logged(process::command(&python).args(["-m", "venv", "--clear"]).arg(venv), log).map_err(|error| {
        format!("{error}\n`{python} -m venv` failed; on Debian and Ubuntu it needs `apt install python3-venv`").into()
    })
}

fn find_python((what, oldest): (&str, (u32, u32))) -> Result<String> {
    let mut found = String::from("none");
    for name in std::env::var("PYTHON").into_iter().chain(["python3".to_owned(), "python".to_owned()]) {
        let mut ask = process::command(&name);
        let Ok(said) = process::output(ask.args(["-c", "import sys; print(*sys.version_info[:2])"])) else { continue };
        let version: Vec<u32> = said.split(' ').filter_map(|part| part.parse().ok()).collect();
        if let [major, minor] = version[..]
            && (major, minor) >= oldest
        {
            return Ok(name);
        }
        found = format!("`{name}` {}", said.replace(' ', "."));
    }
    Err(format!(
        "Python {}.{} or newer is needed for {what}, found {found}; install it (Debian and Ubuntu: `apt install python3 \
         python3-venv`) or set PYTHON to its program",
        oldest.0, oldest.1
    )
    .into())
}

/// The kernel finds the types of variables in the sources of the standard library.
fn rust_sources() -> Result<()> {
    let sysroot = process::output(process::command("rustc").current_dir(paths::root()).args(["--print", "sysroot"]))?;
    let inside = Path::new(&sysroot).join("lib/rustlib/src/rust/library/core/src/lib.rs");
    let given = std::env::var_os("RUST_SRC_PATH").map(|path| Path::new(&path).join("core/src/lib.rs"));
    if inside.exists() || given.is_some_and(|given| given.exists()) {
        return Ok(());
    }
    println!("sources of the standard library: fetching with rustup (once)");
    let mut rustup = process::command("rustup");
    rustup.current_dir(paths::root()).args(["component", "add", "rust-src"]);
    process::run_logged(&mut rustup, &paths::lab().join("log/rust-src.log")).map_err(|error| {
        format!(
            "{error}\nthe kernel needs the sources of Rust's standard library: `rustup component add rust-src`, or set \
             RUST_SRC_PATH to their folder `library`"
        )
        .into()
    })
}

/// The kernel's program: one that `cargo install` put beside cargo, if it has the right version, else our own.
fn evcxr() -> Result<PathBuf> {
    if let Some(program) = find_evcxr()? {
        return Ok(program);
    }
    println!("Rust kernel: compiling evcxr_jupyter {EVCXR} (8 to 15 minutes, once for all clones)");
    let home = evcxr_home()?;
    let beside = |what: &str| home.with_file_name(format!("evcxr_jupyter-{EVCXR}-{what}"));
    let (unfinished, build) = (beside("unfinished"), beside("build"));
    let mut install = process::command("cargo");
    // Without --locked a newer dependency breaks the build. The build directory is kept until the end, so that an
    // interrupted installation goes on where it stopped.
    install.args(["install", "evcxr_jupyter", "--version", EVCXR, "--locked", "--root"]).arg(&unfinished);
    install.arg("--target-dir").arg(&build).current_dir(std::env::temp_dir());
    process::run_logged(&mut install, &paths::lab().join("log/evcxr.log"))?;
    fs::rename(&unfinished, &home).about(home.display())?;
    fs::remove_dir_all(&build).about(build.display())?;
    Ok(home.join("bin/evcxr_jupyter"))
}

fn find_evcxr() -> Result<Option<PathBuf>> {
    let cargo_home = kernel::cargo_home()?;
    let beside_cargo = cargo_home.join("bin/evcxr_jupyter");
    let installed = fs::read_to_string(cargo_home.join(".crates.toml")).unwrap_or_default();
    if beside_cargo.exists() && installed.contains(&format!("\"evcxr_jupyter {EVCXR} ")) {
        return Ok(Some(beside_cargo));
    }
    let own = evcxr_home()?.join("bin/evcxr_jupyter");
    Ok(own.exists().then_some(own))
}

/// Where our own kernel is kept: the user's cache, because building it takes long and every clone can use it.
fn evcxr_home() -> Result<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => std::env::home_dir().ok_or("there is no home directory; set HOME")?.join(".cache"),
    };
    Ok(cache.join("candlelight").join(format!("evcxr_jupyter-{EVCXR}")))
}

/// Builds the crate, and with it all that the kernels compile. After an error in a cell, evcxr runs `cargo check` too, which
/// would go through all of Candle at the first one.
fn build_crate() -> Result<()> {
    for work in ["build", "check"] {
        let mut cargo = process::command("cargo");
        cargo.args([work, "--package", "candlelight"]).current_dir(paths::root());
        process::run_logged(&mut cargo, &paths::lab().join(format!("log/crate-{work}.log")))?;
    }
    Ok(())
}

/// Builds the crate as a kernel would, in the directory that kernels start from a copy of.
fn prepare_kernels() -> Result<()> {
    let root = paths::root();
    let prepared = kernel::prepared(&paths::lab());
    let lock = fs::read_to_string(root.join("Cargo.lock")).about("Cargo.lock")?;
    let config = fs::read_to_string(root.join(".cargo/config.toml")).about(".cargo/config.toml")?;
    let rustc = process::output(process::command("rustc").current_dir(&root).arg("-vV"))?;
    let flags = kernel::rustflags();
    let wanted = format!("{rustc}\n{flags}\n{config}\n{lock}");
    if !is_done(&prepared, &wanted) {
        if prepared.exists() {
            fs::remove_dir_all(&prepared).about(prepared.display())?;
        }
        fs::create_dir_all(prepared.join("src")).about(prepared.display())?;
        fs::write(prepared.join("src/lib.rs"), "").about(prepared.display())?;
        if flags == kernel::PREFER_DYNAMIC {
            // The artifacts of the workspace serve the kernels as they are, except its own crates.
            let target = root.join("target");
            for part in ["debug".into(), Path::new(&kernel::host(&rustc)).join("debug")] {
                clone_tree(&target.join(&part), &prepared.join("target").join(&part), &is_dependency)?;
            }
        }
    }
    fs::write(prepared.join("Cargo.toml"), kernel::manifest(&root)).about(prepared.display())?;
    fs::write(prepared.join("Cargo.lock"), &lock).about(prepared.display())?;
    for work in ["build", "check"] {
        let mut cargo = process::command("cargo");
        cargo.args([work, "--target", &kernel::host(&rustc)]).current_dir(&prepared);
        cargo.env("CARGO_TARGET_DIR", "target").env("CARGO_BUILD_BUILD_DIR", "target").env("RUSTFLAGS", &flags);
        process::run_logged(&mut cargo, &paths::lab().join(format!("log/kernels-{work}.log")))?;
    }
    fs::copy(prepared.join("Cargo.lock"), prepared.join(kernel::PINNED_LOCK)).about("the kernels' Cargo.lock")?;
    mark_done(&prepared, &wanted)
}

/// Whether a path below `target/.../debug` belongs to a dependency, and not to a crate or a test of the workspace.
fn is_dependency(path: &Path) -> bool {
    const OURS: [&str; 5] = ["candlelight", "libcandlelight", "xtask", "libxtask", "ctx"];
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    let ours = |name: &str| OURS.iter().any(|own| name.starts_with(own));
    match &parts[..] {
        [folder] => [".fingerprint", "build", "deps"].contains(&&**folder),
        [folder, name] if folder == "deps" => !ours(name) && name.contains('.'),
        [_, name, ..] => !ours(name),
        [] => true,
    }
}

/// The kernel specification `rust`, in the Python environment, and the program that it starts.
fn install_kernel() -> Result<()> {
    let lab = paths::lab();
    let this = std::env::current_exe().about("this program")?;
    let launcher = lab.join("bin").join(kernel::LAUNCHER);
    let cargo_bin = lab.join("kernel/cargo-home/bin");
    for folder in [lab.join("bin"), cargo_bin.clone(), lab.join("venv/share/jupyter/kernels/rust")] {
        fs::create_dir_all(&folder).about(folder.display())?;
    }
    if fs::read(&this).ok() != fs::read(&launcher).ok() {
        // A new file, because a running kernel may hold the old one.
        let new = launcher.with_extension("new");
        fs::copy(&this, &new).about(new.display())?;
        fs::rename(&new, &launcher).about(launcher.display())?;
    }
    let cargo = cargo_bin.join("cargo");
    if fs::read_link(&cargo).ok().as_ref() != Some(&launcher) {
        let _ = fs::remove_file(&cargo);
        std::os::unix::fs::symlink(&launcher, &cargo).about(cargo.display())?;
    }
    let specification = serde_json::json!({
        "argv": [launcher, "{connection_file}"],
        "display_name": "Rust (Candlelight)",
        "language": "rust",
        "interrupt_mode": "message",
    });
    write_if_new(&lab.join("venv/share/jupyter/kernels/rust/kernel.json"), &format!("{specification:#}\n"))?;
    let settings = serde_json::json!({
        "@jupyterlab/apputils-extension:notification": { "fetchNews": "false", "checkForUpdates": false },
    });
    let folder = lab.join("venv/share/jupyter/lab/settings");
    fs::create_dir_all(&folder).about(folder.display())?;
    write_if_new(&folder.join("overrides.json"), &format!("{settings:#}\n"))
}

fn write_if_new(file: &Path, content: &str) -> Result<()> {
    if fs::read_to_string(file).is_ok_and(|old| old == content) {
        return Ok(());
    }
    fs::write(file, content).about(file.display())
}

/// Whether [`mark_done`] was called with the same text.
pub fn is_done(folder: &Path, wanted: &str) -> bool {
    fs::read_to_string(folder.join("set-up.done")).is_ok_and(|done| done == wanted)
}

/// Written last, so that a folder without it, or with another text, is known to be unfinished.
pub fn mark_done(folder: &Path, wanted: &str) -> Result<()> {
    write_if_new(&folder.join("set-up.done"), wanted)
}

/// A command of the Python environment, with Jupyter finding our kernel first.
pub fn jupyter(program: &str) -> Command {
    let mut command = process::command(paths::venv_program(program));
    command.env("JUPYTER_PREFER_ENV_PATH", "1").env("PYTHONUNBUFFERED", "1").current_dir(paths::root());
    command
}
