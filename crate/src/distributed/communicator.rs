use std::ops::Range;
use std::time::Duration;

use super::Values;
use crate::{CommunicationError, Error, Result};

/// One rank of several that work on the same thing, and how it reaches the others: what carries messages implements this.
///
/// Programs use the methods of `dyn Communicator`, which are made of it: [`send`](trait.Communicator.html#method.send) and
/// `recv`, their non-blocking forms, and the collective operations. The ranks may be threads
/// ([`cluster`](super::cluster)) or processes (MPI, in the package `candlelight-mpi`): the same function runs on either.
///
/// Every wait ends: with what was waited for, or with a [`CommunicationError`](crate::CommunicationError) that names the rank,
/// the operation and the seconds.
pub trait Communicator: Send + Sync {
    /// The number of this rank, in `0..size`.
    fn rank(&self) -> usize;

    /// How many ranks there are.
    fn size(&self) -> usize;

    /// How long a wait may take, unless it is given another limit.
    fn deadline(&self) -> Duration;

    /// Starts transfers, all at the same time, and returns at once.
    ///
    /// The buffer is on loan until they are done. The ranges of `transfers` lie inside of it; no number is received while it is
    /// sent or received otherwise. `operation` is the name for errors. Messages between two ranks with the same tag arrive in
    /// the order in which they were sent.
    ///
    /// # Errors
    /// A rank that is not there, or what the transport reports.
    fn start(
        &self,
        operation: &'static str,
        buffer: Buffer,
        transfers: &[Transfer],
        tag: u32,
    ) -> Result<Box<dyn Pending>>;

    /// A tag for the next collective operation, the same on all ranks if they call for them in the same order.
    fn next_tag(&self) -> u32;

    /// What this rank has sent and received so far.
    fn counts(&self) -> Counts;

    /// Seconds since the start: of the virtual clock, where there is one, else of the real one.
    fn seconds(&self) -> f64;

    /// Says that the rank has computed for so many seconds. Only a virtual clock moves.
    fn compute(&self, seconds: f64) {
        let _ = seconds;
    }

    /// Says that the rank has added up so many bytes that it received. Only a virtual clock moves.
    fn reduced(&self, bytes: usize) {
        let _ = bytes;
    }
}

/// Transfers under way.
pub trait Pending: Send {
    /// Whether all of them are done; does not wait.
    ///
    /// # Errors
    /// As [`Pending::wait`].
    fn test(&mut self) -> Result<bool>;

    /// Waits until all of them are done, and gives the buffer back.
    ///
    /// # Errors
    /// A rank that is silent for `deadline` or gone, or a message of another length or dtype.
    fn wait(self: Box<Self>, deadline: Duration) -> Result<Done>;
}

/// Numbers on loan for transfers.
#[derive(Debug, Clone, PartialEq)]
pub struct Buffer {
    /// What is sent, and what is received in its place.
    pub values: Values,
    /// What is received aside, to be added up. Of the same dtype.
    pub scratch: Values,
}

/// One message of this rank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transfer {
    /// A part of the values goes out.
    Send {
        /// To this rank.
        to: usize,
        /// The part.
        range: Range<usize>,
    },
    /// A part of the values is replaced.
    Receive {
        /// From this rank.
        from: Source,
        /// The part; the message must be as long.
        range: Range<usize>,
    },
    /// A part of the scratch is replaced.
    ReceiveAside {
        /// From this rank.
        from: Source,
        /// The part; the message must be as long.
        range: Range<usize>,
    },
}

impl Transfer {
    /// Refuses what no communicator can carry; for those who implement one.
    ///
    /// # Errors
    /// A rank that is not there, or this one; a range that does not lie inside of the buffer; a scratch of another dtype.
    pub fn check(&self, comm: &dyn Communicator, operation: &'static str, buffer: &Buffer) -> Result<()> {
        let (peer, range, len) = match self {
            Self::Send { to, range } => (Source::Rank(*to), range, buffer.values.len()),
            Self::Receive { from, range } => (*from, range, buffer.values.len()),
            Self::ReceiveAside { from, range } => (*from, range, buffer.scratch.len()),
        };
        let (rank, size) = (comm.rank(), comm.size());
        if let Source::Rank(peer) = peer
            && (peer >= size || peer == rank)
        {
            return Err(CommunicationError::NoRank { rank, operation, peer, size }.into());
        }
        if range.start > range.end || range.end > len {
            return Err(Error::setting("range of a transfer", "inside of its buffer", format!("{range:?} of {len}")));
        }
        if buffer.scratch.dtype() != buffer.values.dtype() && !buffer.scratch.is_empty() {
            let dtype = format!("{:?}", buffer.scratch.dtype());
            return Err(Error::setting("dtype of the scratch", "that of the values", dtype));
        }
        Ok(())
    }
}

/// Whose message is received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// That of one rank.
    Rank(usize),
    /// That of whichever rank sends first.
    Any,
}

impl From<usize> for Source {
    fn from(rank: usize) -> Self {
        Self::Rank(rank)
    }
}

/// Transfers that are done.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// The buffer, given back.
    pub buffer: Buffer,
    /// From which rank each message came, in the order of the receives.
    pub sources: Vec<usize>,
}

/// What a rank has sent and received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages sent.
    pub sent: usize,
    /// Their numbers, in bytes.
    pub sent_bytes: usize,
    /// Messages received.
    pub received: usize,
    /// Their numbers, in bytes.
    pub received_bytes: usize,
    /// The longest chain of messages that led to here, where a rank sends one and receives one at a time: the factor of the
    /// latency. Known on threads; 0 under MPI.
    pub rounds: usize,
}

impl std::ops::Sub for Counts {
    type Output = Self;

    /// What has come since `earlier`.
    fn sub(self, earlier: Self) -> Self {
        Self {
            sent: self.sent - earlier.sent,
            sent_bytes: self.sent_bytes - earlier.sent_bytes,
            received: self.received - earlier.received,
            received_bytes: self.received_bytes - earlier.received_bytes,
            rounds: self.rounds - earlier.rounds,
        }
    }
}
