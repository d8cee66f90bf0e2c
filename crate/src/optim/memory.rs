use candle_core::{DType, Device, Tensor, Var, WithDType};

use crate::Result;

/// What an optimizer remembers of one parameter: plain numbers where the fused update runs, tensors elsewhere.
pub(super) enum Memory {
    F32(Vec<Vec<f32>>),
    F64(Vec<Vec<f64>>),
    Composed(Vec<Tensor>),
}

impl Memory {
    /// Of `count` things for each number of the parameter, all of them `start`.
    pub(super) fn new(var: &Var, count: usize, start: f64) -> Result<Self> {
        let n = var.elem_count();
        Ok(match (var.device(), var.dtype()) {
            (Device::Cpu, DType::F32) if var.is_contiguous() => Self::F32(vec![vec![start as f32; n]; count]),
            (Device::Cpu, DType::F64) if var.is_contiguous() => Self::F64(vec![vec![start; n]; count]),
            _ => Self::Composed(each(0..count, |_| var.zeros_like()? + start)?),
        })
    }

    /// Copies, of the parameter's shape.
    pub(super) fn tensors(&self, var: &Var) -> Result<Vec<Tensor>> {
        Ok(match self {
            Self::F32(memory) => each(memory, |numbers| made(numbers, var))?,
            Self::F64(memory) => each(memory, |numbers| made(numbers, var))?,
            Self::Composed(memory) => each(memory, Tensor::copy)?,
        })
    }

    /// The same kind of memory with other contents, of the right shapes and dtype.
    pub(super) fn filled(&self, tensors: &[Tensor]) -> Result<Self> {
        Ok(match self {
            Self::F32(_) => Self::F32(each(tensors, |tensor| tensor.flatten_all()?.to_vec1())?),
            Self::F64(_) => Self::F64(each(tensors, |tensor| tensor.flatten_all()?.to_vec1())?),
            Self::Composed(_) => Self::Composed(each(tensors, Tensor::copy)?),
        })
    }
}

fn made<T: WithDType>(numbers: &[T], var: &Var) -> candle_core::Result<Tensor> {
    Tensor::from_slice(numbers, var.shape(), &Device::Cpu)
}

fn each<T, U>(
    items: impl IntoIterator<Item = T>,
    f: impl Fn(T) -> candle_core::Result<U>,
) -> candle_core::Result<Vec<U>> {
    items.into_iter().map(f).collect()
}
