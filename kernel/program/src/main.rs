//! The Jupyter kernel of Candlelight: evcxr compiles the cells, this program speaks with Jupyter and with what runs them.
//!
//! ```text
//! Jupyter ── server ── evaluate ── evcxr ── host ── cells
//!               └─ publish ←──── link ←──────┘
//! ```
//!
//! `server` answers what clients ask, `evaluate` is the thread in which evcxr compiles and runs one cell after another. evcxr's
//! child is not the process of the cells but `host`, this program again, between the two: it hands what the cells show to
//! `link` as it comes. What it answers about a cell, such as why it failed, is in `candlelight_answers`.

mod backlog;
mod compiler;
mod evaluate;
mod host;
mod link;
mod publish;
mod server;

use std::error::Error;
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use candlelight_answers::own::Own;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tokio::sync::Notify;

use evaluate::Evaluator;
use link::Link;
use publish::Publisher;

/// The analyzer allocates much, in small pieces.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The variable with the kernel's own folder, which it removes at the end.
const SESSION: &str = "CANDLELIGHT_SESSION";
/// The variable with the dependency that every kernel has, as `:dep` takes it.
const DEPENDENCY: &str = "CANDLELIGHT_DEPENDENCY";
/// The longest path of a socket that every system takes.
const SOCKET_PATH: usize = 100;
/// How often this looks whether Jupyter still lives.
const LOOK: Duration = Duration::from_millis(500);
/// How long processes that the kernel has started may take to end when it ends.
const REST: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let argument = std::env::args_os().nth(1).unwrap_or_default();
    let result = if argument == "host" {
        host::run().map_err(Into::into)
    } else {
        // evcxr calls its program as a wrapper of the compiler, if a reader asks for its cache.
        evcxr::runtime_hook();
        run(Path::new(&argument)).map(|()| ExitCode::SUCCESS)
    };
    result.unwrap_or_else(|error: Box<dyn Error>| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

fn run(connection: &Path) -> Result<(), Box<dyn Error>> {
    let text = std::fs::read_to_string(connection).map_err(|error| format!("{}: {error}", connection.display()))?;
    let connection = serde_json::from_str(&text)?;
    let dependency = std::env::var(DEPENDENCY).map_err(|error| format!("{DEPENDENCY}: {error}"))?;
    let folder = Folder::new()?;
    let (publisher, waiting) = Publisher::new();
    let link = Link::listen(&folder.socket, publisher.clone())?;
    let (jobs, queue) = std::sync::mpsc::channel();
    let over = Arc::new(Notify::new());
    watch_parent(over.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (failed, failure) = std::sync::mpsc::channel();
    {
        let (link, over, socket) = (link.clone(), over.clone(), folder.socket.clone());
        // evcxr's analyzer recurses deeply.
        std::thread::Builder::new().name("cells".into()).stack_size(64 << 20).spawn(move || match Evaluator::start(
            Own::new(&dependency),
            &socket,
            link,
        ) {
            Ok(evaluator) => evaluator.serve(&queue),
            Err(error) => {
                let _ = failed.send(error.to_string());
                over.notify_one();
            }
        })?;
    }
    runtime.block_on(server::serve(&connection, publisher, waiting, link, jobs, over))?;
    match failure.try_recv() {
        Ok(error) => Err(format!("evcxr cannot start: {error}").into()),
        Err(_) => Ok(()),
    }
}

/// Ends the kernel when Jupyter has gone: nobody can reach it any more.
fn watch_parent(over: Arc<Notify>) {
    let parent = parent_id();
    std::thread::spawn(move || {
        while parent_id() == parent {
            std::thread::sleep(LOOK);
        }
        over.notify_one();
    });
}

/// What the kernel leaves on the disk while it runs.
struct Folder {
    /// Of the launcher, which made it.
    session: Option<PathBuf>,
    socket: PathBuf,
    /// A folder for the socket alone, where the other has too long a name.
    own: Option<PathBuf>,
}

impl Folder {
    fn new() -> std::io::Result<Self> {
        let session = std::env::var_os(SESSION).map(PathBuf::from);
        let inside =
            session.as_ref().map(|session| session.join("host")).filter(|path| path.as_os_str().len() < SOCKET_PATH);
        let (socket, own) = match inside {
            Some(socket) => (socket, None),
            None => {
                let own = std::env::temp_dir().join(format!("candlelight-{}", std::process::id()));
                std::fs::create_dir_all(&own)?;
                (own.join("host"), Some(own))
            }
        };
        if socket.exists() {
            std::fs::remove_file(&socket)?;
        }
        Ok(Self { session, socket, own })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let folders: Vec<&PathBuf> = [&self.session, &self.own].into_iter().flatten().collect();
        // A compiler that is at work, and evcxr's own thread, would put files back: one is ended, the other finds a file in the way.
        let end = Instant::now() + REST;
        loop {
            for process in below(std::process::id()) {
                // It may be ending at this moment.
                let _ = Pid::from_raw(process).map(|process| kill_process(process, Signal::KILL));
            }
            for folder in &folders {
                let _ = std::fs::remove_dir_all(folder).and_then(|()| std::fs::write(folder, ""));
            }
            let quiet = waitpid(None, WaitOptions::NOHANG).is_err() && folders.iter().all(|folder| folder.is_file());
            if quiet || Instant::now() > end {
                break;
            }
            std::thread::sleep(LOOK / 25);
        }
        for folder in folders {
            // What cannot be removed now is removed by the next kernel.
            let _ = std::fs::remove_file(folder).or_else(|_| std::fs::remove_dir_all(folder));
        }
    }
}

/// The processes that one has started, and theirs, but `ps`; none where there is no `ps`.
fn below(process: u32) -> Vec<i32> {
    let Ok(ps) = Command::new("ps").args(["-eo", "pid=,ppid="]).output() else { return Vec::new() };
    let text = String::from_utf8_lossy(&ps.stdout);
    let pairs: Vec<(i32, i32)> = text
        .lines()
        .filter_map(|line| line.trim().split_once(' '))
        .filter_map(|(own, parent)| Some((own.parse().ok()?, parent.trim().parse().ok()?)))
        .collect();
    let mut found = vec![process as i32];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(pairs.iter().filter(|(_, other)| *other == parent).map(|(own, _)| *own));
        next += 1;
    }
    found.split_off(1)
}
