//! Messages to all clients: what a cell shows, and whether the kernel is busy.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jupyter_protocol::{JupyterMessage, JupyterMessageContent, Stdio, StreamContent};
use jupyter_zmq_client::{Connection, KernelIoPubConnection};
use tokio::sync::mpsc;

use crate::backlog::{self, Counted};

/// Messages that wait; a cell that shows more waits, too.
const QUEUE: usize = 64;
/// Text that is sent in one message, at most, where more waits.
const TEXT: usize = 1 << 17;
/// Bytes that may wait for clients; a cell that shows more waits until they have read. Fewer than the 100 000 messages above which
/// zeromq drops some: none is shorter than its header, of some 400 bytes.
const BACKLOG: usize = 1 << 25;
/// Between two looks whether they have.
const PAUSE: Duration = Duration::from_millis(1);
/// What is said in place of output that nobody would read.
const LEFT_OUT: &str = "output was left out: it was interrupted while much of it waited to be read\n";

/// Sends in order, from any thread.
#[derive(Clone)]
pub struct Publisher {
    queue: mpsc::Sender<JupyterMessage>,
    urgent: mpsc::Sender<JupyterMessage>,
    /// The request that outputs belong to.
    parent: Arc<Mutex<Option<JupyterMessage>>>,
    interrupted: Arc<AtomicBool>,
}

/// What is to be sent.
pub struct Waiting {
    queue: mpsc::Receiver<JupyterMessage>,
    /// Before the others.
    urgent: mpsc::Receiver<JupyterMessage>,
    /// Whether the reader has interrupted the cell: from then on it does not wait for clients that do not read.
    interrupted: Arc<AtomicBool>,
}

impl Publisher {
    /// A publisher, and what [`send_all`] takes.
    pub fn new() -> (Self, Waiting) {
        let ((queue, queued), (urgent, first)) = (mpsc::channel(QUEUE), mpsc::channel(QUEUE));
        let interrupted = Arc::new(AtomicBool::new(false));
        let waiting = Waiting { queue: queued, urgent: first, interrupted: interrupted.clone() };
        (Self { queue, urgent, parent: Arc::default(), interrupted }, waiting)
    }

    /// From now on outputs belong to this request.
    pub fn set_parent(&self, parent: &JupyterMessage) {
        self.interrupted.store(false, Ordering::Relaxed);
        *self.parent.lock().unwrap_or_else(PoisonError::into_inner) = Some(parent.clone());
    }

    /// The request that outputs belong to.
    pub fn parent(&self) -> Option<JupyterMessage> {
        self.parent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends an output of the cell, from a thread that may wait.
    pub fn output(&self, content: impl Into<JupyterMessageContent>) {
        let message = child(content, self.parent().as_ref());
        // Nobody listens any more when the kernel ends.
        let _ = self.queue.blocking_send(message);
    }

    /// Sends something about a request.
    pub async fn about(&self, parent: &JupyterMessage, content: impl Into<JupyterMessageContent>) {
        let _ = self.queue.send(child(content, Some(parent))).await;
    }

    /// Sends something about a request that must not wait for what cells show, or not at all where nobody reads.
    pub fn about_now(&self, parent: &JupyterMessage, content: impl Into<JupyterMessageContent>) {
        let _ = self.urgent.try_send(child(content, Some(parent)));
    }

    /// The reader has interrupted the cell.
    pub fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
    }
}

/// A message to everybody: without the address of the client that asked.
fn child(content: impl Into<JupyterMessageContent>, parent: Option<&JupyterMessage>) -> JupyterMessage {
    JupyterMessage::new(content, parent).with_zmq_identities(Vec::new())
}

/// Sends what waits, until all publishers are gone. Text of one stream that waits together goes together.
pub async fn send_all(iopub: KernelIoPubConnection, mut waiting: Waiting) {
    let mut iopub = Iopub { connection: backlog::counted(iopub), left_out: None };
    let mut next = None;
    while let Some(mut message) = match next.take() {
        Some(message) => Some(message),
        None => iopub.next(&mut waiting).await,
    } {
        while let JupyterMessageContent::StreamContent(stream) = &mut message.content
            && stream.text.len() < TEXT
            && let Ok(more) = waiting.queue.try_recv()
        {
            match more.content {
                JupyterMessageContent::StreamContent(StreamContent { name, text })
                    if same(&name, &stream.name) && id(&more.parent_header) == id(&message.parent_header) =>
                {
                    stream.text.push_str(&text);
                }
                _ => {
                    next = Some(more);
                    break;
                }
            }
        }
        iopub.publish(message, &mut waiting).await;
    }
}

struct Iopub {
    connection: Connection<Counted>,
    /// The request whose output was left out last.
    left_out: Option<String>,
}

impl Iopub {
    /// The next that waits; what is urgent is sent on the way.
    async fn next(&mut self, waiting: &mut Waiting) -> Option<JupyterMessage> {
        loop {
            tokio::select! {
                biased;
                Some(message) = waiting.urgent.recv() => self.send(message).await,
                message = waiting.queue.recv() => return message,
            }
        }
    }

    /// Sends a message; what a cell shows, when clients have read enough.
    async fn publish(&mut self, message: JupyterMessage, waiting: &mut Waiting) {
        let shows = matches!(
            message.content,
            JupyterMessageContent::StreamContent(_)
                | JupyterMessageContent::DisplayData(_)
                | JupyterMessageContent::UpdateDisplayData(_)
        );
        while shows && self.connection.socket.waiting() > BACKLOG {
            if waiting.interrupted.load(Ordering::Relaxed) {
                return self.leave_out(message).await;
            }
            while let Ok(message) = waiting.urgent.try_recv() {
                self.send(message).await;
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.send(message).await;
    }

    /// Says so once a request.
    async fn leave_out(&mut self, message: JupyterMessage) {
        let parent = id(&message.parent_header).map(str::to_owned);
        if self.left_out != parent {
            self.left_out = parent;
            let mut told = child(StreamContent::stderr(LEFT_OUT), None);
            told.parent_header = message.parent_header;
            self.send(told).await;
        }
    }

    async fn send(&mut self, message: JupyterMessage) {
        if let Err(error) = self.connection.send(message).await {
            eprintln!("a message to all clients was lost: {error}");
        }
    }
}

fn same(a: &Stdio, b: &Stdio) -> bool {
    matches!((a, b), (Stdio::Stdout, Stdio::Stdout) | (Stdio::Stderr, Stdio::Stderr))
}

fn id(header: &Option<jupyter_protocol::Header>) -> Option<&str> {
    header.as_ref().map(|header| header.msg_id.as_str())
}
