//! Launching kernels on a card. Their arguments are addresses and numbers, eight bytes each.

pub(super) mod activation;
pub(super) mod batch_norm;
#[cfg(feature = "cudnn")]
pub(super) mod convolution;
pub(super) mod cross_entropy;
pub(super) mod mask;
pub(super) mod pooling;
pub(super) mod recurrent;
pub(super) mod row_norm;
pub(super) mod update;
pub(super) mod windows;

use candle_core::backend::{BackendDevice, BackendStorage};
use candle_core::cuda_backend::cudarc::driver::{DevicePtr, LaunchConfig, PushKernelArg};
use candle_core::cuda_backend::{CudaStorageSlice, WrapErr};
use candle_core::op::BackpropOp;
use candle_core::{CudaDevice, CudaStorage, DType, Device, Shape, Storage, Tensor};
use candlelight_base::{Error, Result};

use crate::is_composed;

/// Numbers that a kernel counts in 32 bits, with room for the step from one of a thread's numbers to its next.
pub(super) const MOST: usize = i32::MAX as usize;

/// What nvcc made of the `.cu` files.
mod ptx {
    #![allow(missing_docs)]
    include!(concat!(env!("OUT_DIR"), "/ptx.rs"));
}

/// Threads of a block.
const THREADS: u32 = 256;
/// Blocks that keep the largest cards busy, some for each of their processors.
const BLOCKS: usize = 1024;

/// Whether the kernels take a tensor: F32 or F64 on a card, not empty, and of no more than [`MOST`] numbers.
pub(super) fn can_take(x: &Tensor) -> bool {
    can_make(x.shape(), x.dtype(), x.device())
}

/// Whether they make such a tensor.
pub(super) fn can_make(shape: &Shape, dtype: DType, device: &Device) -> bool {
    !is_composed()
        && device.is_cuda()
        && matches!(dtype, DType::F32 | DType::F64)
        && (1..=MOST).contains(&shape.elem_count())
}

/// The card where `x` is.
fn card(x: &Tensor) -> Result<CudaDevice> {
    match x.device() {
        Device::Cuda(card) => Ok(card.clone()),
        other => {
            Err(candle_core::Error::Msg(format!("a kernel of a card was given a tensor on {:?}", other.location()))
                .into())
        }
    }
}

/// A `.cu` file as the driver takes it.
#[derive(Clone, Copy)]
struct Source {
    /// Its name, by which Candle keeps what the driver made of it.
    name: &'static str,
    text: &'static str,
}

/// Something that a kernel takes as an argument: its bits, the lowest first.
trait Argument {
    fn bits(self) -> u64;
}

macro_rules! arguments {
    ($($number:ty: $number_of:ident => $bits:expr),*) => {$(
        impl Argument for $number {
            fn bits(self) -> u64 {
                let $number_of = self;
                $bits
            }
        }
    )*};
}

arguments!(u32: x => x.into(), i32: x => (x as u32).into(), f32: x => x.to_bits().into(), f64: x => x.to_bits(), u64: x => x, usize: x => x as u64);

/// A setting as the number type of a kernel.
fn real(value: f64, dtype: DType) -> u64 {
    if dtype == DType::F64 { value.bits() } else { (value as f32).bits() }
}

fn suffix(dtype: DType) -> &'static str {
    if dtype == DType::F64 { "f64" } else { "f32" }
}

/// Threads in blocks, as a grid of at most two dimensions of blocks of at most two dimensions of threads.
#[derive(Clone, Copy)]
struct Grid {
    blocks: (u32, u32),
    threads: (u32, u32),
}

impl Grid {
    /// For `n` elements, of which a thread takes more than one where there are many.
    fn over(n: usize) -> Self {
        Self { blocks: (n.div_ceil(THREADS as usize).min(BLOCKS) as u32, 1), threads: (THREADS, 1) }
    }
}

/// Starts a kernel. What its arguments point to must be as large as it expects.
fn launch(card: &CudaDevice, source: Source, function: &str, grid: Grid, arguments: &[u64]) -> Result<()> {
    let function = card.get_or_load_custom_func(function, source.name, source.text)?;
    let mut builder = function.builder();
    for argument in arguments {
        builder.arg(argument);
    }
    let config = LaunchConfig {
        grid_dim: (grid.blocks.0, grid.blocks.1, 1),
        block_dim: (grid.threads.0, grid.threads.1, 1),
        shared_mem_bytes: 0,
    };
    // SAFETY: arguments are in the order and of the types of the kernel's, and eight bytes hold each of them. Addresses are of
    // memory that lives when the launch is queued; it is freed in the order of the queue, so after the kernel has run.
    unsafe { builder.launch(config) }.w().map_err(candle_core::Error::from)?;
    Ok(())
}

/// Memory that a kernel is to write, with its address.
fn room(card: &CudaDevice, n: usize, dtype: DType) -> Result<(CudaStorage, u64)> {
    // SAFETY: the kernel that it is made for writes all of it.
    let storage = unsafe { card.alloc_uninit(&Shape::from(n), dtype)? };
    let address = start(&storage, 0)?;
    Ok((storage, address))
}

/// A tensor without a past.
fn tensor(storage: CudaStorage, shape: impl Into<Shape>) -> Tensor {
    Tensor::from_storage(Storage::Cuda(storage), shape, BackpropOp::none(), false)
}

/// Where the numbers of a contiguous tensor on a card begin.
fn address(x: &Tensor) -> Result<u64> {
    let (storage, layout) = x.storage_and_layout();
    let Some((from, _)) = layout.contiguous_offsets() else {
        return Err(candle_core::Error::RequiresContiguous { op: "kernel of a card" }.bt().into());
    };
    match &*storage {
        Storage::Cuda(storage) => start(storage, from),
        _ => Err(candle_core::Error::Msg("a kernel of a card was given a tensor that is elsewhere".into()).into()),
    }
}

/// [`address`], or 0 where there is no tensor.
fn address_or_null(x: Option<&Tensor>) -> Result<u64> {
    x.map_or(Ok(0), address)
}

fn start(storage: &CudaStorage, from: usize) -> Result<u64> {
    macro_rules! start {
        ($slice:expr, $bytes:literal) => {
            $slice.device_ptr($slice.stream()).0 + $bytes * from as u64
        };
    }
    Ok(match &storage.slice {
        CudaStorageSlice::U8(slice) => start!(slice, 1),
        CudaStorageSlice::U32(slice) => start!(slice, 4),
        CudaStorageSlice::I64(slice) => start!(slice, 8),
        CudaStorageSlice::F32(slice) => start!(slice, 4),
        CudaStorageSlice::F64(slice) => start!(slice, 8),
        _ => return unknown(storage.dtype()),
    })
}

fn unknown(dtype: DType) -> Result<u64> {
    Err(Error::DType { what: "argument of a kernel", expected: "U8, U32, I64, F32 or F64", actual: dtype })
}
