//! Penalties on the size of the weights.

use candle_core::Tensor;
use candlelight_base::range;
use candlelight_kernels as kernels;
use candlelight_kernels::penalty::{Norm, penalty};

use crate::activation::abs;
use crate::params::Param;
use crate::{Error, Result};

/// L1 penalty, a scalar to scale by λ and add to the loss.
///
/// ```text
/// l1(w) = Σ |w|        ∂/∂w = sign(w),  0 at w = 0
/// ```
///
/// The pull towards 0 has the same strength however small a weight is, which makes exact zeros; for them to stay, the
/// subgradient at 0 must be 0 (that of `Tensor::abs` in Candle 0.11.1 is 1). Tibshirani (1996), section 2.
///
/// `params`: at least one, say [`weights`](super::weights) of the model.
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
#[doc(alias = "lasso")]
pub fn l1(params: &[Param]) -> Result<Tensor> {
    sum_over(params, Norm::L1)
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
/// `params`: at least one, say [`weights`](super::weights) of the model.
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
#[doc(alias("weight decay", "ridge"))]
pub fn l2(params: &[Param]) -> Result<Tensor> {
    sum_over(params, Norm::L2)
}

/// Elastic net penalty, a scalar to add to the loss.
///
/// ```text
/// elastic_net(w) = λ₁ Σ |w| + λ₂ Σ w²        ∂/∂w = λ₁ sign(w) + 2 λ₂ w
/// ```
///
/// L1 alone picks one of several correlated inputs; with some L2 it keeps them together, and still makes zeros. Zou and
/// Hastie (2005), eq. 3. (Others write one λ and a mixing ratio: λ₁ = λ ρ, λ₂ = λ (1 - ρ) / 2.)
///
/// `params`: at least one, say [`weights`](super::weights) of the model; `lambda1`, `lambda2`: finite and at least 0.
///
/// # Errors
/// If there are no parameters, or a factor is outside its range.
///
/// ```
/// use candlelight::{prelude::*, regularization::elastic_net};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// params.var("w", 3, Init::Constant(-2.))?;
/// assert_eq!(elastic_net(&params.trainable(), 0.5, 0.25)?.to_scalar::<f32>()?, 0.5 * 6. + 0.25 * 12.);
/// # Ok(()) }
/// ```
pub fn elastic_net(params: &[Param], lambda1: f64, lambda2: f64) -> Result<Tensor> {
    for (name, value) in [("lambda1", lambda1), ("lambda2", lambda2)] {
        range::not_negative(name, value)?;
    }
    Ok(((l1(params)? * lambda1)? + (l2(params)? * lambda2)?)?)
}

fn sum_over(params: &[Param], norm: Norm) -> Result<Tensor> {
    let weights: Vec<&Tensor> = params.iter().map(|param| param.var.as_tensor()).collect();
    match weights.split_first() {
        None => Err(Error::setting("params", "at least one parameter", "none")),
        Some((first, _)) if kernels::can_take(&weights) => penalty(first.dtype(), &weights, norm),
        Some((first, rest)) => Ok(rest.iter().try_fold(composed(first, norm)?, |sum, w| sum + composed(w, norm)?)?),
    }
}

/// The penalty of one weight, made of Candle's operations.
fn composed(w: &Tensor, norm: Norm) -> candle_core::Result<Tensor> {
    match norm {
        Norm::L1 => abs(w)?.sum_all(),
        Norm::L2 => w.sqr()?.sum_all(),
    }
}
