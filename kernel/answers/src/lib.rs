//! What the kernel answers about a cell: why it failed, whether it is complete, where its words are.
//!
//! All that needs neither evcxr nor Jupyter's sockets, so that it is checked and tested with the packages of the workspace:
//! `kernel/program`, which takes minutes to compile, only hands over what it is told.

pub mod compiler;
pub mod failure;
pub mod own;
pub mod run;
pub mod text;
