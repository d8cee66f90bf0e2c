use candle_core::{DType, Device, Tensor, Var, WithDType};
use candlelight_base::transfer;

use crate::Result;

/// What an optimizer remembers of one parameter, where the fused update runs.
pub(super) enum Memory {
    F32(Vec<Vec<f32>>),
    F64(Vec<Vec<f64>>),
}

/// What is remembered of a number at first: `count` things, all of them `value`.
#[derive(Clone, Copy)]
pub(super) struct Start {
    pub count: usize,
    pub value: f64,
}

impl Memory {
    /// At first; `None` where the fused update cannot run.
    pub(super) fn new(var: &Var, Start { count, value }: Start) -> Option<Self> {
        let n = var.elem_count();
        match (var.device(), var.dtype()) {
            (Device::Cpu, DType::F32) if var.is_contiguous() => Some(Self::F32(vec![vec![value as f32; n]; count])),
            (Device::Cpu, DType::F64) if var.is_contiguous() => Some(Self::F64(vec![vec![value; n]; count])),
            _ => None,
        }
    }

    /// Copies, of the parameter's shape.
    pub(super) fn tensors(&self, var: &Var) -> Result<Vec<Tensor>> {
        Ok(match self {
            Self::F32(memory) => each(memory, |numbers| made(numbers, var))?,
            Self::F64(memory) => each(memory, |numbers| made(numbers, var))?,
        })
    }

    /// The same kind of memory with other contents, of the right shapes and dtype.
    pub(super) fn filled(&self, tensors: &[Tensor]) -> Result<Self> {
        Ok(match self {
            Self::F32(_) => Self::F32(each(tensors, transfer::to_host)?),
            Self::F64(_) => Self::F64(each(tensors, transfer::to_host)?),
        })
    }
}

fn made<T: WithDType>(numbers: &[T], var: &Var) -> candle_core::Result<Tensor> {
    transfer::to_device(numbers.to_vec(), var.shape(), &Device::Cpu)
}

fn each<T, U>(
    items: impl IntoIterator<Item = T>,
    f: impl Fn(T) -> candle_core::Result<U>,
) -> candle_core::Result<Vec<U>> {
    items.into_iter().map(f).collect()
}
