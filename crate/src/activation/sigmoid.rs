//! Sigmoid, hyperbolic tangent, and the sigmoid-weighted unit.

use candle_core::Tensor;
use candlelight_kernels as kernels;
use candlelight_kernels::activation::{Curve, Unary, activation, curve};

use super::check_float;
use crate::Result;

/// Logistic sigmoid.
///
/// ```text
/// σ(x) = 1 / (1 + exp(-x))        σ'(x) = σ(x) (1 - σ(x)) ≤ 1/4
/// ```
///
/// Element-wise, any shape; finite for every finite `x`.
///
/// # Errors
/// If `x` is not of a float dtype.
///
/// ```
/// use candlelight::{activation::sigmoid, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let y = sigmoid(&Tensor::new(&[-1000f32, 0., 1000.], &Device::Cpu)?)?;
/// assert_eq!(y.to_vec1::<f32>()?, [0., 0.5, 1.]);
/// # Ok(()) }
/// ```
pub fn sigmoid(x: &Tensor) -> Result<Tensor> {
    check_float("sigmoid", x)?;
    if kernels::can_take(&[x]) {
        return activation(x, Unary::Sigmoid);
    }
    match kernels::card::activation(x, Unary::Sigmoid)? {
        Some(y) => Ok(y),
        None => Ok(candle_nn::ops::sigmoid(x)?),
    }
}

/// Hyperbolic tangent: a sigmoid between -1 and 1 with mean 0.
///
/// ```text
/// tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x)) = 2σ(2x) - 1        tanh'(x) = 1 - tanh²(x) ≤ 1
/// ```
///
/// Element-wise, any shape.
///
/// # Errors
/// If `x` is not of a float dtype.
///
/// ```
/// use candlelight::{activation::tanh, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let y = tanh(&Tensor::new(&[-1000f32, 0., 1000.], &Device::Cpu)?)?;
/// assert_eq!(y.to_vec1::<f32>()?, [-1., 0., 1.]);
/// # Ok(()) }
/// ```
pub fn tanh(x: &Tensor) -> Result<Tensor> {
    check_float("tanh", x)?;
    if kernels::can_take(&[x]) {
        return activation(x, Unary::Tanh);
    }
    match kernels::card::activation(x, Unary::Tanh)? {
        Some(y) => Ok(y),
        None => Ok(x.tanh()?),
    }
}

/// Sigmoid-weighted linear unit, also called swish.
///
/// ```text
/// silu(x) = x σ(x)        silu'(x) = σ(x) + x σ(x) (1 - σ(x))
/// ```
///
/// Element-wise, any shape. At -∞ it is NaN (-∞ · 0), as in PyTorch, and so is the derivative at ±∞. `Tensor::silu` of
/// Candle 0.11.1 computes the derivative as σ (1 - silu) + silu, which cancels where `x` is large: in F32 it is 0 at 10⁸
/// instead of 1.
///
/// Elfwing, Uchibe and Doya (2018), section 2.
///
/// # Errors
/// If `x` is not of a float dtype.
///
/// ```
/// use candlelight::{activation::silu, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let x = Var::new(&[0f32, 1e8], &Device::Cpu)?;
/// let y = silu(&x)?;
/// assert_eq!(y.to_vec1::<f32>()?, [0., 1e8]);
/// let gradient = y.sum_all()?.backward()?;
/// assert_eq!(gradient.get(&x).unwrap().to_vec1::<f32>()?, [0.5, 1.]);
/// # Ok(()) }
/// ```
pub fn silu(x: &Tensor) -> Result<Tensor> {
    check_float("silu", x)?;
    if kernels::can_take(&[x]) {
        return curve(x, Curve::Silu);
    }
    Ok((x * candle_nn::ops::sigmoid(x)?)?)
}
