//! Contexts: there is one, and it is current everywhere once it was asked for.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::device::give;
use super::error::{Code, NOT_INITIALIZED, SUCCESS};
use crate::counts::{What, count};

/// The handle of the context.
const CONTEXT: usize = 1;

static CURRENT: AtomicUsize = AtomicUsize::new(0);

/// # Safety
///
/// `context` points to room for a handle.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuDevicePrimaryCtxRetain(context: *mut usize, _device: i32) -> Code {
    give!(context, CONTEXT);
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn cuDevicePrimaryCtxRelease_v2(_device: i32) -> Code {
    SUCCESS
}

/// # Safety
///
/// `context` points to room for a handle.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuCtxCreate_v4(context: *mut usize, _settings: usize, _flags: u32, _device: i32) -> Code {
    CURRENT.store(CONTEXT, Ordering::Relaxed);
    give!(context, CONTEXT);
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxDestroy_v2(_context: usize) -> Code {
    SUCCESS
}

/// # Safety
///
/// `context` points to room for a handle.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuCtxGetCurrent(context: *mut usize) -> Code {
    give!(context, CURRENT.load(Ordering::Relaxed));
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxSetCurrent(context: usize) -> Code {
    CURRENT.store(context, Ordering::Relaxed);
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxSetFlags(_flags: u32) -> Code {
    SUCCESS
}

/// # Safety
///
/// `device` points to room for a number.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuCtxGetDevice(device: *mut i32) -> Code {
    if CURRENT.load(Ordering::Relaxed) == 0 {
        return NOT_INITIALIZED;
    }
    give!(device, 0);
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxSynchronize() -> Code {
    count(What::Synchronizations);
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxSetLimit(_limit: i32, _value: usize) -> Code {
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxSetCacheConfig(_setting: i32) -> Code {
    SUCCESS
}
