use candle_core::Tensor;

use super::{Mode, Module};
use crate::Result;

/// A closure as a layer of a [`Sequential`](super::Sequential); made by [`from_fn`].
#[derive(Debug, Clone, Copy)]
pub struct FromFn<F>(F);

/// A layer without parameters, from what it computes.
///
/// ```
/// use candlelight::{nn::from_fn, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let square = from_fn(|x, _| Ok(x.sqr()?));
/// let model = Sequential::new().push(square).push(Activation::Relu);
/// assert_eq!(model.forward(&Tensor::new(&[-3f32], &Device::Cpu)?, Mode::Eval)?.to_vec1::<f32>()?, [9.]);
/// # Ok(()) }
/// ```
pub fn from_fn<F: Fn(&Tensor, Mode) -> Result<Tensor> + Send + Sync>(f: F) -> FromFn<F> {
    FromFn(f)
}

impl<F: Fn(&Tensor, Mode) -> Result<Tensor> + Send + Sync> Module for FromFn<F> {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        (self.0)(x, mode)
    }
}

/// A layer of Candle as one of this crate; made by [`from_candle`].
#[derive(Debug, Clone, Copy)]
pub struct FromCandle<M>(M);

/// Any [`candle_nn::Module`] as a layer. It does the same in training and in evaluation, and its parameters are those of its
/// own `VarBuilder`, not of a [`Params`](crate::params::Params).
///
/// Several of Candle's layers pass no gradient, or a wrong one; see their counterparts here.
///
/// ```
/// use candlelight::{candle_nn, nn::from_candle, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let weight = Tensor::new(&[[2f32, 0.], [0., 3.]], &Device::Cpu)?;
/// let model = Sequential::new().push(from_candle(candle_nn::Linear::new(weight, None))).push(Activation::Relu);
/// let y = model.forward(&Tensor::new(&[[1f32, -1.]], &Device::Cpu)?, Mode::Eval)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[2., 0.]]);
/// # Ok(()) }
/// ```
pub fn from_candle<M: candle_nn::Module + Send + Sync>(layer: M) -> FromCandle<M> {
    FromCandle(layer)
}

impl<M: candle_nn::Module + Send + Sync> Module for FromCandle<M> {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        Ok(self.0.forward(x)?)
    }
}
