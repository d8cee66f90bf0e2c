//! The compiler without cargo, where only the cell has changed.
//!
//! Before cargo calls the compiler it reads manifests, the lock file and the times of all dependencies, which takes longer than
//! the compiler does for a small cell. So the call is recorded, by set-up for the first cell of every kernel, and made again for
//! each cell until the dependencies change.

use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use serde_json::{Map, Value, json};

use crate::cell;
use crate::error::{About, Result};

/// The name under which this program stands between cargo and the compiler.
pub const RECORDER: &str = "recorder";

/// The variable with the file to record to.
const FILE: &str = "CANDLELIGHT_CALL";
/// The variable with what the call depends on.
const STATE: &str = "CANDLELIGHT_STATE";
/// The variable with the file in which evcxr expects the path of the library, instead of searching what cargo prints.
const LIBRARY: &str = "EVCXR_EXECUTION_SO_PATH";

/// Compiles the cell in `session` as the one before, if nothing but the cell has changed; else returns `None`.
pub fn replay(session: &Path) -> Result<Option<ExitCode>> {
    let (Some(call), Some(library)) = (Call::read(session), std::env::var_os(LIBRARY)) else { return Ok(None) };
    let Some(folder) = argument(&call.arguments, "--out-dir") else { return Ok(None) };
    if call.state != state(session, &std::env::var("RUSTFLAGS").unwrap_or_default())? {
        return Ok(None);
    }
    // evcxr reads this only if the compiler succeeds.
    let made = format!("{folder}/{}ctx{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    fs::write(&library, made).about("the path of the library")?;
    let file = session.join("src/lib.rs");
    let source = fs::read_to_string(&file).about(file.display())?;
    if let Some(less) = cell::without_unnamed(&source) {
        fs::write(&file, less).about(file.display())?;
        let output = call.rustc().stdout(Stdio::inherit()).output().about("cannot start rustc")?;
        // A macro may put together the name of a variable.
        let is_missed = !output.status.success() && output.stderr.windows(5).any(|word| word == b"E0425");
        if !is_missed {
            std::io::stderr().write_all(&output.stderr).about("what rustc said")?;
            return Ok(Some(if output.status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }));
        }
        fs::write(&file, source).about(file.display())?;
    }
    Err(format!("cannot start rustc: {}", call.rustc().exec()).into())
}

/// Makes cargo record the call that compiles the cell in `session`, which passes `flags` to the compiler.
pub fn record(cargo: &mut Command, session: &Path, recorder: &Path, flags: &str) -> Result<()> {
    cargo.env("RUSTC_WRAPPER", recorder).env(FILE, session.join(NAME)).env(STATE, state(session, flags)?);
    Ok(())
}

/// Whether set-up has recorded the call that the folder's first cell needs.
pub fn is_recorded(folder: &Path, flags: &str) -> Result<bool> {
    let state = state(folder, flags)?;
    Ok(Call::read(folder).is_some_and(|call| call.state == state))
}

/// The compiler, called by cargo through this program.
pub fn recorder() -> Result<ExitCode> {
    let mut words = std::env::args().skip(1);
    let program = words.next().ok_or("cargo names the compiler first")?;
    let words: Vec<String> = words.collect();
    let cell = argument(&words, "--crate-name") == Some("ctx") && argument(&words, "--out-dir").is_some();
    let is_built = argument(&words, "--crate-type") == Some("cdylib") && !words.iter().any(|word| word == "--test");
    if let (Some(file), Ok(state), true) = (std::env::var_os(FILE), std::env::var(STATE), cell && is_built) {
        let of_cargo = |name: &str| name.starts_with("CARGO") || name == "LD_LIBRARY_PATH" || name == "OUT_DIR";
        let environment = std::env::vars().filter(|(name, _)| of_cargo(name)).collect();
        let folder = std::env::current_dir().about("this folder")?.to_string_lossy().into_owned();
        let call = Call { state, program: program.clone(), arguments: light(&words), folder, environment };
        call.write(Path::new(&file))?;
    }
    Err(format!("cannot start rustc: {}", Command::new(program).args(words).exec()).into())
}

/// The file of the call in a kernel's folder.
pub const NAME: &str = "call.json";

/// A call of the compiler.
pub struct Call {
    /// What it depends on beside the cell.
    state: String,
    program: String,
    arguments: Vec<String>,
    folder: String,
    environment: Vec<(String, String)>,
}

impl Call {
    /// The call recorded in a folder, if there is one of a known form.
    pub fn read(folder: &Path) -> Option<Self> {
        let call: Value = serde_json::from_str(&fs::read_to_string(folder.join(NAME)).ok()?).ok()?;
        let word = |value: &Value| value.as_str().map(str::to_owned);
        Some(Self {
            state: word(&call["state"])?,
            program: word(&call["program"])?,
            arguments: call["arguments"].as_array()?.iter().map(word).collect::<Option<_>>()?,
            folder: word(&call["folder"])?,
            environment: call["environment"]
                .as_object()?
                .iter()
                .map(|(name, value)| Some((name.clone(), word(value)?)))
                .collect::<Option<_>>()?,
        })
    }

    /// Writes it into `to`, for a copy there of what stood in `from`.
    pub fn write_for(&mut self, from: &Path, to: &Path) -> Result<()> {
        let (Some(old), Some(new)) = (from.to_str(), to.to_str()) else { return Ok(()) };
        let texts = self.arguments.iter_mut().chain(self.environment.iter_mut().map(|(_, value)| value));
        for text in texts.chain([&mut self.folder]) {
            *text = text.replace(old, new);
        }
        self.write(&to.join(NAME))
    }

    /// Leaves a folder without one.
    pub fn forget(folder: &Path) {
        // Where there is none, all is well.
        let _ = fs::remove_file(folder.join(NAME));
    }

    /// As a new file, because a kernel's folder begins with links to those that set-up prepared.
    fn write(&self, file: &Path) -> Result<()> {
        let _ = fs::remove_file(file);
        fs::write(file, self.json().to_string()).about("the call of the compiler")
    }

    /// The target that it compiles for.
    pub fn target(&self) -> Option<&str> {
        argument(&self.arguments, "--target")
    }

    /// The cargo that made it.
    pub fn cargo(&self) -> Option<&str> {
        self.environment.iter().find(|(name, _)| name == "CARGO").map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Value {
        let environment = self.environment.iter().map(|(name, value)| (name.clone(), value.clone().into()));
        json!({
            "state": self.state,
            "program": self.program,
            "arguments": self.arguments,
            "folder": self.folder,
            "environment": environment.collect::<Map<String, Value>>(),
        })
    }

    fn rustc(&self) -> Command {
        let mut rustc = Command::new(&self.program);
        rustc.args(&self.arguments).current_dir(&self.folder);
        rustc.envs(self.environment.iter().map(|(name, value)| (name, value)));
        // The files of a jobserver that is gone: the compiler would warn of them in front of the reader's own faults.
        for name in ["CARGO_MAKEFLAGS", "MAKEFLAGS", "MFLAGS"] {
            rustc.env_remove(name);
        }
        rustc
    }
}

/// The arguments without what costs a cell time and gives it nothing: no two cells are alike enough for an incremental
/// compilation, one is too small to be divided, and nobody reads what it depends on.
fn light(arguments: &[String]) -> Vec<String> {
    let mut light = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-C" => match words.next().map(String::as_str) {
                Some(option) if option.starts_with("incremental=") || option.starts_with("strip=") => {}
                Some(option) if option.starts_with("codegen-units=") => {
                    light.extend(["-C".to_owned(), "codegen-units=1".to_owned()]);
                }
                option => light.extend([Some("-C"), option].into_iter().flatten().map(str::to_owned)),
            },
            "--emit=dep-info,link" => light.push("--emit=link".to_owned()),
            _ => light.push(word.clone()),
        }
    }
    light
}

/// All but the cell that the call depends on.
fn state(session: &Path, flags: &str) -> Result<String> {
    let read = |name: &str| fs::read_to_string(session.join(name)).about(name);
    let manifest = read("Cargo.toml")?;
    let mut dependencies: Vec<&str> = dependencies(&manifest).collect();
    dependencies.sort_unstable();
    Ok(format!("{flags}\n{}\n{}", dependencies.join("\n"), read("Cargo.lock")?))
}

/// The lines of a manifest's dependencies, as evcxr writes them: one each, at the end.
pub fn dependencies(manifest: &str) -> impl Iterator<Item = &str> {
    let lines = manifest.split_once("[dependencies]").map_or("", |(_, lines)| lines).lines();
    lines.map(str::trim).filter(|line| !line.is_empty())
}

fn argument<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::{Call, argument, light};

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn an_argument_follows_its_name() {
        let words = words("--crate-name ctx -C --out-dir");
        assert_eq!((argument(&words, "--crate-name"), argument(&words, "--out-dir")), (Some("ctx"), None));
    }

    #[test]
    fn a_jobserver_that_is_gone_is_not_called() {
        let environment =
            ["CARGO_MAKEFLAGS", "CARGO_PKG_NAME"].map(|name| (name.to_owned(), "-j --jobserver-fds=8,9".to_owned()));
        let [state, program, folder] = ["", "rustc", "."].map(str::to_owned);
        let call = Call { state, program, arguments: Vec::new(), folder, environment: environment.into() };
        let rustc = call.rustc();
        let kept: Vec<_> = rustc.get_envs().filter_map(|(name, value)| value.map(|_| name)).collect();
        assert_eq!(kept, ["CARGO_PKG_NAME"]);
    }

    #[test]
    fn a_call_is_made_lighter() {
        let given = "src/lib.rs --emit=dep-info,link -C rpath -C incremental=/a -C codegen-units=16 -C strip=debuginfo -Cprefer-dynamic -C";
        assert_eq!(
            light(&words(given)),
            words("src/lib.rs --emit=link -C rpath -C codegen-units=1 -Cprefer-dynamic -C")
        );
    }
}
