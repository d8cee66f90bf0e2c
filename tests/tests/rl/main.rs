//! Reinforcement learning.

mod env;
