//! Messages from one rank to another.

use std::time::Duration;

use super::{Buffer, Communicator, Element, Pending, Source, Transfer};
use crate::{CommunicationError, Error, Result};

/// Tags of programs are below this number; those of collective operations are not.
pub const MAX_TAG: u32 = 1 << 14;

/// A message that has arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Received<T> {
    /// Its numbers.
    pub values: Vec<T>,
    /// The rank that sent it.
    pub from: usize,
}

impl dyn Communicator {
    /// Sends numbers to a rank; they may still be on their way when it returns. `tag`: below [`MAX_TAG`]; the receive must
    /// have the same.
    ///
    /// ```
    /// use candlelight::distributed::{Source, cluster};
    /// # fn main() -> candlelight::Result<()> {
    /// let run = cluster(2, |comm| match comm.rank() {
    ///     0 => comm.send(&[1f32, 2.], 1, 7).map(|()| 0.),
    ///     _ => Ok(comm.recv::<f32>(2, Source::Any, 7)?.values[1]),
    /// })?;
    /// assert_eq!(run.results[1], 2.);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// A rank that is not there, this one, or one that is gone or silent; a tag outside its range.
    pub fn send<T: Element>(&self, values: &[T], to: usize, tag: u32) -> Result<()> {
        check_tag(tag)?;
        let buffer = buffer(values.to_vec());
        let send = Transfer::Send { to, range: 0..values.len() };
        self.start("send", buffer, &[send], tag)?.wait(self.deadline()).map(drop)
    }

    /// Waits for `len` numbers of a rank, or of any.
    ///
    /// # Errors
    /// As `send`, or if the message is of another length or dtype.
    pub fn recv<T: Element>(&self, len: usize, from: impl Into<Source>, tag: u32) -> Result<Received<T>> {
        check_tag(tag)?;
        let receive = Transfer::Receive { from: from.into(), range: 0..len };
        let pending = self.start("recv", buffer(vec![T::zero(); len]), &[receive], tag)?;
        received(self.rank(), pending, self.deadline())
    }

    /// Sends to one rank and receives from another at the same time: what a send and then a receive on every rank of a ring
    /// could wait for forever.
    ///
    /// # Errors
    /// As `recv`.
    pub fn send_recv<T: Element>(
        &self,
        values: &[T],
        to: usize,
        len: usize,
        from: impl Into<Source>,
        tag: u32,
    ) -> Result<Received<T>> {
        check_tag(tag)?;
        let both = [
            Transfer::Send { to, range: 0..values.len() },
            Transfer::ReceiveAside { from: from.into(), range: 0..len },
        ];
        let loan = Buffer { values: T::wrap(values.to_vec()), scratch: T::wrap(vec![T::zero(); len]) };
        let done = self.start("send_recv", loan, &both, tag)?.wait(self.deadline())?;
        Ok(Received { values: T::unwrap(done.buffer.scratch), from: source(self.rank(), &done.sources)? })
    }

    /// Begins to send numbers to a rank. They are on loan until [`Request::wait`] gives them back.
    ///
    /// # Errors
    /// As `send`.
    pub fn isend<T: Element>(&self, values: Vec<T>, to: usize, tag: u32) -> Result<Request<T>> {
        check_tag(tag)?;
        let send = Transfer::Send { to, range: 0..values.len() };
        Ok(Request::new(self, self.start("isend", buffer(values), &[send], tag)?, Some(to)))
    }

    /// Begins to receive `len` numbers of a rank, or of any.
    ///
    /// ```
    /// use candlelight::distributed::cluster;
    /// # fn main() -> candlelight::Result<()> {
    /// let run = cluster(2, |comm| {
    ///     let other = 1 - comm.rank();
    ///     let coming = comm.irecv::<f64>(1, other, 0)?;
    ///     let going = comm.isend(vec![comm.rank() as f64], other, 0)?;
    ///     // … compute …
    ///     going.wait()?;
    ///     Ok(coming.wait()?.values[0])
    /// })?;
    /// assert_eq!(run.results, [1., 0.]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As `recv`.
    pub fn irecv<T: Element>(&self, len: usize, from: impl Into<Source>, tag: u32) -> Result<Request<T>> {
        check_tag(tag)?;
        let receive = Transfer::Receive { from: from.into(), range: 0..len };
        Ok(Request::new(self, self.start("irecv", buffer(vec![T::zero(); len]), &[receive], tag)?, None))
    }
}

/// A message under way, of `isend` or `irecv`.
///
/// Dropped, what is sent still travels, and what was to come stays for the next receive of its tag.
#[must_use = "a message has arrived, or left, only after `wait`"]
pub struct Request<T> {
    pending: Box<dyn Pending>,
    rank: usize,
    deadline: Duration,
    /// Where it goes, if it is sent.
    to: Option<usize>,
    of: std::marker::PhantomData<T>,
}

impl<T: Element> Request<T> {
    fn new(comm: &dyn Communicator, pending: Box<dyn Pending>, to: Option<usize>) -> Self {
        Self { pending, rank: comm.rank(), deadline: comm.deadline(), to, of: std::marker::PhantomData }
    }

    /// Whether it is done; does not wait. On a virtual clock each look takes [`CostModel::poll`](super::CostModel::poll).
    ///
    /// # Errors
    /// As [`Request::wait`].
    pub fn test(&mut self) -> Result<bool> {
        self.pending.test()
    }

    /// Waits until it is done, at most the communicator's deadline: what has arrived, or the numbers that were sent, with the
    /// rank at the other end.
    ///
    /// # Errors
    /// A rank that is gone or silent, or a message of another length or dtype.
    pub fn wait(self) -> Result<Received<T>> {
        let deadline = self.deadline;
        self.wait_for(deadline)
    }

    /// [`Request::wait`] with a deadline of its own.
    ///
    /// # Errors
    /// As [`Request::wait`].
    pub fn wait_for(self, deadline: Duration) -> Result<Received<T>> {
        match self.to {
            None => received(self.rank, self.pending, deadline),
            Some(to) => Ok(Received { values: T::unwrap(self.pending.wait(deadline)?.buffer.values), from: to }),
        }
    }
}

pub(super) fn buffer<T: Element>(values: Vec<T>) -> Buffer {
    Buffer { values: T::wrap(values), scratch: T::wrap(Vec::new()) }
}

fn received<T: Element>(rank: usize, pending: Box<dyn Pending>, deadline: Duration) -> Result<Received<T>> {
    let done = pending.wait(deadline)?;
    Ok(Received { values: T::unwrap(done.buffer.values), from: source(rank, &done.sources)? })
}

fn source(rank: usize, sources: &[usize]) -> Result<usize> {
    sources.first().copied().ok_or_else(|| {
        let problem = "a message without a source".into();
        CommunicationError::Transport { rank, operation: "recv", problem }.into()
    })
}

fn check_tag(tag: u32) -> Result<()> {
    if tag < MAX_TAG { Ok(()) } else { Err(Error::setting("tag", "below 16384", tag)) }
}
