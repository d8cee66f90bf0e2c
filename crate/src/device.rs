//! Where tensors live, and how many threads work on them.

use std::sync::OnceLock;

use candle_core::Device;

use crate::kernels::Instructions;
use crate::{Error, Result};

/// The first CUDA card if the `cuda` feature is on and a card is there, else the CPU.
///
/// # Errors
/// [`Error::DuplicateStatics`], see [`check_statics`].
pub fn best_device() -> Result<Device> {
    check_statics()?;
    Ok(Device::cuda_if_available(0).unwrap_or(Device::Cpu))
}

/// One line that says where and with how many threads training will run, for the head of a notebook.
pub fn describe(device: &Device) -> String {
    match device {
        Device::Cpu => format!("CPU, {} threads", candle_core::utils::get_num_threads()),
        other => format!("{:?}", other.location()),
    }
}

/// Sets the process up on first use, and refuses to go on beside a second copy of the crate's statics.
///
/// Candle numbers tensors with one static counter and keys gradients by that number. When two copies of it are loaded (one
/// per notebook cell, say, because the crate was linked statically into each), gradients silently reach the wrong tensors.
/// The environment belongs to the whole process, so the address of one static of ours, recorded there, tells a second copy
/// apart. Devices, parameter stores and optimizers call this; call it yourself if you use Candle alone.
///
/// `RAYON_NUM_THREADS` is set to the number of cores where it is unset: unset, Candle reads the processor table again at
/// every matrix product, which doubles the time of a small training step.
///
/// # Errors
/// [`Error::DuplicateStatics`]; [`Error::Instructions`] if `CANDLELIGHT_INSTRUCTIONS` is not the name of an instruction set.
pub fn check_statics() -> Result<()> {
    static FIRST: OnceLock<bool> = OnceLock::new();
    if *FIRST.get_or_init(claim_process) { Instructions::check() } else { Err(Error::DuplicateStatics) }
}

#[allow(unsafe_code)]
fn claim_process() -> bool {
    const OWNER: &str = "CANDLELIGHT_STATICS";
    static ANCHOR: u8 = 0;
    // Children inherit the variable; the process number tells them that it is not theirs.
    let ours = format!("{}:{:p}", std::process::id(), &ANCHOR);
    let theirs = std::env::var(OWNER).ok().filter(|owner| owner.starts_with(&format!("{}:", std::process::id())));
    if theirs.is_some_and(|owner| owner != ours) {
        return false;
    }
    // SAFETY: `set_var` races with C code that reads the environment on other threads. This runs once a process, on the
    // first call into the crate, before it has started a thread.
    unsafe {
        std::env::set_var(OWNER, ours);
        if std::env::var_os("RAYON_NUM_THREADS").is_none() {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            std::env::set_var("RAYON_NUM_THREADS", cores.to_string());
        }
    }
    keep_memory();
    true
}

/// Lets the allocator keep large blocks for the next step instead of handing them back: each new page costs a fault,
/// and the faults on the outputs of a convolution took a third of a training step.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
fn keep_memory() {
    const MIB: libc::c_int = 1 << 20;
    // SAFETY: sets two numbers of the allocator, which takes its own lock.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 * MIB); // the largest that glibc takes
        libc::mallopt(libc::M_TRIM_THRESHOLD, 512 * MIB);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn keep_memory() {}
