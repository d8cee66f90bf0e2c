//! Operations made of tensor operations whose backward pass is given, not recorded: for composed forms, on any device.
//!
//! Candle's own backward pass makes a tensor of zeros and a sum for each step back, through every change of shape. Where the
//! derivative of the whole is a few operations, it is written down instead.

use candle_core::{Shape, Tensor};
use candlelight_kernels::autograd::node_of;

use crate::Result;

/// A tensor of `shape` with the numbers of `value`, in their order, whose derivatives `backward` gives.
///
/// `backward` is given the gradient, contiguous, and for each of `inputs` whether its gradient is wanted; where it is, it
/// returns one of the shape and dtype of that input. What it holds must be detached, and it must not hold the result.
///
/// # Errors
/// Those of [`node_of`].
pub(super) fn explicit(
    name: &'static str,
    inputs: &[&Tensor],
    value: &Tensor,
    shape: impl Into<Shape>,
    backward: impl Fn(&Tensor, &[bool]) -> Result<Vec<Option<Tensor>>> + Send + Sync + 'static,
) -> Result<Tensor> {
    let needs: Vec<bool> = inputs.iter().map(|input| input.track_op()).collect();
    if !needs.contains(&true) {
        return Ok(value.reshape(shape.into())?);
    }
    node_of(name, inputs, value, shape, move |gradient| {
        let gradients = backward(&gradient.contiguous()?, &needs)?;
        // Candle would put a gradient that nobody wants among the others.
        Ok(gradients.into_iter().zip(&needs).map(|(gradient, need)| gradient.filter(|_| *need)).collect())
    })
}
