//! Why ranks could not work together: each case names the rank that noticed, the operation, and the rank it is about.

use candle_core::DType;

/// Why a rank could not exchange what it had to exchange with others.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CommunicationError {
    /// Ranks did not answer before the deadline.
    #[error("rank {rank} waited {seconds:.1} s in {operation}: {} silent", list(.peers))]
    Silent {
        /// The rank that waited.
        rank: usize,
        /// What it did.
        operation: &'static str,
        /// Those that gave no sign of life: that it waited for, or that those waited for.
        peers: Vec<usize>,
        /// How long it waited.
        seconds: f64,
    },
    /// A rank has ended: it returned, failed, panicked or was killed.
    #[error("rank {rank} waited {seconds:.1} s in {operation}: rank {peer} is gone ({reason})")]
    Gone {
        /// The rank that waited.
        rank: usize,
        /// What it did.
        operation: &'static str,
        /// The rank that has ended.
        peer: usize,
        /// How long it waited.
        seconds: f64,
        /// Why it ended, as far as is known.
        reason: String,
    },
    /// Every rank waits for another one, and nothing is on its way.
    #[error("rank {rank} cannot go on in {operation}, for all ranks wait: {waits}")]
    Deadlock {
        /// The rank that noticed.
        rank: usize,
        /// What it did.
        operation: &'static str,
        /// Who waits for whom.
        waits: String,
    },
    /// A message is not of the expected length or dtype.
    #[error(
        "rank {rank} expected {expected} numbers {expected_dtype:?} of rank {peer} in {operation}, got {actual} {actual_dtype:?}"
    )]
    Message {
        /// The rank that received it.
        rank: usize,
        /// What it did.
        operation: &'static str,
        /// The rank that sent it.
        peer: usize,
        /// How many numbers were expected.
        expected: usize,
        /// Their dtype.
        expected_dtype: DType,
        /// How many there were.
        actual: usize,
        /// Their dtype.
        actual_dtype: DType,
    },
    /// There is no rank of that number.
    #[error("rank {rank} named rank {peer} in {operation}, expected one below {size}, another than itself")]
    NoRank {
        /// The rank that asked.
        rank: usize,
        /// What it did.
        operation: &'static str,
        /// The rank that was named.
        peer: usize,
        /// How many ranks there are.
        size: usize,
    },
    /// What carries the messages failed.
    #[error("rank {rank} failed in {operation}: {problem}")]
    Transport {
        /// The rank that noticed.
        rank: usize,
        /// What it did.
        operation: &'static str,
        /// What was reported.
        problem: String,
    },
}

fn list(ranks: &[usize]) -> String {
    match ranks {
        [rank] => format!("rank {rank} is"),
        ranks => {
            let ranks: Vec<String> = ranks.iter().map(usize::to_string).collect();
            format!("ranks {} are", ranks.join(", "))
        }
    }
}
