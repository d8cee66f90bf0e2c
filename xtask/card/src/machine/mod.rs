//! The card itself: kernels as steps, and what carries them out.

mod access;
mod block;
mod launch;
mod program;
mod thread;
mod value;
mod warp;
pub(crate) mod work;

#[cfg(test)]
pub(crate) use launch::Fault;
pub(crate) use launch::{Launch, run};
pub(crate) use program::{
    Barrier, Code, Parameter, Place, Program, Slot, Step, Warp, Work, bits, own, own_slots, step, window,
};
