//! The communicator between threads.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::ClusterConfig;
use super::state::{Choice, Message, State, Wait};
use crate::distributed::{
    Buffer, Communicator, Counts, Done, Pending, Source, Transfer, Values, point_to_point::MAX_TAG,
};
use crate::rng::{Rng, stream};
use crate::{CommunicationError, Result};

/// What all ranks share.
pub(super) struct Shared {
    pub config: ClusterConfig,
    state: Mutex<State>,
    /// One for each rank.
    wakes: Vec<Condvar>,
}

impl Shared {
    pub fn new(size: usize, config: ClusterConfig) -> Self {
        let ranks = (0..size).map(|_| Default::default()).collect();
        let wakes = (0..size).map(|_| Condvar::new()).collect();
        Self { config, state: Mutex::new(State { ranks, deadlock: None }), wakes }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A rank has ended: who waits for it must know.
    pub fn end(&self, rank: usize, reason: String) {
        let mut state = self.lock();
        state.ranks[rank].ended = Some(reason);
        state.look_for_deadlock();
        drop(state);
        self.wake_all();
    }

    fn wake_all(&self) {
        self.wakes.iter().for_each(Condvar::notify_all);
    }

    /// A clock has moved, or a rank has begun to wait: who waits for a message of any rank looks at that.
    fn wake_lookers(&self, state: &State) {
        for (wake, _) in self.wakes.iter().zip(&state.ranks).filter(|(_, rank)| rank.looks) {
            wake.notify_all();
        }
    }

    /// Sleeps until something has changed for a rank, or for so long. `looks`: whether the clocks of others matter to it.
    fn sleep<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        rank: usize,
        looks: bool,
        left: Duration,
    ) -> MutexGuard<'a, State> {
        state.ranks[rank].looks = looks;
        let mut state = self.wakes[rank].wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        state.ranks[rank].looks = false;
        state
    }

    pub fn counts(&self, rank: usize) -> Counts {
        let state = self.lock();
        Counts { rounds: state.ranks[rank].rounds.now as usize, ..state.ranks[rank].counts }
    }

    pub fn seconds(&self, rank: usize) -> f64 {
        self.lock().ranks[rank].clock.now
    }
}

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

    fn check_peer(&self, operation: &'static str, peer: usize) -> Result<()> {
        if peer < self.size && peer != self.rank {
            return Ok(());
        }
        Err(CommunicationError::NoRank { rank: self.rank, operation, peer, size: self.size }.into())
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
        for transfer in transfers {
            match transfer {
                Transfer::Send { to: peer, .. }
                | Transfer::Receive { from: Source::Rank(peer), .. }
                | Transfer::ReceiveAside { from: Source::Rank(peer), .. } => self.check_peer(operation, *peer)?,
                Transfer::Receive { .. } | Transfer::ReceiveAside { .. } => {}
            }
        }
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

/// Transfers of a thread: sent at once, received one after the other.
struct Transfers {
    shared: Arc<Shared>,
    rank: usize,
    operation: &'static str,
    tag: u32,
    buffer: Buffer,
    receives: std::collections::VecDeque<Transfer>,
    sources: Vec<usize>,
    /// When the last message is out, in seconds and in rounds.
    sent: (f64, f64),
    /// When the last message that was taken is in.
    done: (f64, f64),
}

impl Transfers {
    /// Takes a message out of the mailbox and puts its numbers where they belong.
    fn take(&mut self, mut state: MutexGuard<State>, place: usize) -> Result<()> {
        let me = &mut state.ranks[self.rank];
        let (Some(message), Some(receive)) = (me.messages.remove(place), self.receives.pop_front()) else {
            return Ok(());
        };
        let (clock, rounds) =
            (me.clock.receive(message.left, message.cost), me.rounds.receive(message.left_round, 1.0));
        self.done = (self.done.0.max(clock), self.done.1.max(rounds));
        me.counts.received += 1;
        me.counts.received_bytes += message.values.bytes();
        drop(state);
        self.sources.push(message.from);
        let (values, range) = match receive {
            Transfer::ReceiveAside { range, .. } => (&mut self.buffer.scratch, range),
            Transfer::Receive { range, .. } | Transfer::Send { range, .. } => (&mut self.buffer.values, range),
        };
        if message.values.len() != range.len() || message.values.dtype() != values.dtype() {
            return Err(CommunicationError::Message {
                rank: self.rank,
                operation: self.operation,
                peer: message.from,
                expected: range.len(),
                expected_dtype: values.dtype(),
                actual: message.values.len(),
                actual_dtype: message.values.dtype(),
            }
            .into());
        }
        values.put(range, &message.values);
        Ok(())
    }

    fn source(&self) -> Option<Source> {
        match self.receives.front()? {
            Transfer::Receive { from, .. } | Transfer::ReceiveAside { from, .. } => Some(*from),
            Transfer::Send { .. } => None,
        }
    }

    fn gone(&self, state: &State, peer: usize, started: Instant) -> CommunicationError {
        let reason = state.ranks[peer].ended.clone().unwrap_or_default();
        let seconds = started.elapsed().as_secs_f64();
        CommunicationError::Gone { rank: self.rank, operation: self.operation, peer, seconds, reason }
    }

    /// Ends the wait by an error.
    fn give_up(&self, mut state: MutexGuard<State>, error: CommunicationError) -> Result<Done> {
        state.ranks[self.rank].waits = None;
        Err(error.into())
    }

    /// Whether the message that `place` points at is there by now, in virtual time.
    fn is_here(&self, state: &State, place: usize) -> bool {
        let me = &state.ranks[self.rank];
        let message = &me.messages[place];
        me.clock.arrival(message.left, message.cost) <= me.clock.now
    }
}

impl Pending for Transfers {
    fn test(&mut self) -> Result<bool> {
        let (shared, started) = (self.shared.clone(), Instant::now());
        let latency = shared.config.model.latency;
        while let Some(source) = self.source() {
            let mut state = shared.lock();
            loop {
                let now = state.ranks[self.rank].clock.now;
                match state.choose(self.rank, source, self.tag, latency) {
                    Choice::Take(place) if self.is_here(&state, place) => {
                        self.take(state, place)?;
                        break;
                    }
                    Choice::Gone(peer) => return Err(self.gone(&state, peer, started).into()),
                    Choice::Take(_) => return Ok(shared.look_again(state, self.rank)),
                    // Not there, and no message can still come that would be.
                    Choice::Wait => {
                        let earliest = state.earliest(self.rank, latency);
                        let later = |(rank, &time): (usize, &f64)| {
                            rank == self.rank || time + latency > now || (time == now && rank > self.rank)
                        };
                        let decided = match source {
                            Source::Rank(from) => later((from, &earliest[from])),
                            Source::Any => earliest.iter().enumerate().all(later),
                        };
                        if decided {
                            return Ok(shared.look_again(state, self.rank));
                        }
                    }
                }
                let Some(left) = shared.config.deadline.checked_sub(started.elapsed()) else {
                    return Err(silent(&state, self.rank, self.operation, started).into());
                };
                state = shared.sleep(state, self.rank, true, left);
            }
        }
        let state = shared.lock();
        match self.sent.0.max(self.done.0) <= state.ranks[self.rank].clock.now {
            true => Ok(true),
            false => Ok(shared.look_again(state, self.rank)),
        }
    }

    fn wait(mut self: Box<Self>, deadline: Duration) -> Result<Done> {
        let (shared, started) = (self.shared.clone(), Instant::now());
        while let Some(source) = self.source() {
            let mut state = shared.lock();
            let place = loop {
                let choice = state.choose(self.rank, source, self.tag, shared.config.model.latency);
                if let Choice::Take(place) = choice {
                    break place;
                }
                // Before a rank that is gone: it may have given up for the same reason, and all are to say the same.
                if let Some(waits) = state.deadlock.clone() {
                    let (rank, operation) = (self.rank, self.operation);
                    return self.give_up(state, CommunicationError::Deadlock { rank, operation, waits });
                }
                if let Choice::Gone(peer) = choice {
                    let error = self.gone(&state, peer, started);
                    return self.give_up(state, error);
                }
                if state.ranks[self.rank].waits.is_none() {
                    state.ranks[self.rank].waits = Some(Wait { operation: self.operation, source, tag: self.tag });
                    state.look_for_deadlock();
                    match state.deadlock {
                        Some(_) => shared.wake_all(),
                        None => shared.wake_lookers(&state),
                    }
                    continue; // and look once more
                }
                let Some(left) = deadline.checked_sub(started.elapsed()) else {
                    let error = silent(&state, self.rank, self.operation, started);
                    return self.give_up(state, error);
                };
                state = shared.sleep(state, self.rank, source == Source::Any, left);
            };
            state.ranks[self.rank].waits = None;
            self.take(state, place)?;
        }
        let mut state = shared.lock();
        let me = &mut state.ranks[self.rank];
        me.clock.reach(self.sent.0.max(self.done.0));
        me.rounds.reach(self.sent.1.max(self.done.1));
        shared.wake_lookers(&state);
        drop(state);
        Ok(Done { buffer: self.buffer, sources: self.sources })
    }
}

impl Shared {
    /// A look at what is not yet done has taken its time.
    fn look_again(&self, mut state: MutexGuard<State>, rank: usize) -> bool {
        state.ranks[rank].clock.now += self.config.model.poll;
        self.wake_lookers(&state);
        false
    }
}

fn silent(state: &State, rank: usize, operation: &'static str, started: Instant) -> CommunicationError {
    CommunicationError::Silent { rank, operation, peers: state.blamed(rank), seconds: started.elapsed().as_secs_f64() }
}
