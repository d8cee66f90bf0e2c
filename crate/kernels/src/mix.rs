//! What joins two ways through a network: the sum of a residual, the gate of a highway layer.
//!
//! Candle's own sum would lie between all layers and the tape: the backward pass, which starts anew at each layer on the tape,
//! would walk along the shortcuts down to the input every time, quadratic in the number of layers.

use candle_core::Tensor;
use candlelight_base::Result;

use super::values::{map, map2};
use super::{Real, contiguous, for_dtype, values};
use crate::autograd::apply1;

/// a + b of two tensors of one shape.
pub fn sum(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    for_dtype!(a.dtype(), T => {
        let (left, right) = (contiguous(a)?, contiguous(b)?);
        let y = map2::<T>(&values(&left)?, &values(&right)?, #[inline(always)] |a, b| a + b);
        apply1("sum", &[a, b], y, a.shape(), |grad, op| {
            Ok(op.needs.iter().map(|need| need.then(|| grad.clone())).collect())
        })
    })
}

/// t ⊙ h + (1 - t) ⊙ x of three tensors of one shape.
pub fn gated(t: &Tensor, h: &Tensor, x: &Tensor) -> Result<Tensor> {
    for_dtype!(x.dtype(), T => {
        let [gate, new, old] = [contiguous(t)?, contiguous(h)?, contiguous(x)?];
        let written = {
            let change = map2::<T>(&values(&new)?, &values(&old)?, #[inline(always)] |h, x| h - x);
            map2::<T>(&values(&gate)?, &change, #[inline(always)] |t, change| t * change)
        };
        let y = map2::<T>(&values(&old)?, &written, #[inline(always)] |x, written| x + written);
        apply1("gated", &[t, h, x], y, x.shape(), move |grad, op| {
            let times = |factor: &[T]| -> Result<Tensor> {
                let product = map2::<T>(&values(grad)?, factor, #[inline(always)] |g, factor| g * factor);
                Ok(Tensor::from_vec(product, grad.shape(), grad.device())?)
            };
            // Of t, h and x: what the gradient is multiplied by.
            let factors: [&dyn Fn() -> Result<Vec<T>>; 3] = [
                &|| Ok(map2::<T>(&values(&new)?, &values(&old)?, #[inline(always)] |h, x| h - x)),
                &|| Ok(values::<T>(&gate)?.to_vec()),
                &|| Ok(map::<T>(&values(&gate)?, #[inline(always)] |t| T::ONE - t)),
            ];
            let of = |(factor, &need): (&&dyn Fn() -> Result<Vec<T>>, &bool)| match need {
                true => times(&factor()?).map(Some),
                false => Ok(None),
            };
            factors.iter().zip(op.needs).map(of).collect()
        })
    })
}
