//! Ranks and their messages.

mod checkpoint;
mod cluster;
mod collective;
mod data_parallel;
mod overlap;
mod pipeline;
mod sampler;
mod simulation;
mod sync_batch_norm;
mod tensor_parallel;
