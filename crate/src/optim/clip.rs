use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor};
use candlelight_base::{range, transfer};
use candlelight_kernels as kernels;
use candlelight_kernels::update::sum_of_squares;

use crate::activation::within;
use crate::params::Param;
use crate::{Error, Result};

/// Scales the gradients of `params` down so that their common Euclidean norm is at most `max_norm`, and returns the norm that
/// they had.
///
/// ```text
/// ‖g‖ = √(Σ over all parameters and elements of g²)
/// g ← g · min(1, max_norm / (‖g‖ + 10⁻⁶))
/// ```
///
/// The direction stays. Pascanu, Mikolov and Bengio (2013), algorithm 1; 10⁻⁶ as in PyTorch. `max_norm`: at least 0;
/// infinite only measures. The norm is summed in F64, and read once for all parameters; [`clip_grad_norm_unread`] leaves it
/// on its device.
///
/// A norm that is NaN or infinite makes the gradients NaN or 0, as in PyTorch, unless `error_if_nonfinite`.
///
/// # Errors
/// [`Error::MissingGradient`]; `max_norm` below 0 or NaN; with `error_if_nonfinite`, [`Error::GradientNorm`]. No gradient has
/// changed then.
///
/// ```
/// use candlelight::{optim::clip_grad_norm, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let x = params.var("x", 2, Init::Constant(1.))?;
/// let mut gradients = (x.as_tensor() * &Tensor::new(&[30f32, 40.], &Device::Cpu)?)?.sum_all()?.backward()?;
/// assert_eq!(clip_grad_norm(&mut gradients, &params.trainable(), 5., true)?, 50.);
/// assert!((gradients.get(&x).unwrap().to_vec1::<f32>()?[0] - 3.).abs() < 1e-6);
/// # Ok(()) }
/// ```
pub fn clip_grad_norm(
    gradients: &mut GradStore,
    params: &[Param],
    max_norm: f64,
    error_if_nonfinite: bool,
) -> Result<f64> {
    check(max_norm)?;
    let norm = squares(gradients, params)?.into_iter().sum::<f64>().sqrt();
    if error_if_nonfinite && !norm.is_finite() {
        return Err(Error::GradientNorm { value: norm });
    }
    let factor = max_norm / (norm + SMALL);
    // With an infinite limit, a norm that is infinite too makes a factor of NaN that is not meant.
    if max_norm < f64::INFINITY && (factor < 1.0 || factor.is_nan()) {
        replace(gradients, params, |gradient| gradient * factor)?;
    }
    Ok(norm)
}

/// [`clip_grad_norm`], where the host does not learn the norm: it stays on the device of the gradients, a scalar of F64, for
/// whoever wants to read it later.
///
/// On a card, reading waits until all is computed that was asked for; a step without that goes on at once. A norm that is NaN or
/// infinite is not refused, and makes the gradients NaN or 0. On the CPU there is nothing to wait for.
///
/// # Errors
/// [`Error::MissingGradient`]; `max_norm` below 0 or NaN; gradients on several devices. No gradient has changed then.
///
/// ```
/// use candlelight::{optim::clip_grad_norm_unread, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let x = params.var("x", 2, Init::Constant(1.))?;
/// let mut gradients = (x.as_tensor() * &Tensor::new(&[30f32, 40.], &Device::Cpu)?)?.sum_all()?.backward()?;
/// let norm = clip_grad_norm_unread(&mut gradients, &params.trainable(), 5.)?;
/// assert!((gradients.get(&x).unwrap().to_vec1::<f32>()?[0] - 3.).abs() < 1e-6);
/// assert_eq!(norm.to_scalar::<f64>()?, 50.);
/// # Ok(()) }
/// ```
pub fn clip_grad_norm_unread(gradients: &mut GradStore, params: &[Param], max_norm: f64) -> Result<Tensor> {
    check(max_norm)?;
    let mut all = Vec::with_capacity(params.len());
    for param in params {
        all.push(get(gradients, param)?);
    }
    let norm = all_squares(&all)?.sqrt()?;
    if max_norm < f64::INFINITY {
        let factor = ((&norm + SMALL)?.recip()? * max_norm)?;
        let one = factor.ones_like()?;
        // Not the smaller of the two: NaN must stay NaN.
        let factor = factor.ge(&one)?.where_cond(&one, &factor)?;
        replace(gradients, params, |gradient| gradient.broadcast_mul(&factor.to_dtype(gradient.dtype())?))?;
    }
    Ok(norm)
}

/// What PyTorch adds to the norm.
const SMALL: f64 = 1e-6;

fn check(max_norm: f64) -> Result<()> {
    if max_norm.is_nan() || max_norm < 0.0 {
        return Err(Error::setting("max_norm", "at least 0", max_norm));
    }
    Ok(())
}

/// Limits each element of the gradients of `params` to [-clip_value, clip_value]; NaN stays.
///
/// The direction changes, unlike under [`clip_grad_norm`]. `clip_value`: finite and at least 0.
///
/// # Errors
/// [`Error::MissingGradient`], or a value outside its range. No gradient has changed then.
///
/// ```
/// use candlelight::{optim::clip_grad_value, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let x = params.var("x", 2, Init::Constant(1.))?;
/// let mut gradients = (x.as_tensor() * &Tensor::new(&[-30f32, 0.5], &Device::Cpu)?)?.sum_all()?.backward()?;
/// clip_grad_value(&mut gradients, &params.trainable(), 1.)?;
/// assert_eq!(gradients.get(&x).unwrap().to_vec1::<f32>()?, [-1., 0.5]);
/// # Ok(()) }
/// ```
pub fn clip_grad_value(gradients: &mut GradStore, params: &[Param], clip_value: f64) -> Result<()> {
    range::not_negative("clip_value", clip_value)?;
    replace(gradients, params, |gradient| within(gradient, clip_value))
}

/// The Euclidean norm of each parameter's gradient, in the order of `params`: which layers learn, and which do not.
///
/// Each norm is summed in F64. Their own Euclidean norm is what [`clip_grad_norm`] measures.
///
/// # Errors
/// [`Error::MissingGradient`].
///
/// ```
/// use candlelight::{optim::grad_norms, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let (x, y) = (params.var("x", 2, Init::Constant(1.))?, params.var("y", 1, Init::Constant(1.))?);
/// let loss = ((x.as_tensor() * &Tensor::new(&[3f32, 4.], &Device::Cpu)?)?.sum_all()? + y.sum_all()?)?;
/// assert_eq!(grad_norms(&loss.backward()?, &params.trainable())?, [5., 1.]);
/// # Ok(()) }
/// ```
pub fn grad_norms(gradients: &GradStore, params: &[Param]) -> Result<Vec<f64>> {
    Ok(squares(gradients, params)?.into_iter().map(f64::sqrt).collect())
}

fn get<'a>(gradients: &'a GradStore, param: &Param) -> Result<&'a Tensor> {
    gradients.get(&param.var).ok_or_else(|| Error::MissingGradient { name: param.name.clone() })
}

fn replace(
    gradients: &mut GradStore,
    params: &[Param],
    change: impl Fn(&Tensor) -> candle_core::Result<Tensor>,
) -> Result<()> {
    let changed =
        params.iter().map(|param| Ok(change(&get(gradients, param)?.detach())?)).collect::<Result<Vec<_>>>()?;
    for (param, gradient) in params.iter().zip(changed) {
        gradients.insert(&param.var, gradient);
    }
    Ok(())
}

/// Σ g² of each parameter's gradient; one download for those that a kernel does not take.
fn squares(gradients: &GradStore, params: &[Param]) -> Result<Vec<f64>> {
    let (mut sums, mut elsewhere) = (Vec::with_capacity(params.len()), Vec::new());
    for param in params {
        let gradient = get(gradients, param)?;
        let sum = if kernels::is_composed() { None } else { sum_of_squares(gradient) };
        if sum.is_none() {
            elsewhere.push((sums.len(), own_squares(gradient)?));
        }
        sums.push(sum.unwrap_or_default());
    }
    let read = transfer::scalars(&elsewhere.iter().map(|(_, sum)| sum).collect::<Vec<_>>())?;
    for ((i, _), sum) in elsewhere.iter().zip(read) {
        sums[*i] = sum;
    }
    Ok(sums)
}

/// Σ g² of one gradient, a scalar of F64 on its device.
fn own_squares(gradient: &Tensor) -> candle_core::Result<Tensor> {
    gradient.detach().to_dtype(DType::F64)?.sqr()?.sum_all()
}

/// Σ g² of all gradients, a scalar of F64 on their device.
fn all_squares(gradients: &[&Tensor]) -> candle_core::Result<Tensor> {
    let Some(first) = gradients.first() else { return Tensor::zeros((), DType::F64, &Device::Cpu) };
    match gradients.iter().all(|gradient| gradient.dtype() == first.dtype()) {
        // One vector: three operations for all, and not for each.
        true => own_squares(&Tensor::cat(
            &gradients.iter().map(|g| g.detach().flatten_all()).collect::<candle_core::Result<Vec<_>>>()?,
            0,
        )?),
        false => {
            let sums =
                gradients.iter().map(|gradient| own_squares(gradient)).collect::<candle_core::Result<Vec<_>>>()?;
            Tensor::stack(&sums, 0)?.sum_all()
        }
    }
}
