//! What a message costs, as a model.

use candlelight_base::range;

use crate::Result;

/// The α–β–γ model of a network: what the virtual clock of a [`cluster`](super::cluster) counts.
///
/// ```text
/// seconds of a message of n bytes = α + β n        of adding up n received bytes = γ n
/// ```
///
/// A rank sends one message and receives one at a time, in both directions at once. Hockney (1994); Thakur, Rabenseifner and
/// Gropp (2005), "Optimization of Collective Communication Operations in MPICH", section 3.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CostModel {
    /// α: seconds from the start of a message to its first byte; at least 0, default 50 µs, a data centre's TCP.
    pub latency: f64,
    /// β: seconds a byte; at least 0, default 1 ns, which is 1 GB/s.
    pub seconds_per_byte: f64,
    /// γ: seconds to add up a byte; at least 0, default 0.1 ns.
    pub seconds_per_reduced_byte: f64,
    /// Seconds that a look at a request takes which is not yet done; above 0, default 1 µs.
    pub poll: f64,
}

impl Default for CostModel {
    fn default() -> Self {
        Self { latency: 50e-6, seconds_per_byte: 1e-9, seconds_per_reduced_byte: 1e-10, poll: 1e-6 }
    }
}

impl CostModel {
    /// Seconds that a message of `bytes` takes.
    pub fn message(&self, bytes: usize) -> f64 {
        self.latency + self.seconds_per_byte * bytes as f64
    }

    /// Seconds that adding up `bytes` takes.
    pub fn reduction(&self, bytes: usize) -> f64 {
        self.seconds_per_reduced_byte * bytes as f64
    }

    pub(super) fn check(&self) -> Result<()> {
        range::not_negative("latency", self.latency)?;
        range::not_negative("seconds_per_byte", self.seconds_per_byte)?;
        range::not_negative("seconds_per_reduced_byte", self.seconds_per_reduced_byte)?;
        range::positive("poll", self.poll)
    }
}
