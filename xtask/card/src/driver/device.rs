//! The card as programs see it.

use std::ffi::{CStr, c_char};

use super::error::{Code, INVALID_DEVICE, SUCCESS, asked_for};
use crate::{counts, memory};

/// The name of the card.
const NAME: &CStr = c"a card in software";
/// CUDA 13.0.
const VERSION: i32 = 13000;

/// Attributes by their numbers in `CUdevice_attribute`; all others are 0.
const ATTRIBUTES: [(i32, i32); 22] = [
    (1, 1024), // threads of a block
    (2, 1024), // along x, y and z
    (3, 1024),
    (4, 64),
    (5, i32::MAX), // blocks along x, y and z
    (6, 65535),
    (7, 65535),
    (8, 49152),      // bytes of shared memory of a block
    (9, 65536),      // bytes of constants
    (10, 32),        // lanes of a warp
    (12, 65536),     // registers of a block
    (13, 1_000_000), // clock, in kHz
    (14, 512),       // alignment of textures
    (16, 1),         // multiprocessors
    (39, 2048),      // threads of a multiprocessor
    (41, 1),         // addresses are unified
    (75, 9),         // compute capability 9.0
    (76, 0),
    (81, 233_472), // bytes of shared memory of a multiprocessor
    (97, 232_448), // of a block that asks for them
    (106, 32),     // blocks of a multiprocessor
    (115, 1),      // memory pools
];

/// Writes a value for the caller.
macro_rules! give {
    ($to:expr, $value:expr) => {
        // SAFETY: the caller gives room for the value.
        unsafe { $to.write($value) }
    };
}
pub(super) use give;

#[unsafe(no_mangle)]
extern "C" fn cuInit(_flags: u32) -> Code {
    counts::report_at_end();
    asked_for()
}

/// # Safety
///
/// `version` points to room for a number.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuDriverGetVersion(version: *mut i32) -> Code {
    give!(version, VERSION);
    SUCCESS
}

/// # Safety
///
/// `count` points to room for a number.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuDeviceGetCount(count: *mut i32) -> Code {
    give!(count, 1);
    SUCCESS
}

/// # Safety
///
/// `device` points to room for a number.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuDeviceGet(device: *mut i32, ordinal: i32) -> Code {
    if ordinal != 0 {
        return INVALID_DEVICE;
    }
    give!(device, 0);
    SUCCESS
}

/// # Safety
///
/// `name` points to room for `length` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuDeviceGetName(name: *mut c_char, length: i32, _device: i32) -> Code {
    let bytes = NAME.to_bytes();
    let most = usize::try_from(length).unwrap_or(0).saturating_sub(1);
    for (at, byte) in bytes.iter().take(most).chain(&[0]).enumerate() {
        // SAFETY: at most `length` bytes are written.
        unsafe { name.add(at).write(*byte as c_char) };
    }
    SUCCESS
}

/// # Safety
///
/// `bytes` points to room for a number.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuDeviceTotalMem_v2(bytes: *mut usize, _device: i32) -> Code {
    give!(bytes, memory::TOTAL);
    SUCCESS
}

/// # Safety
///
/// `value` points to room for a number.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuDeviceGetAttribute(value: *mut i32, attribute: i32, _device: i32) -> Code {
    give!(value, ATTRIBUTES.iter().find(|(number, _)| *number == attribute).map_or(0, |(_, value)| *value));
    SUCCESS
}

/// # Safety
///
/// `uuid` points to room for 16 bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuDeviceGetUuid_v2(uuid: *mut [u8; 16], _device: i32) -> Code {
    give!(uuid, *b"card in software");
    SUCCESS
}

/// # Safety
///
/// As [`cuDeviceGetUuid_v2`].
#[unsafe(no_mangle)]
unsafe extern "C" fn cuDeviceGetUuid(uuid: *mut [u8; 16], device: i32) -> Code {
    // SAFETY: by the caller.
    unsafe { cuDeviceGetUuid_v2(uuid, device) }
}

/// # Safety
///
/// `pool` points to room for a handle.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuDeviceGetDefaultMemPool(pool: *mut usize, _device: i32) -> Code {
    give!(pool, 1);
    SUCCESS
}

/// # Safety
///
/// As [`cuDeviceGetDefaultMemPool`].
#[unsafe(no_mangle)]
unsafe extern "C" fn cuDeviceGetMemPool(pool: *mut usize, device: i32) -> Code {
    // SAFETY: by the caller.
    unsafe { cuDeviceGetDefaultMemPool(pool, device) }
}

/// Settings of a pool change nothing: what is freed goes back at once.
#[unsafe(no_mangle)]
extern "C" fn cuMemPoolSetAttribute(_pool: usize, _attribute: i32, _value: usize) -> Code {
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn cuMemPoolTrimTo(_pool: usize, _bytes: usize) -> Code {
    SUCCESS
}
