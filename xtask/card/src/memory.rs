//! Device memory: memory of the host, with a list of what is allocated.

use std::alloc::{Layout, alloc, dealloc};
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// As the driver aligns what it allocates.
const ALIGN: usize = 256;
/// What fresh memory is filled with: as a float it is not a number, so that reading what nobody wrote shows.
const FRESH: u8 = 0xff;
/// The memory that the card says it has, in bytes.
pub(crate) const TOTAL: usize = 16 << 30;

/// What is allocated: address and size.
#[derive(Debug, Default)]
pub(crate) struct Live(BTreeMap<u64, usize>);

static LIVE: RwLock<Live> = RwLock::new(Live(BTreeMap::new()));

/// What is allocated, for reading: a kernel holds this while it runs, so that nothing is freed meanwhile.
pub(crate) fn live() -> RwLockReadGuard<'static, Live> {
    LIVE.read().unwrap_or_else(PoisonError::into_inner)
}

fn change() -> RwLockWriteGuard<'static, Live> {
    LIVE.write().unwrap_or_else(PoisonError::into_inner)
}

impl Live {
    /// Beginning and end of the allocation in which an address lies.
    pub(crate) fn around(&self, address: u64) -> Option<(u64, u64)> {
        let (&start, &size) = self.0.range(..=address).next_back()?;
        let end = start + size as u64;
        (address < end).then_some((start, end))
    }

    /// Whether `size` bytes at an address lie in one allocation.
    pub(crate) fn holds(&self, address: u64, size: usize) -> bool {
        size == 0 || self.around(address).is_some_and(|(_, end)| size as u64 <= end - address)
    }

    /// Bytes allocated.
    pub(crate) fn used(&self) -> usize {
        self.0.values().sum()
    }
}

fn layout(size: usize) -> Option<Layout> {
    Layout::from_size_align(size, ALIGN).ok()
}

/// Allocates; `None` if there is no room.
pub(crate) fn allocate(size: usize) -> Option<u64> {
    let layout = layout(size)?;
    if size == 0 || size > TOTAL {
        return None;
    }
    // SAFETY: the size is not 0.
    let start = unsafe { alloc(layout) };
    if start.is_null() {
        return None;
    }
    // SAFETY: `size` bytes were just allocated there.
    unsafe { start.write_bytes(FRESH, size) };
    change().0.insert(start as u64, size);
    Some(start as u64)
}

/// Frees what begins at an address; `false` if nothing does.
pub(crate) fn free(address: u64) -> bool {
    let Some(size) = change().0.remove(&address) else {
        return false;
    };
    if let Some(layout) = layout(size) {
        // SAFETY: it was allocated with this layout, and is no more on the list, so nobody else frees it.
        unsafe { dealloc(address as *mut u8, layout) };
    }
    true
}
