//! The suite of `candlelight::gan`.

mod loss;
mod penalty;
mod step;
