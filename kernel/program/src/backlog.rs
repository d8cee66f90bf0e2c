//! How much waits for clients that read slowly, or not at all.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use jupyter_zmq_client::{Connection, KernelIoPubConnection};
use zeromq::{PubSocket, SocketSend, ZmqMessage, ZmqResult};

/// A socket to all clients that tells how much of what it was given is still to be written to one of them.
///
/// zeromq keeps 100 000 messages for a client that does not read, however long they are, and drops those that come then. It does
/// not say how many there are. But a message shares its bytes with the copies that wait, and is alone when all have gone.
pub struct Counted {
    socket: PubSocket,
    /// Those that somebody still has to get, in order, with their bytes.
    waiting: VecDeque<(ZmqMessage, usize)>,
    bytes: usize,
}

/// A connection whose messages are counted.
pub fn counted(connection: KernelIoPubConnection) -> Connection<Counted> {
    let Connection { socket, mac, session_id } = connection;
    Connection { socket: Counted { socket, waiting: VecDeque::new(), bytes: 0 }, mac, session_id }
}

impl Counted {
    /// Bytes that wait. Messages go to each client in order, so those that all have are the first.
    pub fn waiting(&mut self) -> usize {
        // The last part is the content, which is never empty.
        let gone = |message: &ZmqMessage| message.iter().last().is_none_or(|part| part.is_unique());
        while let Some((_, bytes)) = self.waiting.pop_front_if(|(message, _)| gone(message)) {
            self.bytes -= bytes;
        }
        self.bytes
    }
}

impl SocketSend for Counted {
    // As the trait's macro writes `async fn send(&mut self, message: ZmqMessage)`.
    fn send<'a, 'b>(&'a mut self, message: ZmqMessage) -> Pin<Box<dyn Future<Output = ZmqResult<()>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        let bytes = message.iter().map(|part| part.len()).sum();
        self.bytes += bytes;
        self.waiting.push_back((message.clone(), bytes));
        self.socket.send(message)
    }
}
