//! This process among the others, and what it has counted and kept.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use candlelight::candle_core::DType;
use candlelight::distributed::{Counts, MAX_TAG};
use candlelight::{CommunicationError, Error, Result};

use crate::ffi::{self, Code, Found, Mpi, Place};
use crate::liveness::Liveness;
use crate::orphan::Orphan;

/// This process among the others.
pub struct World {
    pub rank: usize,
    pub size: usize,
    pub deadline: Duration,
    /// Ranks on this machine.
    pub here: usize,
    /// How often a wait looks before it lets others have the core. Where there are more ranks than cores, Open MPI does that
    /// too, in each look; both from the first look on made small messages slower by half.
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
            here: place.here,
            spins: if place.here <= cores { 20_000 } else { 200 },
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

    pub fn count_sent(&self, bytes: usize) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub fn counts(&self) -> Counts {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        Counts {
            sent: of(&self.sent),
            sent_bytes: of(&self.sent_bytes),
            received: of(&self.received),
            received_bytes: of(&self.received_bytes),
            rounds: 0,
        }
    }

    pub fn next_tag(&self) -> u32 {
        MAX_TAG + self.collectives.fetch_add(1, Ordering::Relaxed) % MAX_TAG
    }

    /// Since the start.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
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
        if self.has_orphans() {
            // In this order, as where a message is discarded.
            let mut mpi = ffi::mpi();
            let mut orphans = self.orphans.lock().unwrap_or_else(PoisonError::into_inner);
            orphans.retain_mut(|orphan| !orphan.is_done(&mut mpi));
        }
    }

    fn has_orphans(&self) -> bool {
        !self.orphans.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Waits for the end of all transfers that nobody waited for.
    pub fn finish(&self) -> Result<()> {
        let started = Instant::now();
        loop {
            self.bury();
            if !self.has_orphans() {
                return Ok(());
            }
            if started.elapsed() > self.deadline {
                let problem = "a message that was sent, and never waited for, is received by nobody".into();
                return Err(CommunicationError::Transport { rank: self.rank, operation: "run", problem }.into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
