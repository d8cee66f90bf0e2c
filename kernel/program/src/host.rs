//! The process between evcxr and the cells.
//!
//! evcxr reads what its child writes line by line, and hands it on as text without a line's end, at the end of a cell's content
//! only. So its child is this program, which starts the process of the cells, gives evcxr the lines of its protocol, and tells
//! the kernel all the rest by a socket, as it comes.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use candlelight_protocol::event::{Event, Request};
use candlelight_protocol::stream::{Content, Decoder, Item, Parser};
use rustix::process::{Pid, Signal, kill_process};

/// The variable with the path of the kernel's socket.
pub const SOCKET: &str = "CANDLELIGHT_SOCKET";
/// The variable with the path of the program that runs the cells.
pub const CELLS: &str = "CANDLELIGHT_CELLS";
/// The variable with what the reader set `RUST_BACKTRACE` to; evcxr sets it to 1.
pub const BACKTRACE: &str = "CANDLELIGHT_BACKTRACE";

/// How long the beginning of a mark, or a display that may get a further type, waits for more.
const WAIT: Duration = Duration::from_millis(25);
/// How long what is left in the pipes is waited for after the process has ended: a process that it started may hold them open.
const REST: Duration = Duration::from_millis(300);

/// What any of the threads has read.
enum Input {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    Evcxr(String),
    /// evcxr has closed our input: the kernel ends, or takes another process.
    Closed,
    Kernel(Request),
    Ended(ExitStatus),
}

/// Runs until the process of the cells ends.
pub fn run() -> io::Result<ExitCode> {
    let variable = |name: &str| std::env::var_os(name).ok_or_else(|| io::Error::other(format!("{name} is not set")));
    let socket = UnixStream::connect(Path::new(&variable(SOCKET)?))?;
    let mut command = Command::new(variable(CELLS)?);
    command.args(std::env::args_os().skip(2)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // For the crate: a display with a name takes the place of the one before.
    command.env("CANDLELIGHT_DISPLAYS", "1");
    match std::env::var_os(BACKTRACE) {
        Some(value) => command.env("RUST_BACKTRACE", value),
        None => command.env_remove("RUST_BACKTRACE"),
    };
    let mut child =
        command.spawn().map_err(|error| io::Error::new(error.kind(), format!("the program of the cells: {error}")))?;
    // Few, so that a cell that prints faster than it can be shown waits, and memory stays bounded.
    let (sender, inputs) = sync_channel(8);
    let closed = || io::Error::other("the process of the cells has no pipes");
    read_bytes(child.stdout.take().ok_or_else(closed)?, sender.clone(), Input::Stdout);
    read_bytes(child.stderr.take().ok_or_else(closed)?, sender.clone(), Input::Stderr);
    read_evcxr(sender.clone());
    read_kernel(socket.try_clone()?, sender.clone());
    let cells = Some(Pid::from_child(&child));
    let stdin = child.stdin.take();
    wait_for(child, sender);
    let mut host = Host {
        socket,
        cells,
        stdin,
        out: Stream::default(),
        err: Stream::default(),
        display: None,
        running: false,
        interrupted: false,
        asked: false,
    };
    let served = host.serve(&inputs);
    // Whatever happened, the cells do not stay behind.
    host.signal(Signal::KILL);
    served
}

fn read_bytes(mut from: impl Read + Send + 'static, to: SyncSender<Input>, input: fn(Vec<u8>) -> Input) {
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if to.send(input(buffer[..n].to_vec())).is_err() {
                break;
            }
        }
    });
}

fn read_evcxr(to: SyncSender<Input>) {
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if to.send(Input::Evcxr(line)).is_err() {
                return;
            }
        }
        let _ = to.send(Input::Closed);
    });
}

fn read_kernel(from: UnixStream, to: SyncSender<Input>) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if let Ok(request) = serde_json::from_str(&line)
                && to.send(Input::Kernel(request)).is_err()
            {
                break;
            }
        }
    });
}

fn wait_for(mut child: Child, to: SyncSender<Input>) {
    thread::spawn(move || {
        if let Ok(status) = child.wait() {
            let _ = to.send(Input::Ended(status));
        }
    });
}

/// One of the two streams of the cells.
#[derive(Default)]
struct Stream {
    parser: Parser,
    decoder: Decoder,
    /// Whether it has said that the cell has run.
    complete: bool,
}

struct Host {
    /// To the kernel.
    socket: UnixStream,
    /// The process of the cells, until it has ended: then its number may be another's.
    cells: Option<Pid>,
    stdin: Option<ChildStdin>,
    out: Stream,
    err: Stream,
    /// A display that may get a further type.
    display: Option<Display>,
    /// Whether a cell runs.
    running: bool,
    /// Whether the reader has interrupted the cell, maybe before it runs.
    interrupted: bool,
    /// Whether the running cell was asked to end.
    asked: bool,
}

#[derive(Default)]
struct Display {
    data: BTreeMap<String, String>,
    id: Option<String>,
}

impl Host {
    fn serve(&mut self, inputs: &Receiver<Input>) -> io::Result<ExitCode> {
        loop {
            let waits = self.display.is_some() || self.out.parser.waits() || self.err.parser.waits();
            let input = match waits {
                true => inputs.recv_timeout(WAIT),
                false => inputs.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match input {
                Ok(Input::Ended(status)) => return self.end(status, inputs),
                Ok(input) => self.take(input)?,
                Err(RecvTimeoutError::Timeout) => {
                    self.show()?;
                    if let Some(item) = self.out.parser.flush() {
                        self.out(item)?;
                    }
                    if let Some(item) = self.err.parser.flush() {
                        self.err(item)?;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(ExitCode::FAILURE),
            }
        }
    }

    fn take(&mut self, input: Input) -> io::Result<()> {
        match input {
            Input::Stdout(bytes) => self.out.parser.push(&bytes).into_iter().try_for_each(|item| self.out(item)),
            Input::Stderr(bytes) => self.err.parser.push(&bytes).into_iter().try_for_each(|item| self.err(item)),
            Input::Evcxr(line) if line.starts_with("LOAD_AND_RUN ") && self.interrupted => {
                self.tell(&Event::Refused)?;
                // evcxr forgets the variables of the cell, as after a panic.
                to_evcxr("EVCXR_PANIC_NOTIFICATION\nEVCXR_EXECUTION_COMPLETE")
            }
            Input::Evcxr(line) => {
                if !self.running {
                    (self.running, self.asked) = (true, false);
                }
                match &mut self.stdin {
                    // Where the process has ended, that is told next.
                    Some(stdin) => writeln!(stdin, "{line}").or(Ok(())),
                    None => Ok(()),
                }
            }
            Input::Closed => {
                self.stdin = None;
                if self.running {
                    self.signal(Signal::KILL);
                }
                Ok(())
            }
            Input::Kernel(Request::Begin) => {
                self.interrupted = false;
                Ok(())
            }
            Input::Kernel(Request::Interrupt) => {
                if self.running {
                    self.signal(if self.asked { Signal::KILL } else { Signal::INT });
                    if let (false, Some(stdin)) = (self.asked, &mut self.stdin) {
                        // A cell may wait for a line that nobody was asked for; an empty one ends that.
                        let _ = writeln!(stdin);
                    }
                    self.asked = true;
                }
                self.interrupted = true;
                Ok(())
            }
            Input::Kernel(Request::Kill) => {
                self.signal(Signal::KILL);
                Ok(())
            }
            Input::Kernel(Request::Sync(number)) => self.tell(&Event::Synced(number)),
            Input::Ended(_) => Ok(()),
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(cells) = self.cells {
            // It may be ending at this moment.
            let _ = kill_process(cells, signal);
        }
    }

    /// Something on standard output.
    fn out(&mut self, item: Item) -> io::Result<()> {
        match item {
            Item::Content(Content { mime, display, data }) => {
                let same = |shown: &Display| shown.id == display && !shown.data.contains_key(&mime);
                if !self.display.as_ref().is_some_and(same) {
                    self.show()?;
                }
                let shown = self.display.get_or_insert_default();
                shown.id = display;
                shown.data.insert(mime, data);
                return Ok(());
            }
            // What was kept back, or a new line that belongs to nothing.
            Item::Text(bytes) => {
                self.show()?;
                let text = self.out.decoder.push(&bytes);
                return self.text(text, Event::Stdout);
            }
            _ => self.show()?,
        }
        match item {
            Item::Complete => {
                self.out.complete = true;
                self.complete()
            }
            Item::Panicked => {
                self.tell(&Event::Panicked)?;
                to_evcxr("EVCXR_PANIC_NOTIFICATION")
            }
            Item::Returned => {
                self.tell(&Event::Returned)?;
                to_evcxr("EVCXR_ERROR_OCCURRED")
            }
            Item::Evcxr(line) => to_evcxr(&line),
            Item::Panic(place) => self.tell(&Event::Panic(place)),
            Item::Return(place) => self.tell(&Event::Return(place)),
            Item::Content(_) | Item::Text(_) => Ok(()),
        }
    }

    /// Something on standard error, where evcxr has no marks.
    fn err(&mut self, item: Item) -> io::Result<()> {
        match item {
            Item::Complete => {
                self.err.complete = true;
                self.complete()
            }
            Item::Panic(place) => self.tell(&Event::Panic(place)),
            Item::Return(place) => self.tell(&Event::Return(place)),
            Item::Text(bytes) => {
                let text = self.err.decoder.push(&bytes);
                self.text(text, Event::Stderr)
            }
            Item::Content(Content { data, .. }) => self.text(data, Event::Stderr),
            Item::Panicked | Item::Returned | Item::Evcxr(_) => Ok(()),
        }
    }

    /// A cell has run when both streams say so.
    fn complete(&mut self) -> io::Result<()> {
        if self.out.complete && self.err.complete {
            (self.out.complete, self.err.complete, self.running) = (false, false, false);
            to_evcxr("EVCXR_EXECUTION_COMPLETE")?;
        }
        Ok(())
    }

    fn text(&mut self, text: String, event: fn(String) -> Event) -> io::Result<()> {
        if text.is_empty() { Ok(()) } else { self.tell(&event(text)) }
    }

    /// Shows the display that was kept back.
    fn show(&mut self) -> io::Result<()> {
        match self.display.take() {
            Some(Display { data, id }) => self.tell(&Event::Display { data, id }),
            None => Ok(()),
        }
    }

    fn tell(&mut self, event: &Event) -> io::Result<()> {
        let mut line = serde_json::to_string(event)?;
        line.push('\n');
        self.socket.write_all(line.as_bytes())
    }

    /// Tells what is left, and how the process ended.
    fn end(&mut self, status: ExitStatus, inputs: &Receiver<Input>) -> io::Result<ExitCode> {
        self.cells = None;
        let end = Instant::now() + REST;
        while let Ok(input) = inputs.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.take(input)?;
        }
        self.show()?;
        if let Some(item) = self.out.parser.finish() {
            self.out(item)?;
        }
        if let Some(item) = self.err.parser.finish() {
            self.err(item)?;
        }
        let (out, err) = (self.out.decoder.finish(), self.err.decoder.finish());
        self.text(out, Event::Stdout)?;
        self.text(err, Event::Stderr)?;
        self.tell(&Event::Ended(description(status)))?;
        Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
    }
}

/// How a process ended, in words.
fn description(status: ExitStatus) -> String {
    let named = |signal| match signal {
        4 => " (illegal instruction)",
        6 => " (aborted)",
        7 | 10 => " (bus error)",
        8 => " (arithmetic error)",
        9 => " (killed, perhaps for want of memory)",
        11 => " (segmentation fault)",
        15 => " (terminated)",
        _ => "",
    };
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("it exited with code {code}"),
        (None, Some(signal)) => format!("signal {signal}{} ended it", named(signal)),
        (None, None) => status.to_string(),
    }
}

fn to_evcxr(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
