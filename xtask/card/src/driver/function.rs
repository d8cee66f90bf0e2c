//! Modules, kernels, launches.

use std::ffi::{CStr, c_char, c_void};
use std::sync::atomic::Ordering;

use super::assembler::assemble;
use super::device::give;
use super::error::{Code, INVALID_HANDLE, INVALID_IMAGE, INVALID_PTX, INVALID_VALUE, NOT_FOUND, SUCCESS, complain};
use super::store::{Kernel, store};
use crate::counts;
use crate::machine::{Launch, run};

/// Attributes of a kernel, by their numbers in `CUfunction_attribute`.
const MOST_THREADS: i32 = 0;
const SHARED_BYTES: i32 = 1;
const LOCAL_BYTES: i32 = 3;
const REGISTERS: i32 = 4;
const PTX_VERSION: i32 = 5;
const BINARY_VERSION: i32 = 6;
const MOST_DYNAMIC_SHARED: i32 = 8;
/// Bytes of shared memory that a block may ask for at most.
const SHARED_MOST: i32 = 232_448;

/// # Safety
///
/// `module` points to room for a handle, `image` to a text that ends with a zero.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuModuleLoadData(module: *mut usize, image: *const c_char) -> Code {
    // SAFETY: by the caller.
    let Ok(text) = unsafe { CStr::from_ptr(image) }.to_str() else {
        return complain(INVALID_IMAGE, "a module that is no text: only PTX can be loaded");
    };
    if !text.contains(".version") {
        return complain(INVALID_IMAGE, "a module that is no PTX");
    }
    match assemble(text).and_then(|()| store().load(text)) {
        Ok(handle) => give!(module, handle),
        Err(error) => return complain(INVALID_PTX, &format!("a module: {error}")),
    }
    SUCCESS
}

/// # Safety
///
/// `module` points to room for a handle, `path` to a text that ends with a zero.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuModuleLoad(module: *mut usize, path: *const c_char) -> Code {
    // SAFETY: by the caller.
    let path = unsafe { CStr::from_ptr(path) }.to_string_lossy();
    let read = std::fs::read_to_string(&*path).map_err(|error| error.to_string());
    match read.and_then(|text| store().load(&text)) {
        Ok(handle) => give!(module, handle),
        Err(error) => return complain(INVALID_PTX, &format!("{path}: {error}")),
    }
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn cuModuleUnload(module: usize) -> Code {
    if store().unload(module) { SUCCESS } else { INVALID_HANDLE }
}

/// # Safety
///
/// `function` points to room for a handle, `name` to a text that ends with a zero.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuModuleGetFunction(function: *mut usize, module: usize, name: *const c_char) -> Code {
    // SAFETY: by the caller.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
    match store().kernel(module, &name) {
        Some(Ok(handle)) => give!(function, handle),
        Some(Err(error)) => return complain(INVALID_PTX, &format!("kernel {name}: {error}")),
        None => return complain(NOT_FOUND, &format!("there is no kernel {name}")),
    }
    SUCCESS
}

/// # Safety
///
/// `address` and `size` are null or point to room, `name` to a text that ends with a zero.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuModuleGetGlobal_v2(
    address: *mut u64,
    size: *mut usize,
    module: usize,
    name: *const c_char,
) -> Code {
    // SAFETY: by the caller.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
    let Some((found, bytes)) = store().variable(module, &name) else {
        return NOT_FOUND;
    };
    if !address.is_null() {
        give!(address, found);
    }
    if !size.is_null() {
        give!(size, bytes);
    }
    SUCCESS
}

/// # Safety
///
/// `value` points to room for a number.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuFuncGetAttribute(value: *mut i32, attribute: i32, function: usize) -> Code {
    let Some(kernel) = store().find(function) else {
        return INVALID_HANDLE;
    };
    let found = match attribute {
        MOST_THREADS => 1024,
        SHARED_BYTES => kernel.program.shared as i32,
        LOCAL_BYTES => kernel.program.local as i32,
        REGISTERS => kernel.program.slots.min(255) as i32,
        PTX_VERSION | BINARY_VERSION => 90,
        MOST_DYNAMIC_SHARED => kernel.shared_limit.load(Ordering::Relaxed) as i32,
        _ => 0,
    };
    give!(value, found);
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn cuFuncSetAttribute(function: usize, attribute: i32, value: i32) -> Code {
    let Some(kernel) = store().find(function) else {
        return INVALID_HANDLE;
    };
    if attribute == MOST_DYNAMIC_SHARED {
        if !(0..=SHARED_MOST).contains(&value) {
            return INVALID_VALUE;
        }
        kernel.shared_limit.store(value as u32, Ordering::Relaxed);
    }
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn cuFuncSetCacheConfig(_function: usize, _setting: i32) -> Code {
    SUCCESS
}

/// # Safety
///
/// `blocks` points to room for a number.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuOccupancyMaxActiveBlocksPerMultiprocessor(
    blocks: *mut i32,
    _function: usize,
    threads: i32,
    _shared: usize,
) -> Code {
    give!(blocks, 2048 / threads.max(1));
    SUCCESS
}

/// # Safety
///
/// `parameters` points to one pointer for each parameter of the kernel, and each of these to a value of the parameter's size.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuLaunchKernel(
    function: usize,
    blocks_x: u32,
    blocks_y: u32,
    blocks_z: u32,
    threads_x: u32,
    threads_y: u32,
    threads_z: u32,
    shared: u32,
    _stream: usize,
    parameters: *const *const c_void,
    extra: *const c_void,
) -> Code {
    let Some(kernel) = store().find(function) else {
        return complain(INVALID_HANDLE, "a launch of what is no kernel");
    };
    let program = &kernel.program;
    counts::launch(&program.name);
    if !extra.is_null() || (parameters.is_null() && !program.parameters.is_empty()) {
        return complain(INVALID_VALUE, &format!("kernel {}: parameters that are not given one by one", program.name));
    }
    // SAFETY: by the caller.
    let parameters = unsafe { gather(&kernel, parameters) };
    let launch = Launch {
        program,
        blocks: [blocks_x, blocks_y, blocks_z],
        threads: [threads_x, threads_y, threads_z],
        shared,
        shared_limit: kernel.shared_limit.load(Ordering::Relaxed),
        parameters,
    };
    match run(&launch) {
        Ok(()) => SUCCESS,
        Err(fault) => complain(fault.code, &fault.text),
    }
}

/// The values of all parameters, as the kernel finds them.
///
/// # Safety
///
/// As [`cuLaunchKernel`].
unsafe fn gather(kernel: &Kernel, parameters: *const *const c_void) -> Vec<u8> {
    let mut bytes = vec![0; kernel.program.parameter_bytes()];
    for (at, parameter) in kernel.program.parameters.iter().enumerate() {
        // SAFETY: by the caller there are as many pointers as parameters, each to as many bytes.
        unsafe {
            let value = (*parameters.add(at)).cast::<u8>();
            value.copy_to_nonoverlapping(bytes.as_mut_ptr().add(parameter.offset), parameter.size);
        }
    }
    bytes
}
