//! Device memory: allocated, freed, copied, filled.

use super::device::give;
use super::error::{Code, INVALID_VALUE, OUT_OF_MEMORY, SUCCESS, complain};
use crate::counts::{What, count};
use crate::memory;

fn allocated(address: *mut u64, size: usize) -> Code {
    count(What::Allocations);
    let Some(found) = memory::allocate(size) else {
        return complain(OUT_OF_MEMORY, &format!("no room for {size} bytes"));
    };
    give!(address, found);
    SUCCESS
}

/// # Safety
///
/// `address` points to room for an address.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuMemAlloc_v2(address: *mut u64, size: usize) -> Code {
    if size == 0 {
        return INVALID_VALUE;
    }
    allocated(address, size)
}

/// In the order of a stream, nothing may be allocated: the address is 0.
///
/// # Safety
///
/// `address` points to room for an address.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuMemAllocAsync(address: *mut u64, size: usize, _stream: usize) -> Code {
    if size == 0 {
        give!(address, 0);
        return SUCCESS;
    }
    allocated(address, size)
}

/// # Safety
///
/// `address` points to room for an address.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuMemAllocManaged(address: *mut u64, size: usize, _flags: u32) -> Code {
    // SAFETY: by the caller.
    unsafe { cuMemAlloc_v2(address, size) }
}

#[unsafe(no_mangle)]
extern "C" fn cuMemFree_v2(address: u64) -> Code {
    if address == 0 || memory::free(address) {
        return SUCCESS;
    }
    complain(INVALID_VALUE, &format!("freed, and not allocated: {address:#x}"))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemFreeAsync(address: u64, _stream: usize) -> Code {
    cuMemFree_v2(address)
}

/// Memory of the host.
///
/// # Safety
///
/// `address` points to room for an address.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuMemHostAlloc(address: *mut u64, size: usize, _flags: u32) -> Code {
    // SAFETY: by the caller.
    unsafe { cuMemAlloc_v2(address, size) }
}

#[unsafe(no_mangle)]
extern "C" fn cuMemFreeHost(address: u64) -> Code {
    cuMemFree_v2(address)
}

/// # Safety
///
/// Both point to room for a number.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuMemGetInfo_v2(free: *mut usize, total: *mut usize) -> Code {
    give!(free, memory::TOTAL.saturating_sub(memory::live().used()));
    give!(total, memory::TOTAL);
    SUCCESS
}

/// Copies; `device` are the addresses that must be allocated.
///
/// # Safety
///
/// What is no address of the device can be read or written for `size` bytes.
unsafe fn copy(to: u64, from: u64, size: usize, device: &[u64]) -> Code {
    let live = memory::live();
    if let Some(address) = device.iter().find(|&&address| !live.holds(address, size)) {
        return complain(
            INVALID_VALUE,
            &format!("a copy of {size} bytes at {address:#x}, where they are not allocated"),
        );
    }
    if size > 0 {
        // SAFETY: the ends on the device were just found allocated, and `live` keeps them so; the other by the caller.
        unsafe { std::ptr::copy(from as *const u8, to as *mut u8, size) };
    }
    SUCCESS
}

/// # Safety
///
/// `from` can be read for `size` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuMemcpyHtoD_v2(to: u64, from: u64, size: usize) -> Code {
    count(What::Uploads);
    // SAFETY: by the caller.
    unsafe { copy(to, from, size, &[to]) }
}

/// # Safety
///
/// `from` can be read for `size` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuMemcpyHtoDAsync_v2(to: u64, from: u64, size: usize, _stream: usize) -> Code {
    // SAFETY: by the caller.
    unsafe { cuMemcpyHtoD_v2(to, from, size) }
}

/// # Safety
///
/// `to` can be written for `size` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuMemcpyDtoH_v2(to: u64, from: u64, size: usize) -> Code {
    count(What::Downloads);
    // SAFETY: by the caller.
    unsafe { copy(to, from, size, &[from]) }
}

/// # Safety
///
/// `to` can be written for `size` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuMemcpyDtoHAsync_v2(to: u64, from: u64, size: usize, _stream: usize) -> Code {
    // SAFETY: by the caller.
    unsafe { cuMemcpyDtoH_v2(to, from, size) }
}

#[unsafe(no_mangle)]
extern "C" fn cuMemcpyDtoD_v2(to: u64, from: u64, size: usize) -> Code {
    // SAFETY: both ends are on the device.
    unsafe { copy(to, from, size, &[to, from]) }
}

#[unsafe(no_mangle)]
extern "C" fn cuMemcpyDtoDAsync_v2(to: u64, from: u64, size: usize, _stream: usize) -> Code {
    cuMemcpyDtoD_v2(to, from, size)
}

#[unsafe(no_mangle)]
extern "C" fn cuMemcpyPeerAsync(to: u64, _there: usize, from: u64, _here: usize, size: usize, _stream: usize) -> Code {
    cuMemcpyDtoD_v2(to, from, size)
}

#[unsafe(no_mangle)]
extern "C" fn cuMemsetD8_v2(to: u64, value: u8, size: usize) -> Code {
    let live = memory::live();
    if !live.holds(to, size) {
        return complain(INVALID_VALUE, &format!("{size} bytes to fill at {to:#x}, where they are not allocated"));
    }
    if size > 0 {
        // SAFETY: these bytes were just found allocated, and `live` keeps them so.
        unsafe { (to as *mut u8).write_bytes(value, size) };
    }
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn cuMemsetD8Async(to: u64, value: u8, size: usize, _stream: usize) -> Code {
    cuMemsetD8_v2(to, value, size)
}
