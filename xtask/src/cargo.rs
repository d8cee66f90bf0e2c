//! The cargo of a kernel: evcxr, and the analyzer inside it, find this program in place of the real one.
//!
//! evcxr tries each new dependency in a package that has no other, and cargo then drops all others from the lock file. At the
//! next cell it would choose their versions anew, compile Candle anew, and the copy in memory would be lost, with all
//! variables. So the lock file is put back, and a dependency is tried beside those that are there.

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};

use serde_json::Value;

use crate::clone::clone_tree;
use crate::error::{About, Result};
use crate::evcxr::PINNED_LOCK;
use crate::questions::Question;
use crate::replay::dependencies;
use crate::resolved::{self, Resolved};
use crate::{analyzer, cell, paths, replay};

/// The variable that holds the path of the real cargo.
pub const REAL: &str = "CANDLELIGHT_CARGO";
/// The variable that holds the real home of cargo.
pub const HOME: &str = "CANDLELIGHT_CARGO_HOME";
/// The variable that holds the folder of the kernel, if it is ours: that removes it at its end.
pub const SESSION: &str = "CANDLELIGHT_SESSION";
/// The variable that holds the kernel's target.
pub const HOST: &str = "CANDLELIGHT_HOST";
/// The variable with the dependency that each kernel of ours has, as a line of a manifest.
pub const DEPENDENCY: &str = "CANDLELIGHT_DEPENDENCY";

/// The package in which evcxr tries a dependency.
const TRIAL: &str = "evcxr_dummy_validate_dep";
/// The manifest that was built last; evcxr overwrites its own to try a dependency.
const BUILT: &str = "Cargo.toml.built";
/// The file that the kernel writes when a reader has chosen how evcxr shows values.
const FORMAT: &str = "format";
/// The file that says that all of the build directory is there.
const COMPLETE: &str = "complete";

/// Runs the real cargo, where that cannot be avoided.
pub fn cargo() -> Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let is = |command: &str| words.first().is_some_and(|word| word == command);
    let mut real = real_cargo()?;
    real.args(std::env::args_os().skip(1));
    let ours = std::env::var_os(SESSION).map(PathBuf::from);
    if let Some(session) = session() {
        keep_lock(&session)?;
        let mut manifest = fs::read_to_string(session.join("Cargo.toml")).about("Cargo.toml")?;
        if is("metadata") && manifest.contains(TRIAL) {
            return try_dependency(&session, &manifest);
        }
        if ours.is_some() {
            add_crate(&session, &mut manifest)?;
        }
        if is("build") {
            fs::write(session.join(BUILT), manifest).about(BUILT)?;
            if ours.is_some() {
                compile_less(&session)?;
            }
            if let Some(code) = replay::replay(&session)? {
                return Ok(code);
            }
            let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
            replay::record(&mut real, &session, &recorder()?, &flags)?;
        }
        if ours.is_some() && (is("build") || is("check")) {
            complete(&session)?;
        }
        // evcxr loads what cargo names, and cuts the name at a space: see `Session` in `kernel.rs`.
        let target = session.join("target");
        real.env("CARGO_TARGET_DIR", &target).env("CARGO_BUILD_BUILD_DIR", &target);
    }
    let here = std::env::current_dir().about("this folder")?;
    let question = match &ours {
        Some(session) => Question::new(&lab()?, session, Path::new(real.get_program()), &here, &words),
        None => None,
    };
    if let Some(answer) = question.as_ref().and_then(Question::known) {
        std::io::stdout().write_all(answer.as_bytes()).about("an answer of cargo")?;
        return Ok(ExitCode::SUCCESS);
    }
    let asks_for_all = words.iter().any(|word| word == "metadata") && !words.iter().any(|word| word == "--no-deps");
    if question.is_none() && !asks_for_all {
        return Err(format!("cannot start cargo: {}", real.exec()).into());
    }
    let output = real.stderr(Stdio::inherit()).output().about("cargo")?;
    let mut answer = output.stdout;
    if asks_for_all
        && let Ok(mut parsed) = serde_json::from_slice(&answer)
        && analyzer::trim(&mut parsed).is_some()
    {
        answer = serde_json::to_vec(&parsed).about("cargo metadata")?;
    }
    if let Some(question) = question.filter(|_| output.status.success()) {
        question.keep(&answer);
    }
    std::io::stdout().write_all(&answer).about("an answer of cargo")?;
    Ok(if output.status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// evcxr asks rustup for the path of cargo; everything else is for the real one.
pub fn rustup() -> Result<ExitCode> {
    let bin = paths::kernel_bin(&lab()?);
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    if words == ["which", "cargo"] {
        println!("{}", bin.join("cargo").display());
        return Ok(ExitCode::SUCCESS);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut real = std::env::split_paths(&path).filter(|folder| *folder != bin).map(|folder| folder.join("rustup"));
    let real = real.find(|program| program.is_file()).ok_or("rustup is not installed")?;
    Err(format!("cannot start rustup: {}", Command::new(real).args(words).exec()).into())
}

/// What set-up made, this program with it.
fn lab() -> Result<PathBuf> {
    let this = std::env::current_exe().and_then(|this| this.canonicalize()).about("this program")?;
    paths::lab_of(&this).map(Path::to_owned)
}

/// This program, as what stands between cargo and the compiler.
fn recorder() -> Result<PathBuf> {
    Ok(paths::kernel_bin(&lab()?).join(replay::RECORDER))
}

/// Adds the crate to a manifest of evcxr, which does not know that every kernel of ours has it: so the analyzer reads it with
/// the first manifest, and not a second time with a second one.
fn add_crate(session: &Path, manifest: &mut String) -> Result<()> {
    let Ok(dependency) = std::env::var(DEPENDENCY) else { return Ok(()) };
    if !dependencies(manifest).any(|line| name_of(line) == name_of(&dependency)) {
        *manifest = format!("{}\n{dependency}\n", manifest.trim_end());
        fs::write(session.join("Cargo.toml"), &manifest).about("Cargo.toml")?;
    }
    Ok(())
}

/// Leaves out of the cell what the crate holds compiled.
fn compile_less(session: &Path) -> Result<()> {
    let file = session.join("src/lib.rs");
    let source = fs::read_to_string(&file).about(file.display())?;
    let new = cell::with_runtime(&source, !session.join(FORMAT).exists());
    if new == source { Ok(()) } else { fs::write(&file, new).about(file.display()) }
}

/// Gives cargo the whole build directory: a kernel starts with the libraries alone, which serve until cargo itself has to work.
fn complete(session: &Path) -> Result<()> {
    let done = session.join(COMPLETE);
    if done.exists() {
        return Ok(());
    }
    let prepared = paths::prepared(&lab()?);
    // Where set-up has compiled the crate anew since, what is here must not be mixed with that.
    if library(session) != library(&prepared) {
        let target = session.join("target");
        fs::remove_dir_all(&target).about(target.display())?;
    }
    clone_tree(&prepared, session, &|path| !path.ends_with("incremental"))?;
    fs::write(&done, "").about(done.display())
}

/// The file that holds the crate in a build directory, whatever its name is.
fn library(folder: &Path) -> Option<(u64, u64)> {
    let deps = folder.join("target").join(std::env::var_os(HOST)?).join("debug/deps");
    let name = format!("{}candlelight{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let file = fs::metadata(deps.join(name)).ok()?;
    Some((file.dev(), file.ino()))
}

fn real_cargo() -> Result<Command> {
    let given = |name: &str| std::env::var_os(name).ok_or_else(|| format!("{name} is not set"));
    let mut real = Command::new(given(REAL)?);
    real.env("CARGO_HOME", given(HOME)?);
    Ok(real)
}

/// The build directory of the kernel, under the name that evcxr knows, if this was started there.
fn session() -> Option<PathBuf> {
    let session = PathBuf::from(std::env::var_os("EVCXR_TMPDIR")?);
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).ok()?;
    (session.canonicalize().ok()? == here).then_some(session)
}

/// Puts back what cargo dropped from the lock file. What it added stays, and is kept from now on.
fn keep_lock(session: &Path) -> Result<()> {
    let (lock, pinned) = (session.join("Cargo.lock"), session.join(PINNED_LOCK));
    let wanted = fs::read_to_string(&pinned).about(PINNED_LOCK)?;
    let found = fs::read_to_string(&lock).unwrap_or_default();
    if found == wanted {
        return Ok(());
    }
    match packages(&found).is_superset(&packages(&wanted)) {
        true => fs::write(&pinned, found).about(PINNED_LOCK),
        false => fs::write(&lock, wanted).about("Cargo.lock"),
    }
}

/// The names and versions in a lock file, without that of the cell itself.
fn packages(lock: &str) -> HashSet<(&str, &str)> {
    let mut packages = HashSet::new();
    for entry in lock.split("[[package]]\n").skip(1) {
        let mut lines = entry.lines();
        if let (Some(name), Some(version)) = (lines.next(), lines.next())
            && ![TRIAL, "ctx"].iter().any(|own| name == format!("name = \"{own}\""))
        {
            packages.insert((name, version));
        }
    }
    packages
}

/// Resolves a new dependency together with those that are there, and refuses it where candlelight would be compiled anew.
fn try_dependency(session: &Path, manifest: &str) -> Result<ExitCode> {
    let Some(asked) = dependencies(manifest).next() else { return Err("evcxr tries no dependency".into()) };
    let name = name_of(asked);
    let built = fs::read_to_string(session.join(BUILT)).unwrap_or_default();
    let others: String =
        dependencies(&built).filter(|line| name_of(line) != name).map(|line| format!("{line}\n")).collect();
    let trial = session.join("trial");
    fs::create_dir_all(trial.join("src")).about(trial.display())?;
    fs::write(trial.join("src/lib.rs"), "").about(trial.display())?;
    let text = format!(
        "[package]\nname = \"ctx\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{others}{asked}\n"
    );
    fs::write(trial.join("Cargo.toml"), text).about(trial.display())?;
    fs::copy(session.join(PINNED_LOCK), trial.join("Cargo.lock")).about(trial.display())?;
    let Output { status, stdout, stderr } = metadata(real_cargo()?, &trial, &std::env::var(HOST).unwrap_or_default())?;
    if !status.success() {
        std::io::stderr().write_all(failure(&String::from_utf8_lossy(&stderr)).as_bytes()).about("cargo metadata")?;
        return Ok(ExitCode::FAILURE);
    }
    let before = fs::read_to_string(session.join(resolved::FILE)).about(resolved::FILE)?;
    let before = Resolved::parse(&before)?;
    let after: Value = serde_json::from_slice(&stdout).about("cargo metadata")?;
    if let Some(change) = Resolved::read(&after).and_then(|after| before.change(&after)) {
        eprintln!(
            "`{name}` cannot be added to this kernel: it changes {change}. The kernel has loaded candlelight, which is \
             compiled from that; Candle would be compiled anew, and all variables lost. Other features or another version \
             of `{name}` may do."
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// What cargo says of a failure, without the lines in which it says that another cargo let it wait: evcxr shows the reader
/// all of it as the reason.
fn failure(stderr: &str) -> String {
    stderr.split_inclusive('\n').filter(|line| !line.trim_start().starts_with("Blocking waiting for")).collect()
}

/// What `cargo metadata` says of the package in `folder`, for one target.
pub fn metadata(mut cargo: Command, folder: &Path, target: &str) -> Result<Output> {
    cargo.args(["metadata", "--format-version", "1", "--filter-platform", target]).current_dir(folder);
    cargo.stdin(Stdio::null()).output().about("cargo metadata")
}

fn name_of(dependency: &str) -> &str {
    dependency.split(['=', ' ']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{dependencies, failure, keep_lock, name_of};

    #[test]
    fn what_cargo_drops_comes_back_and_what_it_adds_stays() {
        let folder = std::env::temp_dir().join(format!("candlelight-lock-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let entry = |name: &str, version: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n\n");
        let write = |file: &str, text: &str| std::fs::write(folder.join(file), text).unwrap();
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
        let full = format!("version = 4\n\n{}{}", entry("ctx", "1.0.0"), entry("libc", "0.2.1"));
        write("Cargo.lock.pinned", &full);

        write("Cargo.lock", &format!("version = 4\n\n{}", entry("evcxr_dummy_validate_dep", "0.0.1")));
        keep_lock(&folder).unwrap();
        assert_eq!(read("Cargo.lock"), full);

        let more = full.clone() + &entry("itoa", "1.0.0");
        write("Cargo.lock", &more);
        keep_lock(&folder).unwrap();
        assert_eq!((read("Cargo.lock"), read("Cargo.lock.pinned")), (more.clone(), more.clone()));

        write("Cargo.lock", &more.replace("0.2.1", "0.2.2"));
        keep_lock(&folder).unwrap();
        assert_eq!(read("Cargo.lock"), more);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn waiting_for_another_cargo_is_no_reason() {
        let told =
            "    Blocking waiting for file lock on package cache\nerror: no matching package named `itao` found\n";
        assert_eq!(failure(told), "error: no matching package named `itao` found\n");
    }

    #[test]
    fn a_manifest_names_its_dependencies_line_by_line() {
        let manifest = "[package]\nname = \"ctx\"\n[dependencies]\n    itoa = \"1\"\nb={ path = \"/a = b\" }\n";
        assert_eq!(dependencies(manifest).map(name_of).collect::<Vec<_>>(), ["itoa", "b"]);
    }
}
