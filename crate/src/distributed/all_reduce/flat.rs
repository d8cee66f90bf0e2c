use crate::distributed::schedule::{Round, Step};

/// Rank 0 adds up what the others send it, one after another, and sends each the sum.
///
/// Its own way in and out is the bottleneck: 2 (N - 1) messages of all numbers. A parameter server has the same.
pub(super) fn rounds(rank: usize, size: usize, len: usize) -> Vec<Round> {
    let all = || 0..len;
    match rank {
        0 => {
            let gather = (1..size).map(|from| vec![Step::Add { from, range: all() }]);
            let answer = (1..size).map(|to| vec![Step::Send { to, range: all() }]);
            gather.chain(answer).collect()
        }
        _ => vec![vec![Step::Send { to: 0, range: all() }], vec![Step::Receive { from: 0, range: all() }]],
    }
}
