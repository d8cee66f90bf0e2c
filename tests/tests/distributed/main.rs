//! Ranks and their messages.

mod cluster;
mod collective;
mod data_parallel;
mod overlap;
mod sampler;
