//! Softmax, its logarithm, and the sum of exponentials below both.

use candle_core::Tensor;
use candle_core::shape::Dim;
use candlelight_base::range;
use candlelight_kernels as kernels;

use super::{check_float, type_range, within};
use crate::{Error, Result};

/// Logarithm of a sum of exponentials over `dim`, a smooth maximum.
///
/// ```text
/// logsumexp(x) = log Σᵢ exp(xᵢ) = m + log Σᵢ exp(xᵢ - m),    m = maxᵢ xᵢ        ∂/∂xᵢ = softmax(x)ᵢ
/// ```
///
/// The first form overflows: exp(89) is beyond F32 and exp(710) beyond F64. In the second no exponent is above 0 and one is
/// 0, so the sum lies between 1 and the number of terms. `m` cancels, hence it takes no part in the gradient.
///
/// Returns `x`'s shape without `dim`. A row of -∞ alone gives -∞, the logarithm of an empty sum.
///
/// # Errors
/// If `x` is not of a float dtype, or `dim` is not one of its dimensions or empty.
///
/// ```
/// use candlelight::{activation::logsumexp, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::new(&[1000f64, 1000.], &Device::Cpu)?;
/// let naive = x.exp()?.sum_all()?.log()?.to_scalar::<f64>()?;
/// assert!(naive.is_infinite());
/// assert!((logsumexp(&x, 0)?.to_scalar::<f64>()? - (1000. + 2f64.ln())).abs() < 1e-9);
/// # Ok(()) }
/// ```
pub fn logsumexp(x: &Tensor, dim: impl Dim) -> Result<Tensor> {
    let dim = check_dim("logsumexp", x, dim)?;
    if x.elem_count() == 0 {
        return Ok(x.narrow(dim, 0, 1)?.squeeze(dim)?);
    }
    // An infinite maximum would give ∞ - ∞; the largest finite number serves as well.
    let limit = if x.dtype() == candle_core::DType::F64 { f64::MAX } else { f64::from(f32::MAX) };
    let max = within(&x.max_keepdim(dim)?.detach(), limit)?;
    let sum = x.broadcast_sub(&max)?.exp()?.sum_keepdim(dim)?;
    Ok((sum.log()? + max)?.squeeze(dim)?)
}

/// Softmax over `dim`: positive numbers that sum to 1.
///
/// ```text
/// softmax(x)ᵢ = exp(xᵢ - m) / Σⱼ exp(xⱼ - m),    m = maxⱼ xⱼ        ∂pᵢ/∂xⱼ = pᵢ (δᵢⱼ - pⱼ)
/// ```
///
/// Without `m`, exp overflows and the quotient is ∞/∞ = NaN: at logits of 89 in F32, of 710 in F64. Adding a constant
/// to every logit changes nothing, so subtracting the maximum is exact.
///
/// Same shape as `x`. `candle_nn::ops::softmax_last_dim` of Candle 0.11.1 gives no gradient at all to what lies upstream, and
/// no error; this one is composed of operations that do.
///
/// # Errors
/// If `x` is not of a float dtype, or `dim` is not one of its dimensions or empty.
///
/// ```
/// use candlelight::{activation::softmax, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let p = softmax(&Tensor::new(&[[1000f32, 1000.], [0., 3f32.ln()]], &Device::Cpu)?, D::Minus1)?.to_vec2::<f32>()?;
/// assert_eq!(p[0], [0.5, 0.5]);
/// assert!((p[1][1] - 0.75).abs() < 1e-6);
/// # Ok(()) }
/// ```
pub fn softmax(x: &Tensor, dim: impl Dim) -> Result<Tensor> {
    let dim = check_dim("softmax", x, dim)?;
    if x.elem_count() == 0 {
        return Ok(x.clone());
    }
    if dim + 1 == x.rank() && kernels::can_take(&[x]) {
        return kernels::softmax::softmax(x, false);
    }
    let exp = x.broadcast_sub(&x.max_keepdim(dim)?.detach())?.exp()?;
    Ok(exp.broadcast_div(&exp.sum_keepdim(dim)?)?)
}

/// Softmax of `x / temperature`.
///
/// Towards temperature 0 it becomes argmax (a one-hot vector); at ∞ it is uniform. Hinton, Vinyals and Dean (2015),
/// section 2, eq. 1.
///
/// `temperature`: above 0 and finite; 1 is plain [`softmax`].
///
/// # Errors
/// As [`softmax`], or a temperature outside its range.
///
/// ```
/// use candlelight::{activation::softmax_with_temperature, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::new(&[1f32, 2.], &Device::Cpu)?;
/// let cold = softmax_with_temperature(&x, 0, 0.01)?.to_vec1::<f32>()?;
/// let hot = softmax_with_temperature(&x, 0, 100.)?.to_vec1::<f32>()?;
/// assert!(cold[1] > 0.999 && hot[1] < 0.503);
/// # Ok(()) }
/// ```
pub fn softmax_with_temperature(x: &Tensor, dim: impl Dim, temperature: f64) -> Result<Tensor> {
    let dim = check_dim("softmax", x, dim)?;
    softmax(&cool(x, dim, temperature)?, dim)
}

/// Logarithm of [`softmax`] over `dim`.
///
/// ```text
/// log_softmax(x)ᵢ = xᵢ - logsumexp(x)        ∂/∂xⱼ = δᵢⱼ - softmax(x)ⱼ
/// ```
///
/// Taking the logarithm after the softmax fails where a probability underflows to 0: the loss is then ∞ and its gradient NaN.
/// Here nothing is divided and no small number is taken the logarithm of.
///
/// Same shape as `x`.
///
/// # Errors
/// If `x` is not of a float dtype, or `dim` is not one of its dimensions or empty.
///
/// ```
/// use candlelight::{activation::{log_softmax, softmax}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::new(&[0f32, 1000.], &Device::Cpu)?;
/// assert_eq!(log_softmax(&x, 0)?.to_vec1::<f32>()?, [-1000., 0.]);
/// assert_eq!(softmax(&x, 0)?.log()?.to_vec1::<f32>()?, [f32::NEG_INFINITY, 0.]);
/// # Ok(()) }
/// ```
pub fn log_softmax(x: &Tensor, dim: impl Dim) -> Result<Tensor> {
    let dim = check_dim("log_softmax", x, dim)?;
    if x.elem_count() == 0 {
        return Ok(x.clone());
    }
    if dim + 1 == x.rank() && kernels::can_take(&[x]) {
        return kernels::softmax::softmax(x, true);
    }
    let shifted = x.broadcast_sub(&x.max_keepdim(dim)?.detach())?;
    let log_sum = shifted.exp()?.sum_keepdim(dim)?.log()?;
    Ok(shifted.broadcast_sub(&log_sum)?)
}

/// Logarithm of [`softmax_with_temperature`].
///
/// A student that is to match a teacher's softened probabilities is compared in these. Hinton, Vinyals and Dean (2015),
/// section 2.
///
/// `temperature`: above 0 and finite; 1 is plain [`log_softmax`].
///
/// # Errors
/// As [`softmax`], or a temperature outside its range.
///
/// ```
/// use candlelight::{activation::log_softmax_with_temperature, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::new(&[0f64, 2. * 3f64.ln()], &Device::Cpu)?;
/// let log_p = log_softmax_with_temperature(&x, 0, 2.)?.to_vec1::<f64>()?;
/// assert!((log_p[1] - 0.75f64.ln()).abs() < 1e-12);
/// # Ok(()) }
/// ```
pub fn log_softmax_with_temperature(x: &Tensor, dim: impl Dim, temperature: f64) -> Result<Tensor> {
    let dim = check_dim("log_softmax", x, dim)?;
    log_softmax(&cool(x, dim, temperature)?, dim)
}

/// (x - maxⱼ xⱼ) / temperature: the largest is 0, and what overflows becomes -∞, whose exponential is 0 as well.
fn cool(x: &Tensor, dim: usize, temperature: f64) -> Result<Tensor> {
    range::positive("temperature", temperature)?;
    if temperature == 1.0 || x.elem_count() == 0 {
        return Ok(x.clone());
    }
    // Beyond the range of the type the result has come to its limit.
    let (least, most) = type_range(x.dtype());
    Ok((x.broadcast_sub(&x.max_keepdim(dim)?.detach())? / temperature.clamp(least, most))?)
}

/// Candle refuses a maximum over nothing, but also over no rows; callers take care of the latter.
fn check_dim(what: &'static str, x: &Tensor, dim: impl Dim) -> Result<usize> {
    check_float(what, x)?;
    let dim = dim.to_index(x.shape(), what).map_err(|error| out_of_range(what, x, error))?;
    if x.dims()[dim] == 0 {
        return Err(Error::shape(what, format!("dimension {dim} not empty"), x.dims()));
    }
    Ok(dim)
}

/// The same in this crate's words: Candle's may come with a backtrace.
fn out_of_range(what: &'static str, x: &Tensor, error: candle_core::Error) -> Error {
    match error {
        candle_core::Error::WithBacktrace { inner, .. } => out_of_range(what, x, *inner),
        candle_core::Error::DimOutOfRange { dim, .. } => {
            Error::shape(what, format!("with a dimension {dim}"), x.dims())
        }
        other => other.into(),
    }
}
