//! Operations as nodes of Candle's graph, for where no tape records them.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::backend::{BackendDevice, BackendStorage};
use candle_core::cpu_backend::CpuDevice;
use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, CustomOp2, CustomOp3, DType, Device, Layout, MetalStorage,
    Result as CandleResult, Shape, Storage, Tensor, bail,
};
use candlelight_base::{Error, Result};

use super::{Backward, Grads};

/// What a node will hold.
pub(super) enum Value {
    /// Made for it alone.
    Storage(Storage),
    /// A tensor, whose numbers are copied in their order.
    Tensor(Tensor),
}

impl Value {
    pub(super) fn device(&self) -> Device {
        match self {
            Self::Storage(storage) => storage.device(),
            Self::Tensor(tensor) => tensor.device().clone(),
        }
    }
}

/// The same operation as a node of Candle's graph, whose custom operations have one output and at most three inputs:
/// several outputs are one vector, `whole`, cut afterwards into `shapes`; inputs beyond the second hang on a further node,
/// which passes their gradients on.
pub(super) fn stock(
    name: &'static str,
    inputs: Vec<Tensor>,
    whole: Value,
    shapes: Vec<Shape>,
    needs: Vec<bool>,
    backward: Box<Backward>,
) -> Result<Vec<Tensor>> {
    let shape = match shapes.as_slice() {
        [shape] => shape.clone(),
        shapes => shapes.iter().map(Shape::elem_count).sum::<usize>().into(),
    };
    let wanted: Vec<Tensor> = inputs.iter().zip(&needs).filter(|(_, need)| **need).map(|(x, _)| x.clone()).collect();
    let (edges, waiting) = edges(name, &wanted)?;
    let all_shapes = shapes.clone();
    let gradients = move |output: &Tensor, grad: &Tensor| {
        let (outputs, grads) = (cut(&output.detach(), &all_shapes)?, cut(grad, &all_shapes)?);
        let grads: Vec<Option<Tensor>> = grads.into_iter().map(Some).collect();
        let results = backward(Grads { inputs: &inputs, outputs: &outputs, grads: &grads, needs: &needs })?;
        let mut results = results.into_iter().zip(&needs).filter(|(_, need)| **need).map(|(result, _)| result);
        let mut level = |last: bool| -> Result<Vec<Option<Tensor>>> {
            let mut level: Vec<_> = results.by_ref().take(if last { 3 } else { 2 }).collect();
            if !last {
                level.push(Some(Tensor::zeros((), grad.dtype(), grad.device())?));
            }
            Ok(level)
        };
        let first = level(waiting.is_empty())?;
        for (i, slot) in waiting.iter().enumerate() {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = level(i + 1 == waiting.len())?;
        }
        Ok(first)
    };
    let output = node(name, &edges, (whole, shape), gradients)?;
    cut(&output, &shapes)
}

/// Gradients that wait for the node they are for.
type Slot = Arc<Mutex<Vec<Option<Tensor>>>>;

/// The inputs as at most three edges of a graph, with a slot for the gradients of each node in between.
fn edges(name: &'static str, inputs: &[Tensor]) -> Result<(Vec<Tensor>, Vec<Slot>)> {
    let [first, second, rest @ ..] = inputs else { return Ok((inputs.to_vec(), Vec::new())) };
    if rest.len() <= 1 {
        return Ok((inputs.to_vec(), Vec::new()));
    }
    let (edges, mut slots) = edges(name, rest)?;
    let slot = Slot::default();
    let zero = (zero(first)?, Shape::from(()));
    let link = node(name, &edges, zero, {
        let slot = slot.clone();
        move |_, _| Ok(std::mem::take(&mut *slot.lock().unwrap_or_else(PoisonError::into_inner)))
    })?;
    slots.insert(0, slot);
    Ok((vec![first.clone(), second.clone(), link], slots))
}

/// The parts of a vector that was made of several tensors; the tensor itself if it was one.
fn cut(whole: &Tensor, shapes: &[Shape]) -> Result<Vec<Tensor>> {
    if shapes.len() == 1 {
        return Ok(vec![whole.clone()]);
    }
    let mut start = 0;
    let part = |shape: &Shape| {
        let n = shape.elem_count();
        start += n;
        Ok(whole.narrow(0, start - n, n)?.reshape(shape)?)
    };
    shapes.iter().map(part).collect()
}

/// A scalar whose gradient with respect to `input` is given: starts Candle's backward pass in the middle of a graph.
pub(super) fn seed(input: &Tensor, grad: Tensor) -> Result<Tensor> {
    let zero = (zero(input)?, Shape::from(()));
    node("seed", std::slice::from_ref(input), zero, move |_, _| Ok(vec![Some(grad.clone())]))
}

fn zero(like: &Tensor) -> Result<Value> {
    Ok(match (like.device(), like.dtype()) {
        (Device::Cpu, DType::F64) => Value::Storage(Storage::Cpu(CpuStorage::F64(vec![0.0]))),
        (Device::Cpu, _) => Value::Storage(Storage::Cpu(CpuStorage::F32(vec![0.0]))),
        (device, dtype) => Value::Tensor(Tensor::zeros((), dtype, device)?),
    })
}

/// A node of Candle's graph above one to three inputs, with its value and the function that gives their gradients.
pub(super) fn node(
    name: &'static str,
    inputs: &[Tensor],
    (value, shape): (Value, Shape),
    gradients: impl Fn(&Tensor, &Tensor) -> Result<Vec<Option<Tensor>>> + Send + Sync + 'static,
) -> Result<Tensor> {
    let custom = Custom { name, value: Mutex::new(Some((value, shape))), gradients: Box::new(gradients) };
    match inputs {
        [a] => Ok(a.apply_op1(custom)?),
        [a, b] => Ok(a.apply_op2(b, custom)?),
        [a, b, c] => Ok(a.apply_op3(b, c, custom)?),
        _ => Err(Error::shape("inputs of a node", "one to three", &[inputs.len()])),
    }
}

/// Candle's custom operation whose value is already there.
struct Custom {
    name: &'static str,
    /// Taken by the forward pass, which happens once.
    value: Mutex<Option<(Value, Shape)>>,
    gradients: Box<Gradients>,
}

/// From a node's value and its gradient to the gradients of its inputs.
type Gradients = dyn Fn(&Tensor, &Tensor) -> Result<Vec<Option<Tensor>>> + Send + Sync;

impl Custom {
    fn take(&self) -> CandleResult<(Value, Shape)> {
        let value = self.value.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.ok_or_else(|| candle_core::Error::Msg(format!("{} was applied twice", self.name)))
    }

    fn elsewhere<T>(&self) -> CandleResult<T> {
        bail!("{} has its value on another device than its inputs", self.name)
    }

    fn on_cpu(&self) -> CandleResult<(CpuStorage, Shape)> {
        let (value, shape) = self.take()?;
        let value = match value {
            Value::Storage(Storage::Cpu(storage)) => return Ok((storage, shape)),
            Value::Storage(_) => return self.elsewhere(),
            Value::Tensor(value) => value,
        };
        let (storage, layout) = value.storage_and_layout();
        let Storage::Cpu(storage) = &*storage else { return self.elsewhere() };
        // Quicker than `in_order`.
        let mut copy = CpuDevice.zeros_impl(layout.shape(), storage.dtype())?;
        storage.copy_strided_src(&mut copy, 0, layout)?;
        Ok((copy, shape))
    }

    fn on_cuda(&self) -> CandleResult<(CudaStorage, Shape)> {
        let (value, shape) = self.take()?;
        let value = match value {
            Value::Storage(Storage::Cuda(storage)) => return Ok((storage, shape)),
            Value::Storage(_) => return self.elsewhere(),
            Value::Tensor(value) => value,
        };
        let (storage, layout) = value.storage_and_layout();
        let Storage::Cuda(storage) = &*storage else { return self.elsewhere() };
        Ok((in_order(storage, layout)?, shape))
    }

    fn on_metal(&self) -> CandleResult<(MetalStorage, Shape)> {
        let (value, shape) = self.take()?;
        let value = match value {
            Value::Storage(Storage::Metal(storage)) => return Ok((storage, shape)),
            Value::Storage(_) => return self.elsewhere(),
            Value::Tensor(value) => value,
        };
        let (storage, layout) = value.storage_and_layout();
        let Storage::Metal(storage) = &*storage else { return self.elsewhere() };
        Ok((in_order(storage, layout)?, shape))
    }

    fn gradients(&self, value: &Tensor, grad: &Tensor) -> CandleResult<[Option<Tensor>; 3]> {
        let mut gradients = (self.gradients)(value, grad).map_err(candle_core::Error::wrap)?.into_iter();
        Ok(std::array::from_fn(|_| gradients.next().flatten()))
    }
}

/// A copy in the order of the layout, by a cast to its own type: the one operation that takes any layout, makes its own memory, and
/// changes no number.
fn in_order<S: BackendStorage>(storage: &S, layout: &Layout) -> CandleResult<S> {
    storage.to_dtype(layout, storage.dtype())
}

impl CustomOp1 for Custom {
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

    fn bwd(&self, _: &Tensor, value: &Tensor, grad: &Tensor) -> CandleResult<Option<Tensor>> {
        let [a, _, _] = self.gradients(value, grad)?;
        Ok(a)
    }
}

impl CustomOp2 for Custom {
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
        value: &Tensor,
        grad: &Tensor,
    ) -> CandleResult<(Option<Tensor>, Option<Tensor>)> {
        let [a, b, _] = self.gradients(value, grad)?;
        Ok((a, b))
    }
}

impl CustomOp3 for Custom {
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
        value: &Tensor,
        grad: &Tensor,
    ) -> CandleResult<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [a, b, c] = self.gradients(value, grad)?;
        Ok((a, b, c))
    }
}
