//! The kernel's side of the host: what the cells show goes to the clients, what became of a cell is kept for the reply.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use candlelight_answers::run::Run;
use candlelight_protocol::BACKTRACE;
use candlelight_protocol::event::{Event, Request};
use jupyter_protocol::{DisplayData, Media, StreamContent, Transient, UpdateDisplayData};
use serde_json::Value;

use crate::publish::Publisher;

/// How long the host may take to say that it has told everything.
const SYNC: Duration = Duration::from_secs(30);
/// How often a question to the reader looks whether it is still asked.
const LOOK: Duration = Duration::from_millis(50);

/// To the host, whichever one runs.
#[derive(Clone)]
pub struct Link(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    host: Option<UnixStream>,
    wanted: u64,
    synced: u64,
    busy: bool,
    /// Whether evcxr has started: what it runs until then shows nothing.
    open: bool,
    run: Run,
    /// Displays that were shown under a name, to be replaced.
    shown: Vec<String>,
}

impl Link {
    /// Listens at a path for hosts, one after another.
    pub fn listen(path: &Path, publisher: Publisher) -> io::Result<Self> {
        let listener = UnixListener::bind(path)?;
        let link = Self(Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() }));
        let own = link.clone();
        thread::spawn(move || {
            for host in listener.incoming().flatten() {
                own.serve(host, &publisher);
            }
        });
        Ok(link)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, host: UnixStream, publisher: &Publisher) {
        {
            let mut state = self.lock();
            state.host = host.try_clone().ok();
            let wanted = state.wanted;
            if wanted > state.synced {
                state.ask(&Request::Sync(wanted));
            }
        }
        for line in BufReader::new(host).lines().map_while(Result::ok) {
            match serde_json::from_str(&line) {
                Ok(event) => self.take(event, publisher),
                Err(error) => eprintln!("the host said {line:?}: {error}"),
            }
        }
        self.lock().host = None;
    }

    fn take(&self, event: Event, publisher: &Publisher) {
        let shows = matches!(event, Event::Stdout(_) | Event::Stderr(_) | Event::Display { .. });
        if shows && !self.lock().open {
            return;
        }
        match event {
            Event::Stdout(text) => publisher.output(StreamContent::stdout(&text)),
            Event::Stderr(text) => publisher.output(StreamContent::stderr(&text)),
            Event::Display { data, id } => self.display(data, id, publisher),
            Event::Panic(place) if !place.thread.is_empty() => {
                // The cell goes on without that thread.
                let at = format!("{}:{}:{}", place.file, place.line, place.column);
                let message = place.message.replace(BACKTRACE, "\n");
                publisher
                    .output(StreamContent::stderr(&format!("thread '{}' panicked at {at}: {message}\n", place.thread)));
                self.lock().run.panic.get_or_insert(place);
            }
            Event::Panic(place) => self.lock().run.panic = Some(place),
            Event::Panicked => self.lock().run.panicked = true,
            Event::Return(place) => self.lock().run.early = Some(place),
            Event::Returned => self.lock().run.returned = true,
            Event::Refused => self.lock().run.refused = true,
            Event::Ended(how) => self.lock().run.ended = Some(how),
            Event::Synced(number) => {
                let mut state = self.lock();
                state.synced = state.synced.max(number);
                self.0.changed.notify_all();
            }
        }
    }

    fn display(&self, data: std::collections::BTreeMap<String, String>, id: Option<String>, publisher: &Publisher) {
        // The value of a loop, or of a call for its effect.
        if id.is_none() && data.len() == 1 && data.get("text/plain").is_some_and(|text| text == "()") {
            return;
        }
        let data = data.into_iter().map(|(mime, text)| {
            let value = match mime.ends_with("json") {
                true => serde_json::from_str(&text).unwrap_or(Value::String(text)),
                false => Value::String(text),
            };
            (mime, value)
        });
        let media: Media = match serde_json::from_value(Value::Object(data.collect())) {
            Ok(media) => media,
            Err(error) => return eprintln!("a display has a form that its type does not allow: {error}"),
        };
        let again = id.as_ref().is_some_and(|id| {
            let shown = &mut self.lock().shown;
            let again = shown.contains(id);
            if !again {
                shown.push(id.clone());
            }
            again
        });
        match id {
            Some(id) if again => publisher.output(UpdateDisplayData::new(media, &id)),
            id => {
                let transient = id.map(|id| Transient { display_id: Some(id) });
                publisher.output(DisplayData { transient, ..DisplayData::new(media) });
            }
        }
    }

    /// A cell begins.
    pub fn begin(&self) {
        let mut state = self.lock();
        state.busy = true;
        state.run = Run::default();
        state.ask(&Request::Begin);
    }

    /// evcxr has started: from now on, what cells show is sent on.
    pub fn open(&self) {
        self.synced().open = true;
    }

    /// A cell has ended: waits until all that it showed has been sent on; what became of it.
    pub fn finish(&self) -> Run {
        let mut state = self.synced();
        state.busy = false;
        std::mem::take(&mut state.run)
    }

    /// Waits until the host has told all that happened.
    fn synced(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.wanted += 1;
        let wanted = state.wanted;
        state.ask(&Request::Sync(wanted));
        let waited = self.0.changed.wait_timeout_while(state, SYNC, |state| state.synced < wanted);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Interrupts the cell, if there is one.
    pub fn interrupt(&self) {
        let mut state = self.lock();
        if state.busy {
            state.run.interrupts += 1;
            state.ask(&Request::Interrupt);
        }
    }

    /// Whether the reader has interrupted the cell that runs.
    pub fn was_interrupted(&self) -> bool {
        self.lock().run.interrupts > 0
    }

    /// Waits until the reader interrupts a cell.
    pub async fn interrupted(&self) {
        while !self.was_interrupted() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends the process of the cells.
    pub fn kill(&self) {
        self.lock().ask(&Request::Kill);
    }
}

impl State {
    fn ask(&mut self, request: &Request) {
        if let (Some(host), Ok(line)) = (&mut self.host, serde_json::to_string(request)) {
            // A host that has ended is told to the kernel by evcxr.
            let _ = host.write_all(format!("{line}\n").as_bytes());
        }
    }
}
