//! Who is alive: a rank that waited in vain asks all others, and whoever waits itself answers.
//!
//! A rank waits for its neighbour, which waits for its own: the one at fault may be far from the one that notices. A rank that is
//! stopped, dead, or in an endless loop does not answer; all others do, at once.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::ffi::{self, Channel, Mpi};
use crate::orphan::Orphan;

/// How long answers may take.
const GRACE: Duration = Duration::from_millis(750);
/// A rank that asked so shortly ago was alive then; it may have ended its own inquiry since, and not answer any more.
const RECENT: Duration = Duration::from_secs(1);
/// Of control messages.
const TAG: u32 = 0;
const QUESTION: u8 = 0;
const ANSWER: u8 = 1;

/// What a rank does while it waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    pub operation: String,
    /// For whom; `None` for anyone.
    pub peer: Option<usize>,
}

/// A question to all ranks.
pub struct Inquiry {
    since: Instant,
}

impl Inquiry {
    pub fn is_over(&self) -> bool {
        self.since.elapsed() > GRACE
    }
}

/// What is known of the others.
pub struct Liveness(Mutex<State>);

struct State {
    questions: u64,
    /// The one whose answers count.
    open: Option<u64>,
    /// The last sign of life of each rank, and what it waited for.
    signs: Vec<Option<(Instant, Wait)>>,
    /// Messages that MPI may still read.
    outgoing: Vec<Orphan>,
}

impl Liveness {
    pub fn new(size: usize) -> Self {
        Self(Mutex::new(State { questions: 0, open: None, signs: vec![None; size], outgoing: Vec::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks all ranks for a sign of life.
    pub fn ask(&self, rank: usize, wait: &Wait) -> Inquiry {
        let mut state = self.lock();
        state.questions += 1;
        state.open = Some(state.questions);
        let (number, size) = (state.questions, state.signs.len());
        for peer in (0..size).filter(|&peer| peer != rank) {
            state.send(peer, QUESTION, number, wait);
        }
        Inquiry { since: Instant::now() }
    }

    /// Answers that still come will say nothing.
    pub fn close(&self) {
        self.lock().open = None;
    }

    /// Reads what others have asked and answered, and answers that this rank waits. `fresh`: it did so a moment ago, and what
    /// it reads now has just been sent.
    pub fn answer(&self, wait: &Wait, fresh: bool) {
        let mut state = self.lock();
        loop {
            let Some((from, message)) = receive(&mut ffi::mpi()) else { return };
            let Some((kind, number, theirs)) = decode(&message) else { continue };
            if kind == QUESTION {
                state.send(from, ANSWER, number, wait);
            }
            // An old question, or an answer to one, says nothing about now.
            if (if kind == QUESTION { fresh } else { state.open == Some(number) })
                && let Some(sign) = state.signs.get_mut(from)
            {
                *sign = Some((Instant::now(), theirs));
            }
        }
    }

    /// The ranks that have given no sign of life.
    pub fn silent(&self, rank: usize, inquiry: &Inquiry) -> Vec<usize> {
        let state = self.lock();
        let is_alive = |peer: usize| {
            let sign = state.signs[peer].as_ref();
            sign.is_some_and(|(time, _)| *time + RECENT >= inquiry.since)
        };
        (0..state.signs.len()).filter(|&peer| peer != rank && !is_alive(peer)).collect()
    }

    /// Who waits for whom, in words.
    pub fn waits(&self, rank: usize, own: &Wait) -> String {
        let state = self.lock();
        let words = |(peer, sign): (usize, &Option<(Instant, Wait)>)| {
            let wait = if peer == rank { own } else { &sign.as_ref()?.1 };
            let whom = wait.peer.map_or("any".to_owned(), |peer| format!("rank {peer}"));
            Some(format!("rank {peer} for {whom} in {}", wait.operation))
        };
        state.signs.iter().enumerate().filter_map(words).collect::<Vec<_>>().join(", ")
    }
}

impl State {
    fn send(&mut self, peer: usize, kind: u8, number: u64, wait: &Wait) {
        let mut mpi = ffi::mpi();
        self.outgoing.retain_mut(|message| !message.is_done(&mut mpi));
        let message = encode(kind, number, wait);
        // SAFETY: the bytes stay where they are until the request is done: `outgoing` keeps them.
        let request = unsafe { mpi.send(Channel::Control, message.as_ptr().cast(), message.len(), peer, TAG) };
        // To a rank that cannot be reached nothing is sent, and it will be silent.
        if let Ok(request) = request {
            self.outgoing.push(Orphan::new(vec![request], message));
        }
    }
}

fn receive(mpi: &mut Mpi) -> Option<(usize, Vec<u8>)> {
    let found = mpi.probe(Channel::Control, None, TAG).ok()??;
    let mut message = vec![0u8; found.len];
    // SAFETY: the bytes stay where they are, and nobody else uses them, until the request is done, which is awaited below.
    let mut request = unsafe { mpi.receive(found, message.as_mut_ptr().cast()) }.ok()?;
    // The message is here already, so this takes no time.
    loop {
        match mpi.test(&mut request) {
            Ok(false) => {}
            Ok(true) => return Some((found.source, message)),
            Err(_) => return None,
        }
    }
}

/// Kind, number of the question, rank that is waited for (-1 for any), name of the operation.
fn encode(kind: u8, number: u64, wait: &Wait) -> Vec<u8> {
    let peer = wait.peer.map_or(-1, |peer| peer as i64);
    let mut message = vec![kind];
    message.extend(number.to_le_bytes());
    message.extend(peer.to_le_bytes());
    message.extend(wait.operation.as_bytes());
    message
}

fn decode(message: &[u8]) -> Option<(u8, u64, Wait)> {
    let (&kind, rest) = message.split_first()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (peer, operation) = rest.split_first_chunk()?;
    let peer = usize::try_from(i64::from_le_bytes(*peer)).ok();
    let operation = String::from_utf8_lossy(operation).into_owned();
    Some((kind, u64::from_le_bytes(*number), Wait { operation, peer }))
}

#[cfg(test)]
mod tests {
    use super::{QUESTION, Wait, decode, encode};

    #[test]
    fn messages_are_read_as_they_were_written() {
        for peer in [None, Some(0), Some(7)] {
            let wait = Wait { operation: "all_reduce".into(), peer };
            assert_eq!(decode(&encode(QUESTION, 1 << 40, &wait)), Some((QUESTION, 1 << 40, wait)));
        }
        assert_eq!(decode(&[QUESTION, 1, 2]), None);
    }
}
