//! Streams and events. All work is done when it is asked for, so there is nothing to wait for.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::device::give;
use super::error::{Code, SUCCESS};
use crate::counts::{What, count};

/// A handle that was not given before; below 16 lie those with a meaning.
fn fresh() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(16);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Since when times are counted.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// When each event was recorded, in nanoseconds, if it measures times.
static TIMES: std::sync::Mutex<std::collections::BTreeMap<usize, u128>> =
    std::sync::Mutex::new(std::collections::BTreeMap::new());

/// `CU_EVENT_DISABLE_TIMING`.
const NO_TIMES: u32 = 2;

fn times() -> std::sync::MutexGuard<'static, std::collections::BTreeMap<usize, u128>> {
    TIMES.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// # Safety
///
/// `stream` points to room for a handle.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuStreamCreate(stream: *mut usize, _flags: u32) -> Code {
    give!(stream, fresh());
    SUCCESS
}

/// # Safety
///
/// `stream` points to room for a handle.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuStreamCreateWithPriority(stream: *mut usize, _flags: u32, _priority: i32) -> Code {
    give!(stream, fresh());
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamDestroy_v2(_stream: usize) -> Code {
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamSynchronize(_stream: usize) -> Code {
    count(What::Synchronizations);
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamQuery(_stream: usize) -> Code {
    SUCCESS
}

/// A stream that waits for an event does not make the host wait.
#[unsafe(no_mangle)]
extern "C" fn cuStreamWaitEvent(_stream: usize, _event: usize, _flags: u32) -> Code {
    SUCCESS
}

/// # Safety
///
/// `status` points to room for a number.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuStreamIsCapturing(_stream: usize, status: *mut i32) -> Code {
    give!(status, 0);
    SUCCESS
}

/// # Safety
///
/// `function` can be called with `data`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuLaunchHostFunc(
    _stream: usize,
    function: Option<unsafe extern "C" fn(usize)>,
    data: usize,
) -> Code {
    if let Some(function) = function {
        // SAFETY: by the caller.
        unsafe { function(data) };
    }
    SUCCESS
}

/// # Safety
///
/// `event` points to room for a handle.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuEventCreate(event: *mut usize, flags: u32) -> Code {
    let handle = fresh();
    if flags & NO_TIMES == 0 {
        times().insert(handle, START.elapsed().as_nanos());
    }
    give!(event, handle);
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn cuEventDestroy_v2(event: usize) -> Code {
    times().remove(&event);
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn cuEventRecord(event: usize, _stream: usize) -> Code {
    if let Some(time) = times().get_mut(&event) {
        *time = START.elapsed().as_nanos();
    }
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn cuEventSynchronize(_event: usize) -> Code {
    count(What::Synchronizations);
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn cuEventQuery(_event: usize) -> Code {
    SUCCESS
}

/// # Safety
///
/// `milliseconds` points to room for a number.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuEventElapsedTime_v2(milliseconds: *mut f32, start: usize, end: usize) -> Code {
    let times = times();
    let time = |event| times.get(&event).copied().unwrap_or(0);
    give!(milliseconds, time(end).saturating_sub(time(start)) as f32 / 1e6);
    SUCCESS
}
