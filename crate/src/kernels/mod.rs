//! The fast CPU forward and backward passes of the layers. What a layer computes is written plainly in
//! [`nn`](crate::nn) and its neighbours; this is where it is made fast.

#![allow(unsafe_code)] // Only here; each block says why it is sound.

pub(crate) mod activation;
pub(crate) mod conv;
pub(crate) mod embedding;
mod empty;
pub(crate) mod linear;
pub(crate) mod matmul;
pub(crate) mod mix;
pub(crate) mod norm;
pub(crate) mod pair_loss;
pub(crate) mod panels;
pub(crate) mod penalty;
pub(crate) mod pool;
pub(crate) mod pooling;
pub(crate) mod real;
pub(crate) mod recurrent;
pub(crate) mod rows;
pub(crate) mod scoped;
pub(crate) mod softmax;
pub(crate) mod update;
pub(crate) mod values;

use std::cell::RefCell;

use candle_core::{DType, Device, Tensor};

pub(crate) use empty::empty;
pub(crate) use real::Real;
pub(crate) use scoped::Scoped;
pub(crate) use values::{contiguous, values};

use crate::Result;

/// Runs `f` with every layer in its composed form, made of Candle's operations: the reference that the kernels are
/// tested against, and what other devices run.
///
/// ```
/// use candlelight::{kernels::composed, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let layer = linear(3, 2, Params::new(0, &Device::Cpu)?)?;
/// let x = Tensor::new(&[[1f32, 2., 3.]], &Device::Cpu)?;
/// let (fast, plain) = (layer.forward(&x, Mode::Eval)?, composed(|| layer.forward(&x, Mode::Eval))?);
/// assert!((fast - plain)?.abs()?.max_all()?.to_scalar::<f32>()? < 1e-6);
/// # Ok(()) }
/// ```
pub fn composed<T>(f: impl FnOnce() -> T) -> T {
    let _composed = Scoped::new(&COMPOSED, true);
    f()
}

thread_local! {
    static COMPOSED: RefCell<bool> = const { RefCell::new(false) };
}

/// Whether a kernel can take these: tensors of one dtype, F32 or F64, on the CPU, not empty.
pub(crate) fn can_take(tensors: &[&Tensor]) -> bool {
    let [first, ..] = tensors else { return false };
    !COMPOSED.with_borrow(|composed| *composed)
        && real::available()
        && matches!(first.dtype(), DType::F32 | DType::F64)
        && tensors.iter().all(|t| matches!(t.device(), Device::Cpu) && t.dtype() == first.dtype() && t.elem_count() > 0)
}

/// Runs an expression with `$T` standing for the number type of a dtype; `can_take` has seen to it that it is one of the two.
macro_rules! for_dtype {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            candle_core::DType::F64 => {
                type $T = f64;
                $body
            }
            _ => {
                type $T = f32;
                $body
            }
        }
    };
}
pub(crate) use for_dtype;

/// The sum of two tensors of one shape.
pub(crate) fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if !can_take(&[a, b]) {
        return Ok((a + b)?);
    }
    for_dtype!(a.dtype(), T => {
        let (left, right) = (values::<T>(a)?, values::<T>(b)?);
        let sum = values::map2(&left, &right, |x, y| x + y);
        Ok(Tensor::from_vec(sum, a.shape(), a.device())?)
    })
}

/// A gradient that was made in the forward pass, times that of a scalar loss, which is 1 where the loss is the last step.
pub(crate) fn scaled(gradient: &Option<Tensor>, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let upstream = grad.to_dtype(DType::F64)?.to_vec0::<f64>()?;
    Ok(vec![match gradient {
        Some(gradient) if upstream == 1.0 => Some(gradient.clone()),
        Some(gradient) => Some((gradient * upstream)?),
        None => None,
    }])
}
