//! Metrics: of predictions, and of what a generator makes.

mod generative;
mod scores;
