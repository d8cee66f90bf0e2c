//! The sum of all ranks, on all ranks: five ways, and what they cost.

mod flat;
mod rabenseifner;
mod recursive_doubling;
mod ring;
mod tree;

use super::CostModel;
use super::schedule::{Round, log2_ceil};

/// How an all-reduce is done. For N ranks and n bytes:
///
/// | | rounds | bytes that a rank sends, at most | seconds |
/// |---|--:|--:|---|
/// | flat | 2 (N - 1) | (N - 1) n | 2 (N - 1)(α + β n) + γ n |
/// | tree | 2 ⌈log₂ N⌉ | ⌈log₂ N⌉ n | 2 ⌈log₂ N⌉ (α + β n) + ⌈log₂ N⌉ γ n |
/// | ring | 2 (N - 1) | 2 n (N - 1)/N | 2 (N - 1)(α + β n/N) + γ n (N - 1)/N |
/// | recursive doubling | log₂ N | n log₂ N | log₂ N (α + β n + γ n) |
/// | Rabenseifner | 2 log₂ N | 2 n (N - 1)/N | 2 α log₂ N + 2 β n (N - 1)/N + γ n (N - 1)/N |
///
/// The last two are for powers of two; for other N they take N - N' ranks in by a round before and one after, N' being the
/// power of two below. There, and for the tree, the seconds are at most those. All ranks get the same bits; they differ from those of another algorithm by rounding.
///
/// Thakur, Rabenseifner and Gropp (2005), "Optimization of Collective Communication Operations in MPICH", section 4.5; for
/// the ring Patarasu and Yuan (2009).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Rank 0 receives from all, one after another, and answers each.
    Flat,
    /// Up a binomial tree and down again: what is often called O(log N).
    Tree,
    /// Pieces go round a ring, twice.
    Ring,
    /// Partners at distances 1, 2, 4, … exchange all they have.
    RecursiveDoubling,
    /// Partners halve what they add up, then double what they know.
    Rabenseifner,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Flat, Self::Tree, Self::Ring, Self::RecursiveDoubling, Self::Rabenseifner];

    /// The usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Tree => "tree",
            Self::Ring => "ring",
            Self::RecursiveDoubling => "recursive doubling",
            Self::Rabenseifner => "Rabenseifner",
        }
    }

    /// The messages of one rank, for `len` numbers.
    pub fn rounds(self, rank: usize, size: usize, len: usize) -> Vec<Round> {
        match self {
            Self::Flat => flat::rounds(rank, size, len),
            Self::Tree => tree::rounds(rank, size, len),
            Self::Ring => ring::rounds(rank, size, len),
            Self::RecursiveDoubling => recursive_doubling::rounds(rank, size, len),
            Self::Rabenseifner => rabenseifner::rounds(rank, size, len),
        }
    }

    /// What is taken unless another is asked for, as MPI libraries choose: recursive doubling up to 10 kB, then Rabenseifner's
    /// for a power of two of ranks and the ring for others. See [`Algorithm::fastest`] for a choice by a model.
    pub fn usual(size: usize, bytes: usize) -> Self {
        match bytes {
            0..=10_000 => Self::RecursiveDoubling,
            _ if size.is_power_of_two() => Self::Rabenseifner,
            _ => Self::Ring,
        }
    }

    /// The one that the model says is done first.
    pub fn fastest(model: &CostModel, size: usize, bytes: usize) -> Self {
        let seconds = |algorithm: &Self| algorithm.seconds(model, size, bytes);
        Self::ALL.into_iter().min_by(|a, b| seconds(a).total_cmp(&seconds(b))).unwrap_or(Self::Tree)
    }

    /// Seconds by the table above, for `bytes` that the ranks divide evenly.
    pub fn seconds(self, model: &CostModel, size: usize, bytes: usize) -> f64 {
        if size < 2 {
            return 0.0;
        }
        let &CostModel { latency: alpha, seconds_per_byte: beta, seconds_per_reduced_byte: gamma, .. } = model;
        let (n, bytes) = (size as f64, bytes as f64);
        // Of the power of two below, and the rounds around it.
        let below = (size + 1).next_power_of_two() / 2;
        let (log, part) = (below.ilog2() as f64, (below as f64 - 1.0) / below as f64);
        let around = if below == size { 0.0 } else { 2.0 * (alpha + beta * bytes) + gamma * bytes };
        match self {
            Self::Flat => 2.0 * (n - 1.0) * (alpha + beta * bytes) + gamma * bytes,
            Self::Tree => log2_ceil(size) as f64 * (2.0 * (alpha + beta * bytes) + gamma * bytes),
            Self::Ring => 2.0 * (n - 1.0) * (alpha + beta * bytes / n) + gamma * bytes * (n - 1.0) / n,
            Self::RecursiveDoubling => around + log * (alpha + beta * bytes + gamma * bytes),
            Self::Rabenseifner => around + 2.0 * alpha * log + (2.0 * beta + gamma) * bytes * part,
        }
    }
}
