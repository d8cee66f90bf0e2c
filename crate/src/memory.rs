//! What does not fit into memory is refused: an allocation that fails would end the process.

use std::sync::OnceLock;

use crate::{Error, Result};

/// Bytes that every machine has.
const SMALL: u128 = 1 << 28;

/// Refuses a list of `dims` elements of `size` bytes each that exceeds this machine's memory, or what its allocator gives at
/// present. (Linux gives more than there is, if it is asked for in parts.)
pub(crate) fn check(what: &str, dims: &[usize], size: usize) -> Result<()> {
    let bytes = dims.iter().fold(size as u128, |bytes, &dim| bytes.saturating_mul(dim as u128));
    if bytes <= SMALL || dims.contains(&0) {
        return Ok(());
    }
    let fits = usize::try_from(bytes)
        .is_ok_and(|bytes| bytes <= installed() && Vec::<u8>::new().try_reserve_exact(bytes).is_ok());
    if fits { Ok(()) } else { Err(Error::Memory { what: what.to_owned(), bytes }) }
}

/// Bytes of memory in this machine, or as many as can be asked for where that is not known.
fn installed() -> usize {
    static INSTALLED: OnceLock<usize> = OnceLock::new();
    *INSTALLED.get_or_init(|| reported().filter(|&bytes| bytes > 0).unwrap_or(isize::MAX as usize))
}

/// What the system says of its memory.
#[cfg(unix)]
#[allow(unsafe_code)]
fn reported() -> Option<usize> {
    // SAFETY: asks for two numbers.
    let (pages, size) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    usize::try_from(pages).ok()?.checked_mul(usize::try_from(size).ok()?)
}

#[cfg(not(unix))]
fn reported() -> Option<usize> {
    None
}
