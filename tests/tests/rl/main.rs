//! Reinforcement learning.

mod env;
mod picture;
mod semantics;
