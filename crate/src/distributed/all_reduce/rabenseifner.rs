use super::recursive_doubling::with_power_of_two;
use crate::distributed::schedule::{Round, Step, chunk};

/// Partners at distance N/2, N/4, … each give away half of what they still add up; in the end each has the sum of 1/N of the
/// numbers. The same way back, what they know doubles.
///
/// 2 log₂ N rounds, and as few bytes as the ring: for powers of two the best of both. Rabenseifner (2004), "Optimization of
/// Collective Reduction Operations", section 4.
pub(super) fn rounds(rank: usize, size: usize, len: usize) -> Vec<Round> {
    with_power_of_two(rank, size, len, |place, places, rank_of| {
        // Pieces from `low` until `high` are still this rank's.
        let (mut low, mut high) = (0, places);
        let range = |low: usize, high: usize| chunk(low, places, len).start..chunk(high - 1, places, len).end;
        let (mut halving, mut doubling) = (Vec::new(), Vec::new());
        for distance in (0..places.trailing_zeros()).rev().map(|k| 1 << k) {
            let (peer, middle) = (rank_of(place ^ distance), (low + high) / 2);
            let (mine, theirs) = match place & distance {
                0 => (low..middle, middle..high),
                _ => (middle..high, low..middle),
            };
            (low, high) = (mine.start, mine.end);
            let (mine, theirs) = (range(mine.start, mine.end), range(theirs.start, theirs.end));
            halving.push(vec![
                Step::Send { to: peer, range: theirs.clone() },
                Step::Add { from: peer, range: mine.clone() },
            ]);
            doubling.push(vec![Step::Send { to: peer, range: mine }, Step::Receive { from: peer, range: theirs }]);
        }
        halving.extend(doubling.into_iter().rev());
        halving
    })
}
