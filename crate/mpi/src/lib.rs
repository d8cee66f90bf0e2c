//! Ranks that are processes, on one machine or many: [`Communicator`] over MPI.
//!
//! What runs on threads in a [`cluster`](candlelight::distributed::cluster) runs here as it is:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! fn main() -> ExitCode {
//!     candlelight_mpi::run(|comm| {
//!         let mut values = vec![comm.rank() as f32; 10];
//!         comm.all_reduce(&mut values)?;
//!         println!("rank {} of {}: {}", comm.rank(), comm.size(), values[0]);
//!         Ok(())
//!     })
//! }
//! ```
//!
//! `cargo xtask mpi -n 4 hello` builds and starts such a program, an example of this package, with an MPI that it brings.
//! `docs/distributed.md` says how to start one on several machines.
//!
//! # A rank that fails
//! One that returns an error, panics or exits says so in one line that begins with `rank R:`, and ends the whole job, which
//! is what MPI knows to do. A rank that is killed ends it too. For one that is stopped or in an endless loop the others wait
//! for the deadline (5 s), and then ask each other who is alive: the error names those who do not answer. Training goes on from
//! the newest [`checkpoint`](candlelight::distributed::checkpoint), with `cargo xtask mpi --restarts 3` by itself.

#![allow(unsafe_code)] // Only where MPI is called; each block says why it is sound.

mod ffi;
mod job;
mod liveness;
mod native;
mod orphan;
mod ranks;
mod transfers;
mod world;

#[cfg(doc)]
use candlelight::distributed::Communicator;

pub use job::{Config, run, run_with, shrink, version};
pub use native::native_all_reduce;
