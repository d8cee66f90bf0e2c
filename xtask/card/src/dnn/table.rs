//! What was made and not yet destroyed, by its handle.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::status::{Outcome, bad};

/// All of one kind. A handle is a number, not an address: one that was not given, or is of another kind, is not found.
#[derive(Debug)]
pub(super) struct Table<T> {
    kind: &'static str,
    live: Mutex<BTreeMap<usize, T>>,
}

/// A handle that was not given before, in any of the tables.
fn fresh() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(16);
    NEXT.fetch_add(16, Ordering::Relaxed)
}

impl<T: Copy> Table<T> {
    pub(super) const fn new(kind: &'static str) -> Self {
        Self { kind, live: Mutex::new(BTreeMap::new()) }
    }

    fn live(&self) -> MutexGuard<'_, BTreeMap<usize, T>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one in; its handle.
    pub(super) fn insert(&self, value: T) -> usize {
        let handle = fresh();
        self.live().insert(handle, value);
        handle
    }

    pub(super) fn remove(&self, handle: usize) -> Outcome {
        let found = self.live().remove(&handle);
        self.found(handle, found).map(|_| ())
    }

    pub(super) fn get(&self, handle: usize) -> Outcome<T> {
        let found = self.live().get(&handle).copied();
        self.found(handle, found)
    }

    pub(super) fn change(&self, handle: usize, change: impl FnOnce(&mut T)) -> Outcome {
        let found = self.live().get_mut(&handle).map(change);
        self.found(handle, found)
    }

    fn found<U>(&self, handle: usize, found: Option<U>) -> Outcome<U> {
        found.map_or_else(|| bad(format!("{handle:#x}, where a {} is expected", self.kind)), Ok)
    }
}
