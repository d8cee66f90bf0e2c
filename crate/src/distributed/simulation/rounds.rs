//! The rounds of a collective operation, on the clocks of its ranks.

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
    // Of each rank those that it has not received: from whom, when they left, what they cost.
    let mut messages: Vec<Vec<(usize, f64, f64)>> = vec![Vec::new(); schedule.len()];
    let mut ready: Vec<usize> = (0..schedule.len()).rev().collect();
    while let Some(rank) = ready.pop() {
        let (place, clock) = (&mut places[rank], &mut clocks[rank]);
        'rounds: while let Some(round) = schedule[rank].get(place.round) {
            if !place.sent {
                for step in round {
                    if let Step::Send { to, range } = step {
                        let cost = network.cost(rank, BYTES * range.len());
                        messages[*to].push((rank, clock.send(cost), cost));
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
                let Some(first) = messages[rank].iter().position(|message| message.0 == from) else {
                    break 'rounds;
                };
                let (_, left, cost) = messages[rank].remove(first);
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

/// The ring all-reduce, round by round.
///
/// All ranks send to their right, then all receive. When a round is over, the ways of a rank are free and its clock is not
/// behind: a message leaves when its sender is there.
pub(super) fn ring(numbers: usize, clocks: &mut [Clock], network: &mut Network) {
    let size = clocks.len();
    if numbers.is_multiple_of(size) && network.jitter == 0.0 {
        return even_ring(BYTES * numbers / size, clocks, network);
    }
    // Of each piece, twice in a row: a round takes them from some place on.
    let bytes: Vec<usize> = (0..2 * size).map(|part| BYTES * chunk(part % size, size, numbers).len()).collect();
    let reductions: Vec<f64> = bytes.iter().map(|&bytes| network.model.reduction(bytes)).collect();
    let mut costs: Vec<f64> = bytes.iter().map(|&bytes| network.model.message(bytes)).collect();
    let mut now: Vec<f64> = clocks.iter().map(|clock| clock.now).collect();
    let (mut way_in, mut next) = (vec![0.0; size], vec![0.0; size]);
    for round in 0..2 * (size - 1) {
        // In the first half pieces are added up; in the second the sums go round.
        let (adds, back) = if round < size - 1 { (1.0, round + 1) } else { (0.0, round + 1 - size) };
        let first = (2 * size - back) % size;
        if network.jitter > 0.0 {
            (0..size).for_each(|rank| costs[first + rank] = network.cost(rank, bytes[first + rank]));
        }
        let (cost, reduction) = (&costs[first..][..size], &reductions[first..][..size]);
        let receive = |rank: usize, from: usize, way_in: &mut f64| {
            *way_in = larger(now[from], *way_in) + cost[from];
            larger(now[rank] + cost[rank], *way_in) + adds * reduction[from]
        };
        next[0] = receive(0, size - 1, &mut way_in[0]);
        for rank in 1..size {
            next[rank] = receive(rank, rank - 1, &mut way_in[rank]);
        }
        std::mem::swap(&mut now, &mut next);
    }
    clocks.iter_mut().zip(now).for_each(|(clock, now)| clock.reach(now));
}

/// As `f64::max`, but one instruction: no number here is NaN.
fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
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
