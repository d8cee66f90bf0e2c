//! The library itself, and its handles.

use super::status::{Outcome, Status, finish, give};
use super::table::Table;

/// 9.10.0.
const VERSION: usize = 91000;

static LIBRARIES: Table<()> = Table::new("handle of the library");

/// Whether a handle is one of the library's.
pub(super) fn check(handle: usize) -> Outcome {
    LIBRARIES.get(handle)
}

#[unsafe(no_mangle)]
extern "C" fn cudnnGetVersion() -> usize {
    VERSION
}

/// # Safety
///
/// `handle` is null or points to room for a handle.
#[unsafe(no_mangle)]
unsafe extern "C" fn cudnnCreate(handle: *mut usize) -> Status {
    // SAFETY: by the caller.
    finish("cudnnCreate", unsafe { give(handle, LIBRARIES.insert(())) })
}

#[unsafe(no_mangle)]
extern "C" fn cudnnDestroy(handle: usize) -> Status {
    finish("cudnnDestroy", LIBRARIES.remove(handle))
}

/// All is done when a call returns, so it does not matter in which stream.
#[unsafe(no_mangle)]
extern "C" fn cudnnSetStream(handle: usize, _stream: usize) -> Status {
    finish("cudnnSetStream", check(handle))
}
