//! What gradients are made of beside the kernels: sums and multiples.

use candle_core::{DType, Tensor};
use candlelight_base::Result;

use crate::dispatch::{can_take, for_dtype};
use crate::values::{map2, values};

/// The sum of two tensors of one shape.
pub(crate) fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if !can_take(&[a, b]) {
        return Ok((a + b)?);
    }
    for_dtype!(a.dtype(), T => {
        let (left, right) = (values::<T>(a)?, values::<T>(b)?);
        let sum = map2(&left, &right, #[inline(always)] |x, y| x + y);
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
