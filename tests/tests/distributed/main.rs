//! Ranks and their messages.

mod cluster;
mod collective;
mod data_parallel;
mod overlap;
mod pipeline;
mod sampler;
mod sync_batch_norm;
mod tensor_parallel;
