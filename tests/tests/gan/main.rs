//! The suite of `candlelight::gan`.

mod average;
mod loss;
mod penalty;
mod step;
