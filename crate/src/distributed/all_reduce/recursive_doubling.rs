use crate::distributed::schedule::{Round, Step};

/// Ranks exchange all they have with a partner at distance 1, then 2, 4, …: each time they know the sum of twice as many.
///
/// log₂ N rounds, the fewest there can be; each carries all numbers. Where N is no power of two, the ranks beyond it hand
/// their numbers to a neighbour before, and get the sum after.
pub(super) fn rounds(rank: usize, size: usize, len: usize) -> Vec<Round> {
    with_power_of_two(rank, size, len, |place, places, rank_of| {
        let distances = (0..places.trailing_zeros()).map(|k| 1 << k);
        let round = |distance: usize| {
            let peer = rank_of(place ^ distance);
            vec![Step::Send { to: peer, range: 0..len }, Step::Add { from: peer, range: 0..len }]
        };
        distances.map(round).collect()
    })
}

/// The rounds of an algorithm for a power of two of places, for any number of ranks.
///
/// Of the first 2 (N - N') ranks the even ones take no place: they send their numbers to the odd one beside them, and get the
/// sum from it in the end. `rounds` is given a place, their number, and which rank is at a place.
pub(super) fn with_power_of_two(
    rank: usize,
    size: usize,
    len: usize,
    rounds: impl Fn(usize, usize, &dyn Fn(usize) -> usize) -> Vec<Round>,
) -> Vec<Round> {
    let places = (size + 1).next_power_of_two() / 2;
    let extra = size - places;
    let rank_of = |place: usize| if place < extra { 2 * place + 1 } else { place + extra };
    if rank >= 2 * extra {
        return rounds(rank - extra, places, &rank_of);
    }
    let all = || 0..len;
    if rank.is_multiple_of(2) {
        return vec![
            vec![Step::Send { to: rank + 1, range: all() }],
            vec![Step::Receive { from: rank + 1, range: all() }],
        ];
    }
    let mut with_neighbour = vec![vec![Step::Add { from: rank - 1, range: all() }]];
    with_neighbour.extend(rounds(rank / 2, places, &rank_of));
    with_neighbour.push(vec![Step::Send { to: rank - 1, range: all() }]);
    with_neighbour
}
