//! `cargo xtask setup`: what the notebooks need, made once, found again later, with no network the second time.

use std::fs::{self, File};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use crate::arguments::Arguments;
use crate::clone::clone_tree;
use crate::done::{is_done, mark_done, write_if_new};
use crate::error::{About, Result};
use crate::resolved::{self, Resolved};
use crate::{cargo, cuda, evcxr, paths, process, python, questions, replay};

/// `cargo xtask setup`, all of it or the kernel alone, and the crate for cards if that is asked for.
pub fn command(mut arguments: Arguments) -> Result<ExitCode> {
    let (alone, for_cards) = (arguments.flag("--kernel-only"), arguments.flag("--cuda"));
    arguments.end()?;
    if alone { prepare(false) } else { setup() }?;
    if for_cards {
        cuda::build()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Does every step that is not done yet.
pub fn setup() -> Result<()> {
    prepare(true)
}

/// With JupyterLab, or without it: other front ends start the kernel's program themselves.
fn prepare(with_jupyterlab: bool) -> Result<()> {
    let lab = paths::lab();
    fs::create_dir_all(lab.join("log")).about(lab.display())?;
    // One set-up at a time; the lock goes with the process, however that ends.
    let lock = File::create(lab.join("lock")).about("the lock of the set-up")?;
    if lock.try_lock().is_err() {
        println!("waiting for another `cargo xtask` to finish its set-up");
        lock.lock().about("the lock of the set-up")?;
    }
    check_place()?;
    check_platform()?;
    check_compiler()?;
    if with_jupyterlab {
        step("Python environment", python::install)?;
    }
    step("sources of the standard library", rust_sources)?;
    step("Rust kernel", evcxr::install)?;
    step("crate", build_crate)?;
    step("program of the cells", build_cells)?;
    step("program of the kernels", install_launcher)?;
    step("build directory of the kernels", prepare_kernels)?;
    if with_jupyterlab {
        step("kernel specification", install_specifications)?;
    }
    Ok(())
}

fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let start = Instant::now();
    work()?;
    if start.elapsed().as_secs() >= 2 {
        println!("      {name}: ready after {}", process::clock(start.elapsed()));
    }
    Ok(())
}

/// Said before anything is compiled. Manifests are UTF-8, evcxr reads its start file by lines, and lld, which links the crate,
/// puts digits in place of a percent sign.
fn check_place() -> Result<()> {
    let root = paths::root();
    match root.to_str() {
        Some(text) if !text.contains(|c: char| c == '%' || c.is_control()) => Ok(()),
        _ => Err(format!(
            "the course cannot be compiled in {root:?}: the name holds a percent sign, a control character or what is not \
             UTF-8; move the folder"
        )
        .into()),
    }
}

/// That this is a system for which set-up was written; `docs/platforms.md` lists what it assumes. On Windows `build.rs` says it.
fn check_platform() -> Result<()> {
    let rustc = process::output(process::command("rustc").current_dir(paths::root()).arg("-vV"))?;
    match misfit(&evcxr::host(&rustc)) {
        None => Ok(()),
        Some(why) => Err(why.into()),
    }
}

/// Why notebooks cannot be run with a toolchain of this host, if they cannot.
fn misfit(host: &str) -> Option<String> {
    let (_, system) = host.split_once('-')?;
    match system {
        "unknown-linux-gnu" | "apple-darwin" => None,
        _ if system.contains("musl") => Some(format!(
            "Rust for {host} makes no libraries that cells can share; use a system with glibc and the toolchain \
             `stable-x86_64-unknown-linux-gnu`"
        )),
        _ => Some(format!("set-up is written for Linux with glibc and for macOS, on 64 bits, and this is {host}")),
    }
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

/// Builds the program in which cells run, with the compiler of the cells: both are linked to its standard library.
fn build_cells() -> Result<()> {
    let lab = paths::lab();
    let sysroot = process::output(process::command("rustc").current_dir(paths::root()).args(["--print", "sysroot"]))?;
    let rustc = process::output(process::command("rustc").current_dir(paths::root()).arg("-vV"))?;
    let host = evcxr::host(&rustc);
    let library = format!("{sysroot}/lib/rustlib/{host}/lib");
    let mut cargo = process::command("cargo");
    cargo.args(["rustc", "--package", "candlelight-cells", "--"]).arg(format!("-Clink-arg=-Wl,-rpath,{library}"));
    process::run_logged(cargo.current_dir(paths::root()), &lab.join("log/cells.log"))?;
    let built = paths::root().join("target").join(&host).join("debug/candlelight-cells");
    let (place, new) = (paths::cells(&lab), paths::cells(&lab).with_extension("new"));
    fs::create_dir_all(lab.join("kernel")).about("the folder of the kernels")?;
    fs::copy(&built, &new).about(built.display())?;
    // A new file, because a running kernel may hold the old one.
    fs::rename(&new, &place).about(place.display())
}

/// Builds the crate as a kernel would, in the directory that kernels start from a copy of.
fn prepare_kernels() -> Result<()> {
    let root = paths::root();
    let lab = paths::lab();
    let prepared = paths::prepared(&lab);
    let lock = fs::read_to_string(root.join("Cargo.lock")).about("Cargo.lock")?;
    let config = fs::read_to_string(root.join(".cargo/config.toml")).about(".cargo/config.toml")?;
    let rustc = process::output(process::command("rustc").current_dir(&root).arg("-vV"))?;
    let flags = evcxr::rustflags();
    let wanted = format!("{rustc}\n{flags}\n{config}\n{lock}");
    if !is_done(&prepared, &wanted) {
        for old in [&prepared, &questions::kept(&lab)] {
            if old.exists() {
                fs::remove_dir_all(old).about(old.display())?;
            }
        }
        fs::create_dir_all(prepared.join("src")).about(prepared.display())?;
        fs::write(prepared.join("src/lib.rs"), "").about(prepared.display())?;
        if flags == evcxr::PREFER_DYNAMIC {
            // The artifacts of the workspace serve the kernels as they are, except its own crates.
            let target = root.join("target");
            for part in ["debug".into(), Path::new(&evcxr::host(&rustc)).join("debug")] {
                clone_tree(&target.join(&part), &prepared.join("target").join(&part), &is_dependency)?;
            }
        }
    }
    fs::write(prepared.join("Cargo.toml"), evcxr::manifest(&root)).about(prepared.display())?;
    fs::write(prepared.join("Cargo.lock"), &lock).about(prepared.display())?;
    // Cargo drops from the lock file what this package does not reach.
    let metadata = cargo::metadata(process::command("cargo"), &prepared, &evcxr::host(&rustc))?.stdout;
    let metadata = serde_json::from_slice(&metadata).about("cargo metadata")?;
    let resolved = Resolved::read(&metadata).ok_or("`cargo metadata` has another form than expected")?;
    fs::write(prepared.join(resolved::FILE), resolved.text()?).about(resolved::FILE)?;
    fs::copy(prepared.join("Cargo.lock"), prepared.join(evcxr::PINNED_LOCK)).about("the kernels' Cargo.lock")?;
    if !replay::is_recorded(&prepared, &flags)? {
        // A cell like the first of a kernel, which cargo has to compile.
        fs::write(prepared.join("src/lib.rs"), "").about(prepared.display())?;
    }
    for work in ["build", "check"] {
        let mut cargo = process::command("cargo");
        cargo.args([work, "--target", &evcxr::host(&rustc)]).current_dir(&prepared);
        cargo.env("CARGO_TARGET_DIR", "target").env("CARGO_BUILD_BUILD_DIR", "target").env("RUSTFLAGS", &flags);
        if work == "build" {
            // The compiler past rustup, as kernels call it.
            let rustc = process::output(process::command("rustup").current_dir(&root).args(["which", "rustc"]));
            cargo.env("RUSTC", rustc.unwrap_or_else(|_| "rustc".into()));
            replay::record(&mut cargo, &prepared, &paths::kernel_bin(&lab).join(replay::RECORDER), &flags)?;
        }
        process::run_logged(&mut cargo, &paths::lab().join(format!("log/kernels-{work}.log")))?;
    }
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

/// The program that Jupyter starts, and the names under which it stands between evcxr, cargo and the compiler.
fn install_launcher() -> Result<()> {
    let lab = paths::lab();
    // Where there is one, the name that leads to this program also after cargo has put a newer one in its place.
    let own = Path::new("/proc/self/exe");
    let this = if own.exists() { own.to_owned() } else { std::env::current_exe().about("this program")? };
    let launcher = paths::launcher();
    let cargo_bin = paths::kernel_bin(&lab);
    for folder in [lab.join("bin"), cargo_bin.clone()] {
        fs::create_dir_all(&folder).about(folder.display())?;
    }
    if fs::read(&this).ok() != fs::read(&launcher).ok() {
        // A new file, because a running kernel may hold the old one.
        let new = launcher.with_extension("new");
        fs::copy(&this, &new).about(new.display())?;
        fs::rename(&new, &launcher).about(launcher.display())?;
    }
    for name in ["cargo", "rustup", replay::RECORDER] {
        evcxr::link(&launcher, &cargo_bin.join(name))?;
    }
    Ok(())
}

/// The kernel specifications `rust` and `rust-stock`, and settings of JupyterLab, in the Python environment.
fn install_specifications() -> Result<()> {
    let (lab, launcher) = (paths::lab(), paths::launcher());
    for (name, words, shown) in
        [("rust", &[][..], "Rust (Candlelight)"), ("rust-stock", &["stock"][..], "Rust (evcxr, stock)")]
    {
        let program = launcher.to_string_lossy().into_owned();
        let argv: Vec<&str> = [&[program.as_str()], words, &["{connection_file}"]].concat();
        let specification = serde_json::json!({
            "argv": argv,
            "display_name": shown,
            "language": "rust",
            "interrupt_mode": "message",
        });
        let folder = lab.join("venv/share/jupyter/kernels").join(name);
        fs::create_dir_all(&folder).about(folder.display())?;
        write_if_new(&folder.join("kernel.json"), &format!("{specification:#}\n"))?;
    }
    let settings = serde_json::json!({
        "@jupyterlab/apputils-extension:notification": { "fetchNews": "false", "checkForUpdates": false },
    });
    let folder = lab.join("venv/share/jupyter/lab/settings");
    fs::create_dir_all(&folder).about(folder.display())?;
    write_if_new(&folder.join("overrides.json"), &format!("{settings:#}\n"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{is_dependency, misfit};

    #[test]
    fn a_system_without_what_set_up_assumes_is_said_in_one_sentence() {
        for host in ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64-apple-darwin"] {
            assert_eq!(misfit(host), None, "{host}");
        }
        for (host, says) in [
            ("x86_64-unknown-linux-musl", "use a system with glibc"),
            ("armv7-unknown-linux-gnueabihf", "and this is armv7-unknown-linux-gnueabihf"),
            ("x86_64-unknown-freebsd", "and this is x86_64-unknown-freebsd"),
        ] {
            assert!(misfit(host).is_some_and(|why| why.contains(says)), "{host}");
        }
    }

    #[test]
    fn packages_of_the_workspace_are_not_handed_to_the_kernels() {
        for ours in [
            "deps/libcandlelight.so",
            "deps/libcandlelight_plot-0123456789abcdef.rlib",
            ".fingerprint/candlelight-kernels-0123456789abcdef/lib-candlelight_kernels.json",
            "deps/candlelight_base-0123456789abcdef.d",
            "incremental",
        ] {
            assert!(!is_dependency(Path::new(ours)), "{ours}");
        }
        for theirs in ["deps", "deps/libcandle_core-0123456789abcdef.rlib", "build/libc-0123456789abcdef/output"] {
            assert!(is_dependency(Path::new(theirs)), "{theirs}");
        }
    }
}
