//! Reinforcement learning.

mod dqn;
mod env;
mod evaluation;
mod replay;
