//! Training on several machines at once: ranks that exchange messages, and how they learn together.
//!
//! A function that trains takes a `&Arc<dyn Communicator>`. [`cluster`] runs it on threads of one program, counts its messages
//! and keeps a virtual clock; the package `candlelight-mpi` runs it on processes.

mod all_reduce;
mod cluster;
mod collective;
mod communicator;
mod cost;
mod data_parallel;
mod pipeline;
mod point_to_point;
mod sampler;
pub mod schedule;
mod sync_batch_norm;
mod tensor_parallel;
mod values;

pub use all_reduce::Algorithm;
pub use cluster::{ClusterConfig, ClusterRun, Slowdown, cluster, cluster_with};
pub use collective::AllReduce;
pub use communicator::{Buffer, Communicator, Counts, Done, Pending, Source, Transfer};
pub use cost::CostModel;
pub use data_parallel::{DataParallel, DataParallelConfig};
pub use pipeline::Pipeline;
pub use point_to_point::{MAX_TAG, Received, Request};
pub use sampler::{ShardedBatches, ShardedSampler};
pub use sync_batch_norm::SyncBatchNorm;
pub use tensor_parallel::{ColumnParallelLinear, RowParallelLinear, sum_backward, sum_forward};
pub use values::{Element, Reduction, Values};
