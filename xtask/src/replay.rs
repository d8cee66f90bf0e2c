//! The compiler without cargo, where only the cell has changed.
//!
//! Before cargo calls the compiler it reads manifests, the lock file and the times of all dependencies, which takes longer than
//! the compiler does for a small cell. So the call is recorded, and made again for each cell until the manifest or the lock
//! file changes.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde_json::{Map, Value, json};

use crate::error::{About, Result};

/// The name under which this program stands between cargo and the compiler.
pub const RECORDER: &str = "recorder";

/// The variable with the file to record to.
const FILE: &str = "CANDLELIGHT_CALL";
/// The variable with what the call depends on.
const STATE: &str = "CANDLELIGHT_STATE";
/// The variable with the file in which evcxr expects the path of the library, instead of searching what cargo prints.
const LIBRARY: &str = "EVCXR_EXECUTION_SO_PATH";

/// Compiles the cell in `session` as it was compiled last, if nothing but the cell has changed; else returns.
pub fn replay(session: &Path) -> Result<()> {
    let Ok(text) = fs::read_to_string(file(session)) else { return Ok(()) };
    let Ok(call) = serde_json::from_str::<Value>(&text) else { return Ok(()) };
    let arguments: Vec<&str> = call["arguments"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let (Some(library), Some(folder)) = (std::env::var_os(LIBRARY), argument(&arguments, "--out-dir")) else {
        return Ok(());
    };
    let word = |name: &str| call[name].as_str().unwrap_or_default();
    if word("state") != state(session)? {
        return Ok(());
    }
    // evcxr reads this only if the compiler succeeds.
    let made = format!("{folder}/{}ctx{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    fs::write(&library, made).about("the path of the library")?;
    let environment = call["environment"].as_object().into_iter().flatten();
    let environment = environment.filter_map(|(name, value)| Some((name, value.as_str()?)));
    let mut rustc = Command::new(word("program"));
    let error = rustc.args(&arguments).current_dir(word("folder")).envs(environment).exec();
    Err(format!("cannot start rustc: {error}").into())
}

/// Makes cargo record the call that compiles the cell in `session`.
pub fn record(cargo: &mut Command, session: &Path, recorder: &Path) -> Result<()> {
    cargo.env("RUSTC_WRAPPER", recorder).env(FILE, file(session)).env(STATE, state(session)?);
    Ok(())
}

/// The compiler, called by cargo through this program.
pub fn recorder() -> Result<ExitCode> {
    let mut words = std::env::args().skip(1);
    let program = words.next().ok_or("cargo names the compiler first")?;
    let words: Vec<String> = words.collect();
    let arguments: Vec<&str> = words.iter().map(String::as_str).collect();
    let cell = argument(&arguments, "--crate-name") == Some("ctx") && argument(&arguments, "--out-dir").is_some();
    if let (Some(file), Ok(state), true) = (std::env::var_os(FILE), std::env::var(STATE), cell) {
        let of_cargo = |name: &str| name.starts_with("CARGO") || name == "LD_LIBRARY_PATH" || name == "OUT_DIR";
        let environment: Map<String, Value> =
            std::env::vars().filter(|(name, _)| of_cargo(name)).map(|(name, value)| (name, value.into())).collect();
        let folder = std::env::current_dir().about("this folder")?;
        let call = json!({
            "state": state,
            "program": program,
            "arguments": arguments,
            "folder": folder,
            "environment": environment,
        });
        fs::write(file, call.to_string()).about("the call of the compiler")?;
    }
    Err(format!("cannot start rustc: {}", Command::new(program).args(arguments).exec()).into())
}

fn file(session: &Path) -> PathBuf {
    session.join("call.json")
}

/// All but the cell that the call depends on.
fn state(session: &Path) -> Result<String> {
    let mut state = String::new();
    for name in ["Cargo.toml", "Cargo.lock"] {
        state += &fs::read_to_string(session.join(name)).about(name)?;
    }
    for name in ["RUSTFLAGS", "RUSTC"] {
        state += &std::env::var(name).unwrap_or_default();
    }
    Ok(state)
}

fn argument<'a>(arguments: &[&'a str], name: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|argument| *argument == name)?;
    arguments.get(at + 1).copied()
}

#[cfg(test)]
mod tests {
    use super::argument;

    #[test]
    fn an_argument_follows_its_name() {
        let words = ["--crate-name", "ctx", "-C", "--out-dir"];
        assert_eq!((argument(&words, "--crate-name"), argument(&words, "--out-dir")), (Some("ctx"), None));
    }
}
