//! PTX, the text in which kernels come: from text to [`Program`](crate::machine::Program).
//!
//! Source: NVIDIA, "Parallel Thread Execution ISA", version 9.0. A module is scanned once for what it holds; a kernel is decoded when
//! it is asked for, so that an instruction nobody knows here matters only in kernels that have it.

mod alter;
mod body;
mod control;
mod decode;
mod lower;
mod module;
mod names;
mod operand;
mod token;
mod transfer;
mod types;
mod variable;

pub(crate) use decode::decode;
pub(crate) use module::Module;
pub(crate) use types::Type;
pub(crate) use variable::Space;
