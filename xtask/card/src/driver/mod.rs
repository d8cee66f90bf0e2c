//! The functions of `libcuda.so.1`.
//!
//! Handles are numbers. Streams and events need no more than that: what is asked for is done when the call returns.

mod assembler;
mod context;
mod copy;
mod device;
mod error;
mod function;
pub(crate) mod store;
mod stream;
