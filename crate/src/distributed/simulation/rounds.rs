//! The rounds of a collective operation, on the clocks of its ranks.

use std::collections::{HashMap, VecDeque};

use super::network::Network;
use crate::distributed::cluster::clock::Clock;
use crate::distributed::schedule::{Round, Step, chunk};

/// How many bytes a number has.
const BYTES: usize = 4;

/// Where a rank stands.
#[derive(Default)]
struct Place {
    round: usize,
    /// The messages of the round have been sent.
    sent: bool,
    /// How many of its messages have been received.
    received: usize,
    /// When all of those are out and in.
    done: f64,
}

/// Message by message: each rank goes on as far as it can, then those that it has sent something.
pub(super) fn run(schedule: &[Vec<Round>], clocks: &mut [Clock], network: &mut Network) {
    let mut places: Vec<Place> = schedule.iter().map(|_| Place::default()).collect();
    // When they left and what they cost, by sender and receiver.
    let mut messages: HashMap<(usize, usize), VecDeque<(f64, f64)>> = HashMap::new();
    let mut ready: Vec<usize> = (0..schedule.len()).rev().collect();
    while let Some(rank) = ready.pop() {
        let (place, clock) = (&mut places[rank], &mut clocks[rank]);
        'rounds: while let Some(round) = schedule[rank].get(place.round) {
            if !place.sent {
                for step in round {
                    if let Step::Send { to, range } = step {
                        let (cost, _) = network.message(rank, BYTES * range.len());
                        messages.entry((rank, *to)).or_default().push_back((clock.send(cost), cost));
                        place.done = clock.sent();
                        ready.push(*to);
                    }
                }
                place.sent = true;
            }
            let sources = round.iter().filter_map(|step| match step {
                Step::Receive { from, .. } | Step::Add { from, .. } => Some(*from),
                Step::Send { .. } => None,
            });
            for from in sources.skip(place.received) {
                let Some((left, cost)) = messages.get_mut(&(from, rank)).and_then(VecDeque::pop_front) else {
                    break 'rounds;
                };
                place.done = place.done.max(clock.receive(left, cost));
                place.received += 1;
            }
            clock.reach(place.done);
            for step in round {
                if let Step::Add { range, .. } = step {
                    clock.now += network.model.reduction(BYTES * range.len());
                }
            }
            *place = Place { round: place.round + 1, ..Place::default() };
        }
    }
}

/// The ring all-reduce, round by round: all ranks send to their right, then all receive.
pub(super) fn ring(numbers: usize, clocks: &mut [Clock], network: &mut Network) {
    let size = clocks.len();
    if numbers.is_multiple_of(size) && network.jitter == 0.0 {
        return even_ring(BYTES * numbers / size, clocks, network);
    }
    let mut messages = vec![(0.0, 0.0); size];
    for round in 0..2 * (size - 1) {
        // In the second half the sums go round.
        let adds = round < size - 1;
        let back = if adds { round + 1 } else { round + 1 - size };
        let bytes = |rank: usize| BYTES * chunk((rank + 2 * size - back) % size, size, numbers).len();
        for (rank, (clock, message)) in clocks.iter_mut().zip(&mut messages).enumerate() {
            let (cost, _) = network.message(rank, bytes(rank));
            *message = (clock.send(cost), cost);
        }
        for (rank, clock) in clocks.iter_mut().enumerate() {
            let from = (rank + size - 1) % size;
            let (left, cost) = messages[from];
            let received = clock.receive(left, cost);
            clock.reach(clock.sent().max(received));
            if adds {
                clock.now += network.model.reduction(bytes(from));
            }
        }
    }
}

/// Where all messages of a ring cost the same, a rank ends a round that much after the later of itself and its left:
///
/// ```text
/// t(k + 1, r) = max(t(k, r), t(k, r - 1)) + cost
/// ```
///
/// After N - 1 rounds that is the latest of all N plus N - 1 costs, on every rank; so the rest takes N - 1 costs more.
fn even_ring(bytes: usize, clocks: &mut [Clock], network: &Network) {
    let (message, reduction) = (network.model.message(bytes), network.model.reduction(bytes));
    let end = latest(clocks) + (clocks.len() - 1) as f64 * (2.0 * message + reduction);
    clocks.iter_mut().for_each(|clock| clock.reach(end));
}

/// When the last rank is free.
pub(super) fn latest(clocks: &[Clock]) -> f64 {
    clocks.iter().map(|clock| clock.now).fold(0.0, f64::max)
}
