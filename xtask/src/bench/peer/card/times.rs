//! What was measured of a workload.

use super::super::row::Measured;

/// Whose steps are timed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whose {
    /// Candlelight's on the card.
    Card,
    /// PyTorch's on the card.
    Torch,
    /// Candlelight's on the CPU.
    Cpu,
}

/// Which losses of a spell are read.
pub const READINGS: [&str; 2] = ["each", "end"];

/// The times of one program.
pub struct Times {
    pub whose: Whose,
    pub variant: &'static str,
    pub read: &'static str,
    pub measured: Measured,
}

/// What was measured of a workload.
pub struct Measurements {
    pub times: Vec<Times>,
    /// The largest relative difference between candlelight's results on the card and PyTorch's.
    pub difference: f64,
    /// How many cores other processes kept busy on average, beside the program that they disturbed most.
    pub others: Option<f64>,
    /// Whether that was so much that the times say nothing.
    pub disturbed: bool,
}
