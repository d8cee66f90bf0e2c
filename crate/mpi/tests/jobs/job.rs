//! A job, and what it leaves.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longer than any of them takes; a job that hangs is ended and fails its test.
const LIMIT: Duration = Duration::from_secs(120);

/// What a job has said, and when.
pub struct Outcome {
    pub status: ExitStatus,
    pub lines: Vec<(Instant, String)>,
    pub end: Instant,
}

impl Outcome {
    pub fn text(&self) -> String {
        self.lines.iter().map(|(_, line)| format!("{line}\n")).collect()
    }

    /// When the first line came that `is` says yes to.
    pub fn first(&self, is: impl Fn(&str) -> bool) -> Instant {
        let found = self.lines.iter().find(|(_, line)| is(line));
        found.unwrap_or_else(|| panic!("no such line in:\n{}", self.text())).0
    }
}

/// A word that no other process has in its command line.
pub fn mark(name: &str) -> String {
    format!("job-{}-{name}", std::process::id())
}

/// Starts `cargo xtask mpi`, waits for its end, and sees that nothing is left of it. `mark`: one of the words, that no other
/// process has.
pub fn run(words: &[&str], mark: &str) -> Outcome {
    // One at a time: each has more ranks than there may be cores, and deadlines.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let temporary = tempfile_folder(mark);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["xtask", "mpi"]).args(words).current_dir(root).env("TMPDIR", &temporary);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (sender, receiver) = channel();
    read(child.stdout.take().unwrap(), sender.clone());
    read(child.stderr.take().unwrap(), sender);
    let start = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if start.elapsed() > LIMIT => break None,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let end = Instant::now();
    if status.is_none() {
        // What mpirun has started ends with it.
        processes(mark).iter().for_each(|pid| drop(Command::new("kill").arg(pid.to_string()).status()));
        let _ = child.kill();
        let _ = child.wait();
    }
    let outcome = Outcome { status: status.unwrap_or_default(), lines: receiver.iter().collect(), end };
    assert!(status.is_some(), "the job hung:\n{}", outcome.text());
    assert_eq!(processes(mark), [0u32; 0], "processes are left of:\n{}", outcome.text());
    let left: Vec<PathBuf> = std::fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?} are left of:\n{}", outcome.text());
    // cargo gives its process to the program that it runs.
    let memory = Path::new("/dev/shm").join(format!("candlelight-mpi-{}", child.id()));
    assert!(!memory.exists(), "{memory:?} is left of:\n{}", outcome.text());
    std::fs::remove_dir_all(temporary).unwrap();
    outcome
}

fn tempfile_folder(mark: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("jobs-{}-{}", std::process::id(), mark.len()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn read(pipe: impl Read + Send + 'static, sender: Sender<(Instant, String)>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let _ = sender.send((Instant::now(), String::from_utf8_lossy(&line).into_owned()));
        }
    });
}

/// Those that have `mark` in their command line, but this one.
fn processes(mark: &str) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let number = |name: std::ffi::OsString| name.to_str().and_then(|name| name.parse().ok());
    let has_mark = |pid: &u32| {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words.split(|&byte| byte == 0).any(|word| String::from_utf8_lossy(word) == mark)
    };
    let numbers = entries.flatten().filter_map(|entry| number(entry.file_name()));
    numbers.filter(|&pid| pid != std::process::id()).filter(has_mark).collect()
}
