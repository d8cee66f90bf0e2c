//! The communicator between threads.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::shared::Shared;
use super::state::Message;
use super::transfers::Transfers;
use crate::Result;
use crate::distributed::{Buffer, Communicator, Counts, Pending, Transfer, Values, point_to_point::MAX_TAG};
use crate::rng::{Rng, stream};

/// A rank that is a thread.
pub(super) struct ThreadRank {
    rank: usize,
    size: usize,
    shared: Arc<Shared>,
    collectives: AtomicU32,
    /// Of its slowdowns.
    computing: Mutex<Rng>,
    /// Of the latency of its messages, and of the order of those that arrive at the same time.
    sending: Mutex<Rng>,
}

impl ThreadRank {
    pub fn new(rank: usize, size: usize, shared: &Arc<Shared>) -> Self {
        let seed = shared.config.seed;
        let draws = |what: &str| Mutex::new(stream(seed, &format!("{what} of rank {rank}")));
        let (computing, sending) = (draws("computing"), draws("sending"));
        Self { rank, size, shared: shared.clone(), collectives: AtomicU32::new(0), computing, sending }
    }

    /// Puts a message into the mailbox of its rank.
    fn send(&self, to: usize, values: Values, tag: u32) {
        use rand::Rng as _;
        use rand_distr::{Distribution, Exp1};
        let config = &self.shared.config;
        let bytes = values.bytes();
        let (lot, delay) = {
            let mut rng = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
            let delay: f64 = if config.jitter > 0.0 { Exp1.sample(&mut *rng) } else { 0.0 };
            (rng.random(), delay * config.jitter * config.model.latency)
        };
        let cost = config.model.message(bytes) + delay;
        let mut state = self.shared.lock();
        let me = &mut state.ranks[self.rank];
        let left = me.clock.send(cost);
        let left_round = me.rounds.send(1.0);
        me.counts.sent += 1;
        me.counts.sent_bytes += bytes;
        state.ranks[to].messages.push_back(Message { from: self.rank, tag, values, left, cost, left_round, lot });
        drop(state);
        self.shared.wakes[to].notify_all();
    }

    fn advance(&self, seconds: f64) {
        let mut state = self.shared.lock();
        state.ranks[self.rank].clock.now += seconds;
        self.shared.wake_lookers(&state);
    }
}

impl Communicator for ThreadRank {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn deadline(&self) -> Duration {
        self.shared.config.deadline
    }

    fn start(
        &self,
        operation: &'static str,
        buffer: Buffer,
        transfers: &[Transfer],
        tag: u32,
    ) -> Result<Box<dyn Pending>> {
        transfers.iter().try_for_each(|transfer| transfer.check(self, operation, &buffer))?;
        let mut receives = Vec::new();
        let mut sends = false;
        for transfer in transfers {
            match transfer {
                Transfer::Send { to, range } => {
                    self.send(*to, buffer.values.part(range.clone()), tag);
                    sends = true;
                }
                receive => receives.push(receive.clone()),
            }
        }
        let state = self.shared.lock();
        let me = &state.ranks[self.rank];
        let sent = if sends { (me.clock.sent(), me.rounds.sent()) } else { (0.0, 0.0) };
        drop(state);
        let shared = self.shared.clone();
        let (rank, sources) = (self.rank, Vec::new());
        Ok(Box::new(Transfers {
            shared,
            rank,
            operation,
            tag,
            buffer,
            receives: receives.into(),
            sources,
            sent,
            done: (0.0, 0.0),
        }))
    }

    fn next_tag(&self) -> u32 {
        MAX_TAG + self.collectives.fetch_add(1, Ordering::Relaxed) % MAX_TAG
    }

    fn counts(&self) -> Counts {
        self.shared.counts(self.rank)
    }

    fn seconds(&self) -> f64 {
        self.shared.seconds(self.rank)
    }

    fn compute(&self, seconds: f64) {
        let factor = {
            let mut rng = self.computing.lock().unwrap_or_else(PoisonError::into_inner);
            self.shared.config.slowdown.draw(self.rank, &mut rng)
        };
        self.advance(seconds.max(0.0) * factor);
    }

    fn reduced(&self, bytes: usize) {
        self.advance(self.shared.config.model.reduction(bytes));
    }
}
