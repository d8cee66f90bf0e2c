//! What a layer makes of an empty batch.

use candle_core::{Device, Shape, Tensor};
use candlelight_base::{Error, Result};

use super::for_dtype;
use crate::autograd::apply1;

/// A tensor without elements that depends on all of `operands`, of one dtype, whose gradients are 0. Candle's sums and
/// products of nothing forget what they were made of.
///
/// # Errors
/// No operand.
pub fn empty<'a>(shape: impl Into<Shape>, operands: impl IntoIterator<Item = &'a Tensor>) -> Result<Tensor> {
    let (shape, operands): (Shape, Vec<&Tensor>) = (shape.into(), operands.into_iter().collect());
    let Some(first) = operands.first() else { return Err(Error::shape("operands", "at least one", &[0])) };
    if !operands.iter().all(|operand| matches!(operand.device(), Device::Cpu)) {
        return Ok(Tensor::zeros(shape, first.dtype(), first.device())?);
    }
    for_dtype!(first.dtype(), T => apply1("empty", &operands, Vec::<T>::new(), shape, |_, op| {
        let zeros = |(input, need): (&Tensor, &bool)| need.then(|| input.zeros_like()).transpose();
        Ok(op.inputs.iter().zip(op.needs).map(zeros).collect::<candle_core::Result<_>>()?)
    }))
}
