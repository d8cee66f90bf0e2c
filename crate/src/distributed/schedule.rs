//! A collective operation as a list of rounds: which rank sends which numbers to whom, and what is done with those that come.
//!
//! An algorithm is a function from (rank, size, length) to such a list. So it can be read, counted and simulated without
//! sending anything, and one executor runs them all, blocking or not. Hoefler, Lumsdaine and Rehm (2007), "Implementation and
//! Performance Analysis of Non-Blocking Collective Operations for MPI", section 3.

use std::ops::Range;

/// One message of a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Numbers go to a rank.
    Send {
        /// The rank.
        to: usize,
        /// Which of them.
        range: Range<usize>,
    },
    /// Numbers of a rank replace those here.
    Receive {
        /// The rank.
        from: usize,
        /// Which of them.
        range: Range<usize>,
    },
    /// Numbers of a rank are added to those here, or joined with them otherwise.
    Add {
        /// The rank.
        from: usize,
        /// Which of them.
        range: Range<usize>,
    },
}

/// Messages that travel at the same time. The next round of a rank begins when all of its own have arrived.
pub type Round = Vec<Step>;

/// The `part`-th of `parts` pieces of `len` numbers, which differ in length by at most 1.
pub fn chunk(part: usize, parts: usize, len: usize) -> Range<usize> {
    part * len / parts..(part + 1) * len / parts
}

/// ⌈log₂ n⌉, for n of at least 1.
pub fn log2_ceil(n: usize) -> usize {
    n.next_power_of_two().trailing_zeros() as usize
}

/// Binomial tree: the sum of all ranks comes to `root`, in ⌈log₂ N⌉ rounds.
pub(super) fn reduce(rank: usize, size: usize, len: usize, root: usize) -> Vec<Round> {
    let place = (rank + size - root) % size;
    let peer = |place: usize| (place + root) % size;
    let mut rounds = Vec::new();
    for distance in (0..log2_ceil(size)).map(|k| 1 << k) {
        if place & distance != 0 {
            rounds.push(vec![Step::Send { to: peer(place - distance), range: 0..len }]);
            break;
        }
        if place + distance < size {
            rounds.push(vec![Step::Add { from: peer(place + distance), range: 0..len }]);
        }
    }
    rounds
}

/// Binomial tree: the numbers of `root` come to all ranks, in ⌈log₂ N⌉ rounds.
pub(super) fn broadcast(rank: usize, size: usize, len: usize, root: usize) -> Vec<Round> {
    let mirrored = |step| match step {
        Step::Send { to, range } => Step::Receive { from: to, range },
        Step::Receive { from, range } | Step::Add { from, range } => Step::Send { to: from, range },
    };
    // The way of the sum, backwards.
    let rounds = reduce(rank, size, len, root).into_iter().rev();
    rounds.map(|round| round.into_iter().map(mirrored).collect()).collect()
}

/// Ring: of the sum of all ranks each gets its [`chunk`], in N - 1 rounds of 1/N of the numbers.
pub(super) fn reduce_scatter(rank: usize, size: usize, len: usize) -> Vec<Round> {
    let (right, left) = ((rank + 1) % size, (rank + size - 1) % size);
    let part = |back: usize| chunk((rank + 2 * size - back) % size, size, len);
    (1..size)
        .map(|k| vec![Step::Send { to: right, range: part(k) }, Step::Add { from: left, range: part(k + 1) }])
        .collect()
}

/// Ring: the [`chunk`] of each rank comes to all, in N - 1 rounds of 1/N of the numbers.
pub(super) fn all_gather(rank: usize, size: usize, len: usize) -> Vec<Round> {
    let (right, left) = ((rank + 1) % size, (rank + size - 1) % size);
    let part = |back: usize| chunk((rank + size - back) % size, size, len);
    let round = |k| vec![Step::Send { to: right, range: part(k) }, Step::Receive { from: left, range: part(k + 1) }];
    (0..size - 1).map(round).collect()
}

/// Dissemination: nobody is through before all have come, in ⌈log₂ N⌉ rounds of empty messages. Hensgen, Finkel and Manber
/// (1988).
pub(super) fn barrier(rank: usize, size: usize) -> Vec<Round> {
    let distances = (0..log2_ceil(size)).map(|k| 1 << k);
    let round = |distance: usize| {
        let (to, from) = ((rank + distance) % size, (rank + size - distance) % size);
        vec![Step::Send { to, range: 0..0 }, Step::Receive { from, range: 0..0 }]
    };
    distances.map(round).collect()
}
