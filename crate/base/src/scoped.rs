//! A value that a thread holds for as long as a call lasts.

use std::cell::RefCell;
use std::thread::LocalKey;

/// A thread's present value of a kind; the one before it comes back at the end, whatever happens.
pub struct Scoped<T: Default + 'static> {
    place: &'static LocalKey<RefCell<T>>,
    before: T,
}

impl<T: Default> Scoped<T> {
    /// Puts `value` into its place, until this is dropped.
    pub fn new(place: &'static LocalKey<RefCell<T>>, value: T) -> Self {
        Self { place, before: place.replace(value) }
    }

    /// Ends it, with what the value has become.
    pub fn finish(self) -> T {
        self.place.take()
    }
}

impl<T: Default> Drop for Scoped<T> {
    fn drop(&mut self) {
        self.place.replace(std::mem::take(&mut self.before));
    }
}
