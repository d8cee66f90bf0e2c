//! The rectified linear unit and its kin: linear above 0, each with its own answer below.

use candle_core::Tensor;
use candlelight_kernels as kernels;
use candlelight_kernels::activation::{Curve, Unary, activation, curve};
use candlelight_kernels::autograd::with_backward;

use super::stable::{expm1_of_nonpositive, softplus_parts};
use super::{check_finite, check_float, type_range};
use crate::{Error, Result};

/// Rectified linear unit.
///
/// ```text
/// relu(x) = max(x, 0)        relu'(x) = 1 if x > 0, else 0
/// ```
///
/// Element-wise, any shape. The derivative at 0 is 0, as in PyTorch; `Tensor::relu` of Candle 0.11.1 has 1 there, which
/// matters wherever exact zeros occur (padding, dropped units, the output of another ReLU). NaN stays NaN.
///
/// # Errors
/// If `x` is not of a float dtype.
///
/// ```
/// use candlelight::{activation::relu, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let x = Var::new(&[-1f32, 0., 2.], &Device::Cpu)?;
/// let y = relu(&x)?;
/// assert_eq!(y.to_vec1::<f32>()?, [0., 0., 2.]);
/// let gradient = y.sum_all()?.backward()?;
/// assert_eq!(gradient.get(&x).unwrap().to_vec1::<f32>()?, [0., 0., 1.]);
/// # Ok(()) }
/// ```
pub fn relu(x: &Tensor) -> Result<Tensor> {
    check_float("relu", x)?;
    if kernels::can_take(&[x]) {
        return activation(x, Unary::Relu);
    }
    if x.elem_count() == 0 && !x.device().is_cpu() {
        return kernels::empty(x.shape(), [x]); // a card launches nothing for nothing
    }
    if let Some(y) = kernels::card::activation(x, Unary::Relu)? {
        return Ok(y);
    }
    let value = x.detach();
    let zeros = value.zeros_like()?;
    let off = value.le(&zeros)?;
    let y = off.where_cond(&zeros, &value)?;
    with_backward("relu", &[x], &y, x.shape(), move |gradient, _| Ok(vec![Some(off.where_cond(&zeros, gradient)?)]))
}

/// [`relu`] with a small slope below 0, so that a unit that is off still learns.
///
/// ```text
/// leaky_relu(x) = x if x > 0, else a x        leaky_relu'(x) = 1 if x > 0, else a
/// ```
///
/// Element-wise, any shape. The derivative at 0 is a, as in PyTorch; `candle_nn::ops::leaky_relu` of Candle 0.11.1 has
/// (1 + a)/2 there.
///
/// `negative_slope`: a, finite in the type of `x`; 0.01 in PyTorch. Maas, Hannun and Ng (2013), section 2.
///
/// # Errors
/// If `x` is not of a float dtype, or the slope is not finite.
///
/// ```
/// use candlelight::{activation::leaky_relu, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let y = leaky_relu(&Tensor::new(&[-2f32, 0., 2.], &Device::Cpu)?, 0.25)?;
/// assert_eq!(y.to_vec1::<f32>()?, [-0.5, 0., 2.]);
/// # Ok(()) }
/// ```
pub fn leaky_relu(x: &Tensor, negative_slope: f64) -> Result<Tensor> {
    check_float("leaky_relu", x)?;
    check_finite("negative_slope", negative_slope, x.dtype())?;
    if kernels::can_take(&[x]) {
        return kernels::activation::leaky_relu(x, negative_slope);
    }
    if x.elem_count() == 0 && !x.device().is_cpu() {
        return kernels::empty(x.shape(), [x]); // a card launches nothing for nothing
    }
    if let Some(y) = kernels::card::leaky_relu(x, negative_slope)? {
        return Ok(y);
    }
    let value = x.detach();
    let on = value.gt(&value.zeros_like()?)?;
    let y = on.where_cond(&value, &(&value * negative_slope)?)?;
    with_backward("leaky_relu", &[x], &y, x.shape(), move |gradient, _| {
        Ok(vec![Some(on.where_cond(gradient, &(gradient * negative_slope)?)?)])
    })
}

/// Exponential linear unit: below 0 it saturates at -α, which brings the mean of the outputs nearer to 0.
///
/// ```text
/// elu(x) = x if x > 0, else α (exp(x) - 1)        elu'(x) = 1 if x > 0, else α exp(x)
/// ```
///
/// Element-wise, any shape. exp(x) - 1 keeps its digits near 0, where the plain difference of `Tensor::elu` of Candle 0.11.1
/// loses them: that is 0 at -10⁻⁸ in F32.
///
/// `alpha`: α, finite in the type of `x`; 1 in PyTorch. Clevert, Unterthiner and Hochreiter (2016), section 3.
///
/// # Errors
/// If `x` is not of a float dtype, or α is not finite.
///
/// ```
/// use candlelight::{activation::elu, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let y = elu(&Tensor::new(&[-1000f32, -1e-8, 0., 2.], &Device::Cpu)?, 1.)?;
/// assert_eq!(y.to_vec1::<f32>()?, [-1., -1e-8, 0., 2.]);
/// # Ok(()) }
/// ```
pub fn elu(x: &Tensor, alpha: f64) -> Result<Tensor> {
    check_float("elu", x)?;
    check_finite("alpha", alpha, x.dtype())?;
    if kernels::can_take(&[x]) {
        return curve(x, Curve::Elu { alpha });
    }
    let zeros = x.zeros_like()?;
    let positive = x.gt(&zeros)?;
    // What is above 0 must not reach the exponential: an infinite value there would turn the gradient into 0 · ∞.
    let below = expm1_of_nonpositive(&positive.where_cond(&zeros, x)?)?;
    Ok(positive.where_cond(x, &(below * alpha)?)?)
}

/// A smooth [`relu`].
///
/// ```text
/// softplus(x) = log(1 + exp(β x)) / β if β x ≤ threshold, else x        softplus'(x) = σ(β x), or 1
/// ```
///
/// Element-wise, any shape. The form without overflow is max(x, 0) + log(1 + exp(-|x|)). It is right for every `x`, so the
/// threshold is here only to agree with PyTorch, whose plain form needs it; `f64::INFINITY` switches it off.
///
/// `beta`: β, above 0 and finite in the type of `x` (from 1.2e-38 in F32), 1 in PyTorch; `threshold`: not NaN, 20 in PyTorch.
/// Dugas et al. (2001).
///
/// # Errors
/// If `x` is not of a float dtype, or a setting is outside its range.
///
/// ```
/// use candlelight::{activation::softplus, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let y = softplus(&Tensor::new(&[-1000f64, 0., 1000.], &Device::Cpu)?, 1., 20.)?.to_vec1::<f64>()?;
/// assert!(y[0] == 0. && (y[1] - 2f64.ln()).abs() < 1e-15 && y[2] == 1000.);
/// # Ok(()) }
/// ```
pub fn softplus(x: &Tensor, beta: f64, threshold: f64) -> Result<Tensor> {
    check_float("softplus", x)?;
    let (least, most) = type_range(x.dtype());
    if !(least..=most).contains(&beta) {
        return Err(Error::setting("beta", "above 0 and finite in the type of the numbers", beta));
    }
    if threshold.is_nan() {
        return Err(Error::setting("threshold", "a number", threshold));
    }
    if kernels::can_take(&[x]) {
        return curve(x, Curve::Softplus { beta, threshold });
    }
    let (positive, rest) = softplus_parts(x, beta)?;
    let soft = (positive + (rest / beta)?)?;
    if threshold == f64::INFINITY {
        return Ok(soft);
    }
    let limit = (x.ones_like()? * threshold)?;
    Ok((x * beta)?.gt(&limit)?.where_cond(x, &soft)?)
}
