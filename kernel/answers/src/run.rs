//! What became of a cell, as far as the host saw it.

use candlelight_protocol::stream::Place;

/// What became of a cell, as far as the host saw it.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// Where the cell's own thread panicked, or else another.
    pub panic: Option<Place>,
    /// Whether the cell ended with a panic.
    pub panicked: bool,
    /// Where a `?` returned.
    pub early: Option<Place>,
    /// Whether one did.
    pub returned: bool,
    /// Whether the cell was not run because it had been interrupted.
    pub refused: bool,
    /// How often the reader interrupted it.
    pub interrupts: usize,
    /// How the process ended, if it did.
    pub ended: Option<String>,
}
