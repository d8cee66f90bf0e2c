//! Where tensors live, how many threads work on them, and how often numbers go there and back.

use std::sync::OnceLock;

use candle_core::Device;
pub use candlelight_base::transfer::{Transfers, transfers};

use crate::kernels::Instructions;
use crate::{Error, Result};

/// The first CUDA card if the `cuda` feature is on and the driver sees a card, else the CPU.
///
/// Every call gives the same card, on which all threads share one queue: what one has asked for is done before what another asks for
/// later. `Device::new_cuda` of Candle's has a queue for each thread, and nothing orders them.
///
/// A card that is there and fails is an error and not a silent choice of the CPU. A program with the feature cannot start at all
/// where the driver's library is missing: see the [features](crate#features).
///
/// # Errors
/// [`Error::DuplicateStatics`], see [`check_statics`]; [`Error::Candle`] with the driver's words where a card, or the driver, fails.
pub fn best_device() -> Result<Device> {
    check_statics()?;
    #[cfg(feature = "cuda")]
    if cuda::cards()? > 0 {
        return Ok(cuda::first()?);
    }
    Ok(Device::Cpu)
}

/// One line that says where and with how many threads training will run, for the head of a notebook; of a card its name, its
/// memory, and up to which version of CUDA its driver goes.
pub fn describe(device: &Device) -> String {
    match device {
        Device::Cpu => format!("CPU, {} threads", candle_core::utils::get_num_threads()),
        #[cfg(feature = "cuda")]
        Device::Cuda(card) => cuda::describe(card).unwrap_or_else(|error| format!("{:?}: {error}", device.location())),
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

/// What only the driver knows. Its functions are those that Candle calls, so that there is one copy of them.
#[cfg(feature = "cuda")]
mod cuda {
    use std::sync::{Mutex, PoisonError};

    use candle_core::cuda_backend::WrapErr;
    use candle_core::cuda_backend::cudarc::driver::sys::{CUresult, cuDriverGetVersion};
    use candle_core::cuda_backend::cudarc::driver::{CudaContext, DriverError};
    use candle_core::{CudaDevice, Device};

    /// The first card, with one stream for all threads.
    #[allow(unsafe_code)]
    pub(super) fn first() -> candle_core::Result<Device> {
        static FIRST: Mutex<Option<Device>> = Mutex::new(None);
        let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(device) = &*first {
            return Ok(device.clone());
        }
        let device = Device::new_cuda_with_stream(0)?;
        // SAFETY: cudarc records an event at each use of memory, to order the streams of a context. This context has no other.
        unsafe { device.as_cuda_device()?.disable_event_tracking() };
        Ok(first.insert(device).clone())
    }

    /// How many cards the driver sees.
    pub(super) fn cards() -> candle_core::Result<i32> {
        match CudaContext::device_count() {
            Err(DriverError(CUresult::CUDA_ERROR_NO_DEVICE)) => Ok(0),
            counted => counted.w(),
        }
    }

    pub(super) fn describe(card: &CudaDevice) -> candle_core::Result<String> {
        let stream = card.cuda_stream();
        let context = stream.context();
        let (name, bytes) = (context.name().w()?, context.total_mem().w()?);
        let version = version().w()?;
        let (gib, major, minor) = (bytes as f64 / f64::from(1 << 30), version / 1000, version % 1000 / 10);
        Ok(format!("CUDA card {}: {name}, {gib:.0} GiB, driver for CUDA up to {major}.{minor}", context.ordinal()))
    }

    /// 1000 times the major version and 10 times the minor one.
    #[allow(unsafe_code)]
    fn version() -> Result<i32, DriverError> {
        let mut version = 0;
        // SAFETY: writes one number, to a place that is there.
        unsafe { cuDriverGetVersion(&mut version) }.result()?;
        Ok(version)
    }
}
