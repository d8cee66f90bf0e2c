//! How far the assertions of a notebook are from failing: what `cargo xtask run --margins` writes into the cells.
//!
//! Not for programs.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

/// The environment variable that names the file to which margins are added, as `xtask/src/margins.rs` sets it.
const FILE: &str = "CANDLELIGHT_MARGINS";

/// The smallest distance that was written, by place.
static CLOSEST: Mutex<Option<HashMap<&'static str, f64>>> = Mutex::new(None);

/// What stands on the two sides of a comparison.
#[derive(Debug)]
pub struct Sides<'a, L, R>(pub &'a L, pub &'a R);

/// A comparison of numbers.
pub trait Measured {
    /// Writes a line `place left operation right` if the comparison holds and was never closer, tabs between.
    fn record(&self, place: &'static str, operation: &str, holds: bool);
}

impl<L: Size, R: Size> Measured for Sides<'_, L, R> {
    fn record(&self, place: &'static str, operation: &str, holds: bool) {
        let (left, right) = (self.0.size(), self.1.size());
        if holds && is_closest(place, (left - right).abs()) {
            write(&format!("{place}\t{left}\t{operation}\t{right}\n"));
        }
    }
}

/// A comparison of anything else, or of numbers whose type the compiler does not know yet: methods of `Sides` are found before
/// those of its references.
pub trait Unmeasured {
    /// Writes a line with question marks.
    fn record(&self, place: &'static str, operation: &str, _holds: bool) {
        if is_closest(place, 0.0) {
            write(&format!("{place}\t?\t{operation}\t?\n"));
        }
    }
}

impl<L, R> Unmeasured for &Sides<'_, L, R> {}

/// A number, as a floating-point one.
pub trait Size {
    /// The number.
    fn size(&self) -> f64;
}

macro_rules! sizes {
    ($($number:ty)*) => { $(impl Size for $number {
        fn size(&self) -> f64 {
            *self as f64
        }
    })* };
}
sizes!(f32 f64 u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

impl Size for Duration {
    fn size(&self) -> f64 {
        self.as_secs_f64()
    }
}

impl<T: Size + ?Sized> Size for &T {
    fn size(&self) -> f64 {
        (**self).size()
    }
}

fn is_closest(place: &'static str, distance: f64) -> bool {
    let Ok(mut closest) = CLOSEST.lock() else { return false };
    let before = closest.get_or_insert_default().entry(place).or_insert(f64::INFINITY);
    let closer = distance < *before;
    *before = before.min(distance);
    closer
}

/// A margin that cannot be written is missing from the list, and the notebook goes on.
fn write(line: &str) {
    let file = std::env::var_os(FILE).and_then(|file| OpenOptions::new().append(true).create(true).open(file).ok());
    if let Some(mut file) = file {
        let _ = file.write_all(line.as_bytes());
    }
}
