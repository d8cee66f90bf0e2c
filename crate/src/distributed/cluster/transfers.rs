//! Transfers between threads: when they are done, by the virtual clock.

use std::collections::VecDeque;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::state::{Choice, State, Wait};
use crate::distributed::{Buffer, Done, Pending, Source, Transfer};
use crate::{CommunicationError, Result, interrupt};

/// Transfers of a thread: sent at once, received one after the other.
pub(super) struct Transfers {
    pub shared: Arc<Shared>,
    pub rank: usize,
    pub operation: &'static str,
    pub tag: u32,
    pub buffer: Buffer,
    pub receives: VecDeque<Transfer>,
    pub sources: Vec<usize>,
    /// When the last message is out, in seconds and in rounds.
    pub sent: (f64, f64),
    /// When the last message that was taken is in.
    pub done: (f64, f64),
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
        let me = &mut state.ranks[self.rank];
        me.waits = None;
        if let CommunicationError::Silent { peers, .. } = &error {
            me.given_up = peers.clone();
        }
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
                interrupt::check()?;
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
                    state.ranks[self.rank].given_up.clear();
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
                if let Err(error) = interrupt::check() {
                    state.ranks[self.rank].waits = None;
                    return Err(error);
                }
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

fn silent(state: &State, rank: usize, operation: &'static str, started: Instant) -> CommunicationError {
    CommunicationError::Silent { rank, operation, peers: state.blamed(rank), seconds: started.elapsed().as_secs_f64() }
}
