//! Operations made of tensor operations whose backward pass is given, not recorded: for composed forms, on any device.
//!
//! Candle's own backward pass makes a tensor of zeros and a sum for each step back, through every change of shape. Where the
//! derivative of the whole is a few operations, it is written down instead.

use std::sync::{Mutex, PoisonError};

use candle_core::backend::{BackendDevice, BackendStorage};
use candle_core::cpu_backend::CpuDevice;
use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, CustomOp2, CustomOp3, Layout, MetalStorage, Result as CandleResult, Shape,
    Storage, Tensor,
};

use crate::{Error, Result};

/// A tensor of `shape` with the numbers of `value`, in their order, whose derivatives `backward` gives.
///
/// `backward` is given the gradient, contiguous, and for each of `inputs` whether its gradient is wanted; where it is, it
/// returns one of the shape and dtype of that input. What it holds must be detached, and it must not hold the result.
///
/// `value` is copied once, so it may be a transposed view: the copy puts it in order.
///
/// # Errors
/// No input or more than three, which is what Candle's custom operations take; another number of elements.
pub(super) fn explicit(
    name: &'static str,
    inputs: &[&Tensor],
    value: &Tensor,
    shape: impl Into<Shape>,
    backward: impl Fn(&Tensor, &[bool]) -> Result<Vec<Option<Tensor>>> + Send + Sync + 'static,
) -> Result<Tensor> {
    let shape = shape.into();
    if shape.elem_count() != value.elem_count() {
        return Err(Error::shape(name, format!("{} numbers", shape.elem_count()), value.dims()));
    }
    let needs: Vec<bool> = inputs.iter().map(|input| input.track_op()).collect();
    if !needs.contains(&true) {
        return Ok(value.reshape(shape)?);
    }
    let op = Explicit { name, value: Mutex::new(Some((value.clone(), shape))), needs, backward: Box::new(backward) };
    match inputs {
        [a] => Ok(a.apply_op1(op)?),
        [a, b] => Ok(a.apply_op2(b, op)?),
        [a, b, c] => Ok(a.apply_op3(b, c, op)?),
        _ => Err(Error::shape("inputs of an operation", "one to three", &[inputs.len()])),
    }
}

/// From the gradient of the result to those of the inputs.
type Backward = dyn Fn(&Tensor, &[bool]) -> Result<Vec<Option<Tensor>>> + Send + Sync;

struct Explicit {
    name: &'static str,
    /// Taken by the forward pass, which happens once.
    value: Mutex<Option<(Tensor, Shape)>>,
    needs: Vec<bool>,
    backward: Box<Backward>,
}

impl Explicit {
    /// A copy of the value, whose storage `on_device` finds and `in_order` copies.
    fn copy<S: BackendStorage>(
        &self,
        on_device: impl Fn(&Storage) -> Option<&S>,
        in_order: impl Fn(&S, &Layout) -> CandleResult<S>,
    ) -> CandleResult<(S, Shape)> {
        let value = self.value.lock().unwrap_or_else(PoisonError::into_inner).take();
        let refuse = |problem: &str| candle_core::Error::Msg(format!("{} {problem}", self.name));
        let (value, shape) = value.ok_or_else(|| refuse("was applied twice"))?;
        let (storage, layout) = value.storage_and_layout();
        let storage = on_device(&storage).ok_or_else(|| refuse("has its value on another device than its inputs"))?;
        Ok((in_order(storage, layout)?, shape))
    }

    fn on_cpu(&self) -> CandleResult<(CpuStorage, Shape)> {
        self.copy(|storage| if let Storage::Cpu(storage) = storage { Some(storage) } else { None }, in_order)
    }

    fn on_cuda(&self) -> CandleResult<(CudaStorage, Shape)> {
        self.copy(|storage| if let Storage::Cuda(storage) = storage { Some(storage) } else { None }, cast)
    }

    fn on_metal(&self) -> CandleResult<(MetalStorage, Shape)> {
        self.copy(|storage| if let Storage::Metal(storage) = storage { Some(storage) } else { None }, cast)
    }

    fn gradients(&self, gradient: &Tensor) -> CandleResult<[Option<Tensor>; 3]> {
        let gradients = (self.backward)(&gradient.contiguous()?, &self.needs).map_err(candle_core::Error::wrap)?;
        // Candle would put a gradient that nobody wants among the others.
        let mut gradients = gradients.into_iter().zip(&self.needs).map(|(gradient, need)| gradient.filter(|_| *need));
        Ok(std::array::from_fn(|_| gradients.next().flatten()))
    }
}

/// On the CPU quicker than [`cast`].
fn in_order(storage: &CpuStorage, layout: &Layout) -> CandleResult<CpuStorage> {
    let mut copy = CpuDevice.zeros_impl(layout.shape(), storage.dtype())?;
    storage.copy_strided_src(&mut copy, 0, layout)?;
    Ok(copy)
}

/// A cast to its own type: the one operation that takes any layout, makes its own memory, and changes no number.
fn cast<S: BackendStorage>(storage: &S, layout: &Layout) -> CandleResult<S> {
    storage.to_dtype(layout, storage.dtype())
}

impl CustomOp1 for Explicit {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> CandleResult<(CpuStorage, Shape)> {
        self.on_cpu()
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout) -> CandleResult<(CudaStorage, Shape)> {
        self.on_cuda()
    }

    fn metal_fwd(&self, _: &MetalStorage, _: &Layout) -> CandleResult<(MetalStorage, Shape)> {
        self.on_metal()
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, gradient: &Tensor) -> CandleResult<Option<Tensor>> {
        let [a, _, _] = self.gradients(gradient)?;
        Ok(a)
    }
}

impl CustomOp2 for Explicit {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> CandleResult<(CpuStorage, Shape)> {
        self.on_cpu()
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout, _: &CudaStorage, _: &Layout) -> CandleResult<(CudaStorage, Shape)> {
        self.on_cuda()
    }

    fn metal_fwd(
        &self,
        _: &MetalStorage,
        _: &Layout,
        _: &MetalStorage,
        _: &Layout,
    ) -> CandleResult<(MetalStorage, Shape)> {
        self.on_metal()
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> CandleResult<(Option<Tensor>, Option<Tensor>)> {
        let [a, b, _] = self.gradients(gradient)?;
        Ok((a, b))
    }
}

impl CustomOp3 for Explicit {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> CandleResult<(CpuStorage, Shape)> {
        self.on_cpu()
    }

    fn cuda_fwd(
        &self,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
    ) -> CandleResult<(CudaStorage, Shape)> {
        self.on_cuda()
    }

    fn metal_fwd(
        &self,
        _: &MetalStorage,
        _: &Layout,
        _: &MetalStorage,
        _: &Layout,
        _: &MetalStorage,
        _: &Layout,
    ) -> CandleResult<(MetalStorage, Shape)> {
        self.on_metal()
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> CandleResult<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [a, b, c] = self.gradients(gradient)?;
        Ok((a, b, c))
    }
}
