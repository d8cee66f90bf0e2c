//! What MPI brings itself.

use candlelight::distributed::{Element, Reduction};
use candlelight::{Error, Result};

use crate::ffi::{self, Channel};
use crate::job;

/// MPI's own all-reduce, in place of `all_reduce`: to be compared with. It waits without a deadline, and sees no
/// interrupt. Only inside of [`run`](crate::run).
///
/// # Errors
/// Outside of `run`, or what MPI reports.
pub fn native_all_reduce<T: Element>(values: &mut [T], op: Reduction) -> Result<()> {
    let Some(world) = job::running() else {
        return Err(Error::setting("native_all_reduce", "called inside of candlelight_mpi::run", "a call outside"));
    };
    let op = match op {
        Reduction::Sum => 0,
        Reduction::Max => 1,
        Reduction::Min => 2,
    };
    // SAFETY: the slice is borrowed alone for the call, which does not return before MPI is done.
    let done = unsafe { ffi::mpi().all_reduce(Channel::of(T::DTYPE), values.as_mut_ptr().cast(), values.len(), op) };
    done.map_err(|code| world.transport("native_all_reduce", code))
}
