//! Penalties on the size of the weights.

use candle_core::Tensor;

use crate::params::{Param, Params};
use crate::{Error, Result};

/// The trainable parameters of two or more dimensions: weights, but neither biases nor the scales and shifts of
/// normalization layers, which hold no complexity to speak of and are usually not penalised.
///
/// ```
/// use candlelight::{nn::linear, prelude::*, regularization::weights};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// linear(3, 2, params.pp("fc"))?;
/// assert_eq!(weights(&params).iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["fc.weight"]);
/// # Ok(()) }
/// ```
pub fn weights(params: &Params) -> Vec<Param> {
    params.trainable().into_iter().filter(|param| param.var.rank() >= 2).collect()
}

/// L1 penalty, a scalar to scale by λ and add to the loss.
///
/// ```text
/// l1(w) = Σ |w|        ∂/∂w = sign(w),  0 at w = 0
/// ```
///
/// The pull towards 0 has the same strength however small a weight is, which makes exact zeros; for them to stay, the
/// subgradient at 0 must be 0 (that of `Tensor::abs` in Candle 0.11.1 is 1). Tibshirani (1996), section 2.
///
/// `params`: at least one, say [`weights`] of the model.
///
/// # Errors
/// If there are no parameters.
///
/// ```
/// use candlelight::{prelude::*, regularization::l1};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// params.var("w", 3, Init::Constant(-2.))?;
/// assert_eq!(l1(&params.trainable())?.to_scalar::<f32>()?, 6.);
/// # Ok(()) }
/// ```
pub fn l1(params: &[Param]) -> Result<Tensor> {
    sum_over(params, |w| (w * w.sign()?)?.sum_all())
}

/// L2 penalty, a scalar to scale by λ and add to the loss.
///
/// ```text
/// l2(w) = Σ w²        ∂/∂w = 2w
/// ```
///
/// There is no factor ½: adding λ·l2 adds 2λw to the gradient, so plain gradient descent with rate η shrinks each weight by
/// the factor 1 - 2ηλ a step, and λ here is half of the optimizers' `weight_decay`. Krogh and Hertz (1991), eq. 2.
///
/// `params`: at least one, say [`weights`] of the model.
///
/// # Errors
/// If there are no parameters.
///
/// ```
/// use candlelight::{prelude::*, regularization::l2};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let w = params.var("w", 3, Init::Constant(-2.))?;
/// let penalty = l2(&params.trainable())?;
/// assert_eq!(penalty.to_scalar::<f32>()?, 12.);
/// assert_eq!(penalty.backward()?.get(&w).unwrap().to_vec1::<f32>()?, [-4.; 3]);
/// # Ok(()) }
/// ```
pub fn l2(params: &[Param]) -> Result<Tensor> {
    sum_over(params, |w| w.sqr()?.sum_all())
}

fn sum_over(params: &[Param], penalty: impl Fn(&Tensor) -> candle_core::Result<Tensor>) -> Result<Tensor> {
    let Some((first, rest)) = params.split_first() else {
        return Err(Error::setting("params", "at least one parameter", "none"));
    };
    rest.iter().try_fold(penalty(&first.var)?, |sum, param| Ok((sum + penalty(&param.var)?)?))
}
