//! Running other programs, with a line now and then while a long one works.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::error::{About, Error, Result};

/// How long a step works before it says so, and between one such line and the next.
const PATIENCE: Duration = Duration::from_secs(15);

/// A command without the variables that `cargo run` sets: they would make cargo believe that the environment changed.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let of_cargo_run = text == "CARGO" || text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_");
        if of_cargo_run || text == "LD_LIBRARY_PATH" || text == "RUST_RECURSION_COUNT" {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs `command` to its end, everything it prints going to `log`, with its last line shown every so often.
pub fn run_logged(command: &mut Command, log: &Path) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut file = File::create(log).about(log.display())?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .about(format!("cannot start {program}"))?;
    let (sender, lines) = channel();
    let pipes: [Option<Box<dyn std::io::Read + Send>>; 2] =
        [child.stdout.take().map(|pipe| Box::new(pipe) as _), child.stderr.take().map(|pipe| Box::new(pipe) as _)];
    for pipe in pipes.into_iter().flatten() {
        let sender = sender.clone();
        std::thread::spawn(move || {
            // Lossy: a compiler may print what is not UTF-8.
            for line in BufReader::new(pipe).split(b'\n').map_while(std::result::Result::ok) {
                let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            }
        });
    }
    drop(sender);
    let start = Instant::now();
    let mut said = start;
    let mut last = Vec::new();
    loop {
        match lines.recv_timeout(Duration::from_secs(1)) {
            Ok(line) => {
                writeln!(file, "{line}").about(log.display())?;
                last.push(line);
                if last.len() > 20 {
                    last.remove(0);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if said.elapsed() >= PATIENCE {
            said = Instant::now();
            let line = last.last().map_or("", String::as_str).trim();
            println!("      {} {}", clock(start.elapsed()), line.chars().take(90).collect::<String>());
        }
    }
    let status = child.wait().about(&program)?;
    if status.success() {
        return Ok(());
    }
    Err(Error::from(format!(
        "{program} failed ({status}); its last lines, all of them in {}:\n{}",
        log.display(),
        last.join("\n")
    )))
}

/// Runs `command` and returns what it prints to standard output.
pub fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().about(format!("cannot start {program}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} failed ({}): {}", output.status, said.trim()).into())
}

/// `3:07`.
pub fn clock(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}

/// Whether the effective user is root, which Jupyter and Chromium want to be told.
pub fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|user| user == "0")
}

/// Runs `command` to its end, with its output in ours.
pub fn watched(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).status().about(format!("cannot start {program}"))?;
    if status.success() { Ok(()) } else { Err(format!("{program} ended with {status}").into()) }
}

/// The program of that name that would be started.
pub fn find_on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// Whether there is a program of that name.
pub fn is_on_path(name: &str) -> bool {
    find_on_path(name).is_some()
}
