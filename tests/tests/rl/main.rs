//! Reinforcement learning.

mod bandit;
mod discretized;
mod dqn;
mod env;
mod evaluation;
mod exact;
mod picture;
mod policy;
mod replay;
mod semantics;
mod tabular;

/// What the error says.
fn message<T>(result: candlelight::Result<T>) -> String {
    result.err().expect("an error").to_string()
}
