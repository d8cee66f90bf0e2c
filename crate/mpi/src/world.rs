//! What the ranks' communicator is made of.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use candlelight::candle_core::DType;
use candlelight::distributed::{Buffer, Communicator, Counts, Element, MAX_TAG, Pending, Reduction, Source, Transfer};
use candlelight::{CommunicationError, Error, Result};

use crate::ffi::{self, Channel, Code, Found, Mpi, Place};
use crate::liveness::Liveness;
use crate::transfers::{Orphan, Transfers};

/// This process among the others.
pub struct World {
    pub rank: usize,
    pub size: usize,
    pub deadline: Duration,
    /// How often a wait looks before it lets others have the core: where there is a core for each rank.
    pub spins: u32,
    pub liveness: Liveness,
    started: Instant,
    collectives: AtomicU32,
    sent: AtomicUsize,
    sent_bytes: AtomicUsize,
    received: AtomicUsize,
    received_bytes: AtomicUsize,
    /// Transfers that nobody waits for any more; MPI still uses their buffers.
    orphans: Mutex<Vec<Orphan>>,
}

impl World {
    pub fn new(place: &Place, deadline: Duration) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            rank: place.rank,
            size: place.size,
            deadline,
            spins: if place.here <= cores { 20_000 } else { 0 },
            liveness: Liveness::new(place.size),
            started: Instant::now(),
            collectives: AtomicU32::new(0),
            sent: AtomicUsize::new(0),
            sent_bytes: AtomicUsize::new(0),
            received: AtomicUsize::new(0),
            received_bytes: AtomicUsize::new(0),
            orphans: Mutex::new(Vec::new()),
        }
    }

    pub fn transport(&self, operation: &'static str, code: Code) -> Error {
        CommunicationError::Transport { rank: self.rank, operation, problem: code.words() }.into()
    }

    pub fn count_received(&self, bytes: usize) {
        self.received.fetch_add(1, Ordering::Relaxed);
        self.received_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Keeps a buffer until MPI is through with it.
    pub fn adopt(&self, orphan: Orphan) {
        self.orphans.lock().unwrap_or_else(PoisonError::into_inner).push(orphan);
    }

    /// Takes a message away that nobody can use.
    pub fn discard(&self, mpi: &mut Mpi, found: Found, dtype: DType) {
        let mut room = vec![0u8; found.len * dtype.size_in_bytes()];
        // SAFETY: the room is as large as the message, and is kept until the request is done.
        if let Ok(request) = unsafe { mpi.receive(found, room.as_mut_ptr().cast()) } {
            self.adopt(Orphan::new(vec![request], room));
        }
    }

    /// Frees the buffers that MPI is through with.
    pub fn bury(&self) {
        let mut orphans = self.orphans.lock().unwrap_or_else(PoisonError::into_inner);
        if !orphans.is_empty() {
            let mut mpi = ffi::mpi();
            orphans.retain_mut(|orphan| !orphan.is_done(&mut mpi));
        }
    }

    /// Waits for the end of all transfers that nobody waited for.
    pub fn finish(&self) -> Result<()> {
        let started = Instant::now();
        loop {
            self.bury();
            if self.orphans.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                return Ok(());
            }
            if started.elapsed() > self.deadline {
                let problem = "a message that was sent, and never waited for, is received by nobody".into();
                return Err(CommunicationError::Transport { rank: self.rank, operation: "run", problem }.into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn check_peer(&self, operation: &'static str, peer: usize) -> Result<()> {
        if peer < self.size && peer != self.rank {
            return Ok(());
        }
        Err(CommunicationError::NoRank { rank: self.rank, operation, peer, size: self.size }.into())
    }

    /// Before anything starts: a transfer outside of the buffer would read or write other memory.
    fn check(&self, operation: &'static str, buffer: &Buffer, transfer: &Transfer) -> Result<()> {
        let (peer, range, len) = match transfer {
            Transfer::Send { to, range } => (Some(*to), range, buffer.values.len()),
            Transfer::Receive { from, range } => (rank_of(*from), range, buffer.values.len()),
            Transfer::ReceiveAside { from, range } => (rank_of(*from), range, buffer.scratch.len()),
        };
        peer.map_or(Ok(()), |peer| self.check_peer(operation, peer))?;
        if range.start > range.end || range.end > len {
            return Err(Error::setting("range of a transfer", "inside of its buffer", format!("{range:?} of {len}")));
        }
        Ok(())
    }
}

pub fn rank_of(source: Source) -> Option<usize> {
    match source {
        Source::Rank(rank) => Some(rank),
        Source::Any => None,
    }
}

/// The communicator that programs get.
pub struct Ranks(pub Arc<World>);

impl Communicator for Ranks {
    fn rank(&self) -> usize {
        self.0.rank
    }

    fn size(&self) -> usize {
        self.0.size
    }

    fn deadline(&self) -> Duration {
        self.0.deadline
    }

    fn start(
        &self,
        operation: &'static str,
        buffer: Buffer,
        transfers: &[Transfer],
        tag: u32,
    ) -> Result<Box<dyn Pending>> {
        let world = &self.0;
        for transfer in transfers {
            world.check(operation, &buffer, transfer)?;
        }
        world.bury();
        let mut pending = Transfers::new(world.clone(), operation, tag, buffer);
        for transfer in transfers {
            let Transfer::Send { to, range } = transfer else { continue };
            pending.send(*to, range.clone())?;
            world.sent.fetch_add(1, Ordering::Relaxed);
            let bytes = range.len() * pending.dtype().size_in_bytes();
            world.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        for transfer in transfers {
            match transfer {
                Transfer::Send { .. } => {}
                Transfer::Receive { from, range } => pending.receive(*from, range.clone(), false),
                Transfer::ReceiveAside { from, range } => pending.receive(*from, range.clone(), true),
            }
        }
        Ok(Box::new(pending))
    }

    fn next_tag(&self) -> u32 {
        MAX_TAG + self.0.collectives.fetch_add(1, Ordering::Relaxed) % MAX_TAG
    }

    fn counts(&self) -> Counts {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        let World { sent, sent_bytes, received, received_bytes, .. } = &*self.0;
        Counts {
            sent: of(sent),
            sent_bytes: of(sent_bytes),
            received: of(received),
            received_bytes: of(received_bytes),
            rounds: 0,
        }
    }

    fn seconds(&self) -> f64 {
        self.0.started.elapsed().as_secs_f64()
    }
}

/// MPI's own all-reduce, in place of [`all_reduce`](dyn Communicator): to be compared with. It waits without a deadline. Only
/// inside of [`run`](crate::run).
///
/// # Errors
/// Outside of `run`, or what MPI reports.
pub fn native_all_reduce<T: Element>(values: &mut [T], op: Reduction) -> Result<()> {
    let Some(world) = crate::running() else {
        return Err(Error::setting("native_all_reduce", "called inside of candlelight_mpi::run", "a call outside"));
    };
    let op = match op {
        Reduction::Sum => 0,
        Reduction::Max => 1,
        Reduction::Min => 2,
    };
    // SAFETY: the slice is borrowed alone for the call, which does not return before MPI is done.
    let done = unsafe { ffi::mpi().all_reduce(Channel::of(T::DTYPE), values.as_mut_ptr().cast(), values.len(), op) };
    done.map_err(|code| world.transport("native_all_reduce", code))
}
