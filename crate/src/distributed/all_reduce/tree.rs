use crate::distributed::schedule::{Round, broadcast, reduce};

/// The sum comes to rank 0 along a binomial tree, and back to all along the same.
///
/// 2 ⌈log₂ N⌉ rounds; each carries all numbers, so that only the latency is "O(log N)" at a bearable factor: the time for the
/// bytes grows as log N too, where a ring's does not.
pub(super) fn rounds(rank: usize, size: usize, len: usize) -> Vec<Round> {
    let mut rounds = reduce(rank, size, len, 0);
    rounds.extend(broadcast(rank, size, len, 0));
    rounds
}
