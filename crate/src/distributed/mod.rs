//! Training on several machines at once: ranks that exchange messages, and how they learn together.
//!
//! A function that trains takes a `&Arc<dyn Communicator>`. [`cluster`] runs it on threads of one program, counts its messages
//! and keeps a virtual clock; the package `candlelight-mpi` runs it on processes. [`simulate`] counts the seconds of the same
//! exchanges without running them, for thousands of workers.

mod all_reduce;
pub mod checkpoint;
mod cluster;
mod collective;
mod communicator;
mod cost;
mod data_parallel;
mod delay;
mod flat;
mod local_sgd;
mod parameter_server;
mod pipeline;
mod point_to_point;
mod sampler;
pub mod schedule;
mod scratch;
mod simulation;
mod sync_batch_norm;
mod tensor_parallel;
mod top_k;
mod values;

pub use all_reduce::Algorithm;
pub use cluster::{ClusterConfig, ClusterRun, Slowdown, cluster, cluster_with};
pub use collective::AllReduce;
pub use communicator::{Buffer, Communicator, Counts, Done, Pending, Source, Transfer};
pub use cost::CostModel;
pub use data_parallel::{DataParallel, DataParallelConfig};
pub use delay::{delay_growth, delay_limit};
pub use local_sgd::LocalSgd;
pub use parameter_server::{Consistency, Served, ServerConfig, ServerUpdate, Worker, serve};
pub use pipeline::Pipeline;
pub use point_to_point::{MAX_TAG, Received, Request};
pub use sampler::{ShardedBatches, ShardedSampler};
pub use simulation::{Exchange, Simulation, SimulationConfig, critical_batch_steps, server_saturation, simulate};
pub use sync_batch_norm::SyncBatchNorm;
pub use tensor_parallel::{ColumnParallelLinear, RowParallelLinear, sum_backward, sum_forward};
pub use top_k::TopK;
pub use values::{Element, Reduction, Values};
