//! Errors of the driver: numbers, names and texts.

use std::ffi::{CStr, c_char};

pub(crate) use crate::errors::*;

/// An error that the environment asks for (`CU_INIT`) and that no card here gives.
const ASKED_FOR: (&CStr, &CStr) = (c"CUDA_ERROR_OF_THE_STAND_IN", c"what the stand-in says");

/// The error with which the driver is to start, from the environment.
pub(super) fn asked_for() -> Code {
    let number = std::env::var("CU_INIT").ok();
    number.map_or(SUCCESS, |number| number.trim().parse().unwrap_or(SUCCESS))
}

fn find(code: Code) -> (&'static CStr, &'static CStr) {
    if code != SUCCESS && code != NO_DEVICE && code == asked_for() {
        return ASKED_FOR;
    }
    ERRORS.iter().find(|(known, _, _)| *known == code).map_or(ASKED_FOR, |(_, name, text)| (name, text))
}

/// Tells on the error stream what the number of an error does not.
pub(crate) fn complain(code: Code, text: &str) -> Code {
    eprintln!("card: {text}");
    code
}

/// # Safety
///
/// `name` points to room for a pointer.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuGetErrorName(code: Code, name: *mut *const c_char) -> Code {
    // SAFETY: by the caller.
    unsafe { name.write(find(code).0.as_ptr()) };
    SUCCESS
}

/// # Safety
///
/// `text` points to room for a pointer.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuGetErrorString(code: Code, text: *mut *const c_char) -> Code {
    // SAFETY: by the caller.
    unsafe { text.write(find(code).1.as_ptr()) };
    SUCCESS
}
