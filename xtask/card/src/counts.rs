//! What a program has asked the card for, counted.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, Once, PoisonError};

/// Kernels that were launched; copies to the device and from there; waits of the host; allocations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum What {
    Launches,
    Uploads,
    Downloads,
    Synchronizations,
    Allocations,
}

static COUNTS: [AtomicU64; 5] = [const { AtomicU64::new(0) }; 5];
static KERNELS: LazyLock<Mutex<HashMap<String, u64>>> = LazyLock::new(Mutex::default);

/// The file of the report.
const REPORT: &str = "CARD_REPORT";

/// Counts one.
pub(crate) fn count(what: What) {
    COUNTS[what as usize].fetch_add(1, Ordering::Relaxed);
}

/// Counts a launch of a kernel, or of a library's product, convolution or draw.
pub(crate) fn launch(name: &str) {
    count(What::Launches);
    let mut kernels = KERNELS.lock().unwrap_or_else(PoisonError::into_inner);
    match kernels.get_mut(name) {
        Some(number) => *number += 1,
        None => {
            kernels.insert(name.to_string(), 1);
        }
    }
}

/// The launches under a name.
#[cfg(test)]
pub(crate) fn launches(name: &str) -> u64 {
    KERNELS.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied().unwrap_or(0)
}

/// Launches, uploads, downloads, synchronizations and allocations since the process began, in this order.
///
/// # Safety
///
/// `out` points to room for five numbers.
#[unsafe(no_mangle)]
unsafe extern "C" fn candlelight_card_counts(out: *mut u64) {
    for (at, count) in COUNTS.iter().enumerate() {
        // SAFETY: the caller gives room for five numbers.
        unsafe { out.add(at).write(count.load(Ordering::Relaxed)) };
    }
}

unsafe extern "C" {
    /// Of the C library: a function to call when the process ends.
    fn atexit(function: extern "C" fn()) -> i32;
}

/// Has the report written when the process ends, if there is to be one.
pub(crate) fn report_at_end() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if std::env::var_os(REPORT).is_some() {
            // SAFETY: the function takes nothing and does not unwind.
            unsafe { atexit(report) };
        }
    });
}

/// Writes the numbers, then launches by kernel, most first. `%p` in the name of the file is the number of the process.
extern "C" fn report() {
    let Ok(file) = std::env::var(REPORT) else {
        return;
    };
    let mut text = String::new();
    let names = ["launches", "uploads", "downloads", "synchronizations", "allocations"];
    for (name, count) in names.iter().zip(&COUNTS) {
        let _ = writeln!(text, "{name} {}", count.load(Ordering::Relaxed));
    }
    let kernels = KERNELS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut kernels: Vec<(&String, &u64)> = kernels.iter().collect();
    kernels.sort_by_key(|(name, number)| (std::cmp::Reverse(**number), *name));
    for (name, number) in kernels {
        let _ = writeln!(text, "{number} {name}");
    }
    let file = file.replace("%p", &std::process::id().to_string());
    if let Err(error) = std::fs::write(&file, text) {
        eprintln!("card: {file}: {error}");
    }
}
