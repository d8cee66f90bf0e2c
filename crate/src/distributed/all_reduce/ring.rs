use crate::distributed::schedule::{Round, all_gather, reduce_scatter};

/// Each rank passes a piece to its right and adds what comes from its left, N - 1 times: then each has the sum of one piece.
/// The sums go round the same way.
///
/// 2 (N - 1) rounds of 1/N of the numbers: hardly more bytes than the numbers have, twice, for any N. Patarasu and Yuan
/// (2009), "Bandwidth optimal all-reduce algorithms for clusters of workstations", section 3.
pub(super) fn rounds(rank: usize, size: usize, len: usize) -> Vec<Round> {
    let mut rounds = reduce_scatter(rank, size, len);
    rounds.extend(all_gather(rank, size, len));
    rounds
}
