//! Messages to all clients: what a cell shows, and whether the kernel is busy.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jupyter_protocol::{JupyterMessage, JupyterMessageContent, Stdio, StreamContent};
use jupyter_zmq_client::KernelIoPubConnection;
use tokio::sync::mpsc;

/// Messages that wait; a cell that shows more waits, too.
const QUEUE: usize = 64;
/// Text that is sent in one message, at most, where more waits.
const TEXT: usize = 1 << 17;
/// Clients that read slowly lose messages when some hundred thousand wait; a pause after a long one keeps far from that.
const PAUSE: Duration = Duration::from_millis(1);

/// Sends in order, from any thread.
#[derive(Clone)]
pub struct Publisher {
    queue: mpsc::Sender<JupyterMessage>,
    /// The request that outputs belong to.
    parent: Arc<Mutex<Option<JupyterMessage>>>,
}

impl Publisher {
    /// A publisher, and what [`send_all`] takes.
    pub fn new() -> (Self, mpsc::Receiver<JupyterMessage>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        (Self { queue, parent: Arc::default() }, waiting)
    }

    /// From now on outputs belong to this request.
    pub fn set_parent(&self, parent: &JupyterMessage) {
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
}

/// A message to everybody: without the address of the client that asked.
fn child(content: impl Into<JupyterMessageContent>, parent: Option<&JupyterMessage>) -> JupyterMessage {
    JupyterMessage::new(content, parent).with_zmq_identities(Vec::new())
}

/// Sends what waits, until all publishers are gone. Text of one stream that waits together goes together.
pub async fn send_all(mut iopub: KernelIoPubConnection, mut waiting: mpsc::Receiver<JupyterMessage>) {
    let mut next = None;
    while let Some(mut message) = match next.take() {
        Some(message) => Some(message),
        None => waiting.recv().await,
    } {
        while let JupyterMessageContent::StreamContent(stream) = &mut message.content
            && stream.text.len() < TEXT
            && let Ok(more) = waiting.try_recv()
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
        let long =
            matches!(&message.content, JupyterMessageContent::StreamContent(stream) if stream.text.len() >= TEXT / 2);
        if let Err(error) = iopub.send(message).await {
            eprintln!("a message to all clients was lost: {error}");
        }
        if long {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn same(a: &Stdio, b: &Stdio) -> bool {
    matches!((a, b), (Stdio::Stdout, Stdio::Stdout) | (Stdio::Stderr, Stdio::Stderr))
}

fn id(header: &Option<jupyter_protocol::Header>) -> Option<&str> {
    header.as_ref().map(|header| header.msg_id.as_str())
}
