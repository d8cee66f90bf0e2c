//! The sockets of a kernel, and what is answered on each.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender};
use std::time::Duration;

use candlelight_answers::failure::Failure;
use candlelight_answers::text::{self, Completeness};
use jupyter_protocol::{
    CodeMirrorMode, CommClose, CommInfoReply, CompleteReply, ConnectionInfo, ErrorOutput, ExecuteInput, ExecuteReply,
    ExecuteRequest, ExecutionCount, HelpLink, HistoryReply, InputRequest, InspectReply, InterruptReply,
    IsCompleteReply, IsCompleteReplyStatus, JupyterMessage, JupyterMessageContent, KernelInfoReply, LanguageInfo,
    Media, ReplyError, ReplyStatus, ShutdownReply, Status, UnknownMessage,
};
use jupyter_zmq_client::{
    KernelControlConnection, KernelStdinConnection, RouterRecvConnection, RouterSendConnection, RuntimeError,
};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::evaluate::Job;
use crate::link::Link;
use crate::publish::{self, Publisher};

/// How long a reply may take to leave before the kernel ends.
const LEAVE: Duration = Duration::from_millis(100);
/// A pause after a socket failed, so that a kernel that nobody can reach does not spin.
const PAUSE: Duration = Duration::from_millis(50);

type Result<T> = std::result::Result<T, RuntimeError>;

/// Answers until a client asks for the end, or `over` says that there is no reason to go on.
pub async fn serve(
    connection: &ConnectionInfo,
    publisher: Publisher,
    waiting: mpsc::Receiver<JupyterMessage>,
    link: Link,
    jobs: Sender<Job>,
    over: Arc<Notify>,
) -> Result<()> {
    let session = format!("{:032x}", std::process::id());
    let mut heartbeat = jupyter_zmq_client::create_kernel_heartbeat_connection(connection).await?;
    let shell = jupyter_zmq_client::create_kernel_shell_connection(connection, &session).await?;
    let control = jupyter_zmq_client::create_kernel_control_connection(connection, &session).await?;
    let stdin = jupyter_zmq_client::create_kernel_stdin_connection(connection, &session).await?;
    let iopub = jupyter_zmq_client::create_kernel_iopub_connection(connection, &session).await?;

    tokio::spawn(publish::send_all(iopub, waiting));
    tokio::spawn(async move {
        loop {
            if heartbeat.single_heartbeat().await.is_err() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    });
    let (ask, asked) = mpsc::channel(1);
    tokio::spawn(read_lines(stdin, asked, link.clone()));
    let (replies, requests) = shell.split();
    let (queue, queued) = mpsc::unbounded_channel();
    tokio::spawn(read_all(requests, queue));
    let shell = Shell { replies, publisher: publisher.clone(), jobs, ask, link: link.clone(), count: 0 };
    tokio::spawn(shell.serve(queued));
    tokio::select! {
        () = control_all(control, publisher, link.clone()) => tokio::time::sleep(LEAVE).await,
        () = over.notified() => {}
    }
    link.kill();
    Ok(())
}

/// The next message of a connection; what is none, or is not signed, is reported and passed over.
macro_rules! next {
    ($connection:expr, $name:literal) => {
        loop {
            match $connection.read().await {
                Ok(message) => break message,
                Err(error) => {
                    eprintln!(concat!("a message on ", $name, " was passed over: {}"), error);
                    if matches!(error, RuntimeError::ZmqError(_) | RuntimeError::IoError(_)) {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
    };
}

async fn read_all(mut requests: RouterRecvConnection, queue: mpsc::UnboundedSender<JupyterMessage>) {
    loop {
        let message = next!(requests, "shell");
        if queue.send(message).is_err() {
            return;
        }
    }
}

/// Answers until somebody asks the kernel to end.
async fn control_all(mut control: KernelControlConnection, publisher: Publisher, link: Link) {
    loop {
        let message = next!(control, "control");
        publisher.about(&message, Status::busy()).await;
        let (reply, ends): (Option<JupyterMessage>, bool) = match &message.content {
            JupyterMessageContent::InterruptRequest(_) => {
                link.interrupt();
                (Some(InterruptReply::default().as_child_of(&message)), false)
            }
            JupyterMessageContent::ShutdownRequest(request) => {
                let reply = ShutdownReply { restart: request.restart, status: ReplyStatus::Ok, error: None };
                (Some(reply.as_child_of(&message)), true)
            }
            JupyterMessageContent::KernelInfoRequest(_) => (Some(kernel_info().as_child_of(&message)), false),
            other => {
                eprintln!("a message on control was passed over: {}", other.message_type());
                (None, false)
            }
        };
        if let Some(reply) = reply
            && let Err(error) = control.send(reply).await
        {
            eprintln!("a reply on control was lost: {error}");
        }
        publisher.about(&message, Status::idle()).await;
        if ends {
            return;
        }
    }
}

/// A question to the reader, and where the answer goes.
struct Question {
    parent: JupyterMessage,
    prompt: String,
    password: bool,
    answer: std::sync::mpsc::Sender<String>,
}

async fn read_lines(mut stdin: KernelStdinConnection, mut asked: mpsc::Receiver<Question>, link: Link) {
    while let Some(Question { parent, prompt, password, answer }) = asked.recv().await {
        if let Err(error) = stdin.send(InputRequest { prompt, password }.as_child_of(&parent)).await {
            eprintln!("a question could not be asked: {error}");
            continue;
        }
        loop {
            let reply = tokio::select! {
                reply = async { next!(stdin, "stdin") } => reply,
                () = link.interrupted() => break,
            };
            if let JupyterMessageContent::InputReply(reply) = reply.content {
                let _ = answer.send(reply.value);
                break;
            }
        }
    }
}

/// What is asked on the shell, one request after another.
struct Shell {
    replies: RouterSendConnection,
    publisher: Publisher,
    jobs: Sender<Job>,
    ask: mpsc::Sender<Question>,
    link: Link,
    /// Cells so far.
    count: usize,
}

impl Shell {
    async fn serve(mut self, mut queue: mpsc::UnboundedReceiver<JupyterMessage>) {
        while let Some(message) = queue.recv().await {
            if !self.answer(&message).await {
                continue;
            }
            // The cell failed: those that the client has sent after it are not run.
            let mut later = Vec::new();
            while let Ok(message) = queue.try_recv() {
                later.push(message);
            }
            for message in later {
                match &message.content {
                    JupyterMessageContent::ExecuteRequest(_) => self.abort(&message).await,
                    _ => drop(self.answer(&message).await),
                }
            }
        }
    }

    /// Answers; whether this was a cell whose failure stops those behind it.
    async fn answer(&mut self, message: &JupyterMessage) -> bool {
        self.publisher.about(message, Status::busy()).await;
        let mut stops = false;
        match &message.content {
            JupyterMessageContent::ExecuteRequest(request) => stops = self.execute(message, request).await,
            JupyterMessageContent::KernelInfoRequest(_) => self.reply(kernel_info().as_child_of(message)).await,
            JupyterMessageContent::CompleteRequest(request) => {
                let reply = self.complete(&request.code, request.cursor_pos).await;
                self.reply(reply.as_child_of(message)).await;
            }
            JupyterMessageContent::InspectRequest(request) => {
                let reply = self.inspect(&request.code, request.cursor_pos).await;
                self.reply(reply.as_child_of(message)).await;
            }
            JupyterMessageContent::IsCompleteRequest(request) => {
                let (status, indent) = match text::completeness(&request.code) {
                    Completeness::Complete => (IsCompleteReplyStatus::Complete, String::new()),
                    Completeness::Incomplete => (IsCompleteReplyStatus::Incomplete, "    ".into()),
                    Completeness::Invalid => (IsCompleteReplyStatus::Invalid, String::new()),
                };
                self.reply(IsCompleteReply { status, indent }.as_child_of(message)).await;
            }
            JupyterMessageContent::HistoryRequest(_) => {
                let reply = HistoryReply { history: Vec::new(), status: ReplyStatus::Ok, error: None };
                self.reply(reply.as_child_of(message)).await;
            }
            JupyterMessageContent::CommInfoRequest(_) => {
                let reply = CommInfoReply { status: ReplyStatus::Ok, comms: Default::default(), error: None };
                self.reply(reply.as_child_of(message)).await;
            }
            // We have no partner for any.
            JupyterMessageContent::CommOpen(open) => {
                let close = CommClose { comm_id: open.comm_id.clone(), data: Default::default() };
                self.publisher.about(message, close).await;
            }
            JupyterMessageContent::CommMsg(_) | JupyterMessageContent::CommClose(_) => {}
            other => eprintln!("a message on shell was passed over: {}", other.message_type()),
        }
        self.publisher.about(message, Status::idle()).await;
        stops
    }

    async fn reply(&mut self, reply: JupyterMessage) {
        // The client may have gone; the next one may come.
        if let Err(error) = self.replies.send(reply).await {
            eprintln!("a reply on shell was lost: {error}");
        }
    }

    async fn abort(&mut self, message: &JupyterMessage) {
        self.publisher.about(message, Status::busy()).await;
        // Without a number: the cell gets none.
        let reply = UnknownMessage { msg_type: "execute_reply".into(), content: json!({ "status": "aborted" }) };
        self.reply(reply.as_child_of(message)).await;
        self.publisher.about(message, Status::idle()).await;
    }

    fn number(&self) -> ExecutionCount {
        ExecutionCount::new(self.count)
    }

    async fn execute(&mut self, message: &JupyterMessage, request: &ExecuteRequest) -> bool {
        self.count += usize::from(request.store_history && !request.silent);
        let number = self.count;
        self.publisher.set_parent(message);
        self.link.begin();
        if !request.silent {
            let input = ExecuteInput { code: request.code.clone(), execution_count: self.number() };
            self.publisher.about(message, input).await;
        }
        let (reply, result) = oneshot::channel();
        let input = self.input(message, request.allow_stdin);
        let job = Job::Execute { number, code: request.code.clone(), input, reply };
        let result = match self.jobs.send(job) {
            Ok(()) => result.await.unwrap_or_else(|_| Err(gone())),
            Err(_) => Err(gone()),
        };
        let mut reply = ExecuteReply {
            execution_count: self.number(),
            user_expressions: Some(Default::default()),
            ..Default::default()
        };
        let failed = match result {
            Ok(data) => {
                let data = data.into_iter().map(|(mime, text)| (mime, Value::String(text))).collect();
                if let Ok(media) = serde_json::from_value::<Media>(Value::Object(data))
                    && !media.content.is_empty()
                {
                    self.publisher.about(message, jupyter_protocol::DisplayData::new(media)).await;
                }
                false
            }
            Err(Failure { name: ename, value: evalue, traceback }) => {
                let shown = ErrorOutput { ename: ename.clone(), evalue: evalue.clone(), traceback: traceback.clone() };
                self.publisher.about(message, shown).await;
                reply.status = ReplyStatus::Error;
                reply.error = Some(Box::new(ReplyError { ename, evalue, traceback }));
                true
            }
        };
        self.reply(reply.as_child_of(message)).await;
        failed && request.stop_on_error
    }

    /// How a cell asks the reader; where the client cannot, or the reader interrupts, the answer is empty.
    fn input(&self, parent: &JupyterMessage, allowed: bool) -> crate::evaluate::Input {
        let (parent, ask, link) = (parent.clone(), self.ask.clone(), self.link.clone());
        Box::new(move |prompt, password| {
            let (answer, answered) = std::sync::mpsc::channel();
            let question = Question { parent: parent.clone(), prompt: prompt.to_owned(), password, answer };
            if !allowed || ask.blocking_send(question).is_err() {
                return String::new();
            }
            loop {
                match answered.recv_timeout(PAUSE) {
                    Err(RecvTimeoutError::Timeout) if !link.was_interrupted() => {}
                    answer => return answer.unwrap_or_default(),
                }
            }
        })
    }

    async fn complete(&self, code: &str, cursor: usize) -> CompleteReply {
        let (reply, found) = oneshot::channel();
        let _ = self.jobs.send(Job::Complete { code: code.to_owned(), cursor, reply });
        let found = found.await.ok().flatten();
        let mut reply = CompleteReply {
            matches: Vec::new(),
            cursor_start: cursor,
            cursor_end: cursor,
            metadata: Default::default(),
            status: ReplyStatus::Ok,
            error: None,
        };
        if let Some(found) = found {
            (reply.cursor_start, reply.cursor_end) = (found.start, found.end);
            let typed = found.items.iter().map(|(text, label, kind)| {
                json!({ "text": text, "displayText": label, "type": kind, "start": found.start, "end": found.end })
            });
            reply.metadata.insert("_jupyter_types_experimental".into(), typed.collect());
            reply.matches = found.items.into_iter().map(|(text, ..)| text).collect();
        }
        reply
    }

    async fn inspect(&self, code: &str, cursor: usize) -> InspectReply {
        let (reply, found) = oneshot::channel();
        let _ = self.jobs.send(Job::Inspect { code: code.to_owned(), cursor, reply });
        let found = found.await.ok().flatten();
        let data = found.as_ref().map(|(plain, html)| json!({ "text/plain": plain, "text/html": html }));
        let data = data.and_then(|data| serde_json::from_value(data).ok()).unwrap_or_default();
        InspectReply {
            found: found.is_some(),
            data,
            metadata: Default::default(),
            status: ReplyStatus::Ok,
            error: None,
        }
    }
}

fn gone() -> Failure {
    let value = "the kernel cannot run cells any more; restart it";
    Failure { name: "KernelError".into(), value: value.into(), traceback: vec![value.into()] }
}

fn kernel_info() -> KernelInfoReply {
    KernelInfoReply {
        status: ReplyStatus::Ok,
        protocol_version: "5.3".into(),
        implementation: "candlelight-kernel".into(),
        implementation_version: env!("CARGO_PKG_VERSION").into(),
        language_info: LanguageInfo {
            name: "Rust".into(),
            version: String::new(),
            mimetype: Some("text/rust".into()),
            file_extension: Some(".rs".into()),
            pygments_lexer: Some("rust".into()),
            codemirror_mode: Some(CodeMirrorMode::Simple("rust".into())),
            nbconvert_exporter: None,
        },
        banner: "Rust (Candlelight)".into(),
        help_links: vec![HelpLink { text: "Rust".into(), url: "https://doc.rust-lang.org/stable/std/".into() }],
        debugger: false,
        error: None,
    }
}
