//! Losses of quantities: squared, absolute, and in between.

use candle_core::{DType, Tensor};

use super::Reduction;
use super::checks::{check_same, fused};
use crate::activation::abs;
use crate::kernels::pair_loss::PairLoss;
use crate::{Error, Result};

/// Mean squared error over all elements.
///
/// ```text
/// L = 1/n Σᵢ (pᵢ - tᵢ)²        ∂L/∂pᵢ = 2 (pᵢ - tᵢ) / n
/// ```
///
/// In the square of the target's unit.
///
/// # Shapes
/// `prediction` and `target` of one shape and float dtype. Nothing is broadcast: a [N, 1] prediction against an `[N]` target
/// would silently become an N × N table of differences.
///
/// # Errors
/// Shapes or dtypes that differ, or no element.
///
/// ```
/// use candlelight::{loss::mse, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let prediction = Tensor::new(&[1f64, 2.], &Device::Cpu)?;
/// let target = Tensor::new(&[1f64, 4.], &Device::Cpu)?;
/// assert_eq!(mse(&prediction, &target)?.to_scalar::<f64>()?, 2.);
/// # Ok(()) }
/// ```
pub fn mse(prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
    mse_reduce(prediction, target, Reduction::Mean)
}

/// [`mse`] with a choice of reduction; [`Reduction::None`] has the shape of `target`.
///
/// # Errors
/// As [`mse`].
pub fn mse_reduce(prediction: &Tensor, target: &Tensor, reduction: Reduction) -> Result<Tensor> {
    check_same("target", prediction, target)?;
    match fused(prediction, target, PairLoss::Squared, reduction) {
        Some(loss) => loss,
        None => reduction.apply(&(prediction - target)?.sqr()?),
    }
}

/// Mean absolute error over all elements.
///
/// ```text
/// L = 1/n Σᵢ |pᵢ - tᵢ|        ∂L/∂pᵢ = sign(pᵢ - tᵢ) / n,  0 where they are equal
/// ```
///
/// In the unit of the target. Its best constant is the median, so an outlier counts no more than its side. PyTorch's
/// `L1Loss`. The derivative of `Tensor::abs` in Candle 0.11.1 is 1 at 0, which pushes predictions that are right.
///
/// # Shapes
/// As [`mse`].
///
/// # Errors
/// As [`mse`].
///
/// ```
/// use candlelight::{loss::mae, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let prediction = Tensor::new(&[1f64, 2.], &Device::Cpu)?;
/// let target = Tensor::new(&[1f64, 4.], &Device::Cpu)?;
/// assert_eq!(mae(&prediction, &target)?.to_scalar::<f64>()?, 1.);
/// # Ok(()) }
/// ```
pub fn mae(prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
    mae_reduce(prediction, target, Reduction::Mean)
}

/// [`mae`] with a choice of reduction; [`Reduction::None`] has the shape of `target`.
///
/// # Errors
/// As [`mae`].
pub fn mae_reduce(prediction: &Tensor, target: &Tensor, reduction: Reduction) -> Result<Tensor> {
    check_same("target", prediction, target)?;
    reduction.apply(&abs(&(prediction - target)?)?)
}

/// Huber loss, averaged over all elements: squared for small errors, absolute for large ones.
///
/// ```text
/// l(d) = d²/2 if |d| ≤ δ, else δ (|d| - δ/2),    d = p - t        ∂l/∂d = d clamped to [-δ, δ]
/// ```
///
/// `delta`: δ, above 0 and finite, in the unit of the target; 1 in PyTorch. Huber (1964), section 4.
///
/// # Shapes
/// As [`mse`].
///
/// # Errors
/// As [`mse`], or a δ outside its range.
///
/// ```
/// use candlelight::{loss::huber, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let prediction = Var::new(&[0.5f64, 10.], &Device::Cpu)?;
/// let loss = huber(&prediction, &prediction.zeros_like()?, 1.)?;
/// assert_eq!(loss.to_scalar::<f64>()?, (0.125 + 9.5) / 2.);
/// assert_eq!(loss.backward()?.get(&prediction).unwrap().to_vec1::<f64>()?, [0.25, 0.5]);
/// # Ok(()) }
/// ```
pub fn huber(prediction: &Tensor, target: &Tensor, delta: f64) -> Result<Tensor> {
    huber_reduce(prediction, target, delta, Reduction::Mean)
}

/// [`huber`] with a choice of reduction; [`Reduction::None`] has the shape of `target`.
///
/// # Errors
/// As [`huber`].
pub fn huber_reduce(prediction: &Tensor, target: &Tensor, delta: f64, reduction: Reduction) -> Result<Tensor> {
    check_same("target", prediction, target)?;
    if !(delta.is_finite() && delta > 0.0) {
        return Err(Error::setting("delta", "above 0 and finite", delta));
    }
    if let Some(loss) = fused(prediction, target, PairLoss::Huber { delta }, reduction) {
        return loss;
    }
    let difference = (prediction - target)?;
    // With the clamped difference c, both branches are c (d - c/2), and c is also the derivative: a constant to Candle.
    let clamped = difference.detach().clamp(-delta, delta)?;
    reduction.apply(&(&clamped * (difference - (&clamped * 0.5)?)?)?)
}

/// Smooth L1 loss, averaged over all elements: [`huber`] divided by its δ, so that its slope is at most 1.
///
/// ```text
/// l(d) = d²/(2β) if |d| < β, else |d| - β/2,    d = p - t
/// ```
///
/// `beta`: β, at least 0 and finite; 1 in PyTorch, and 0 gives [`mae`]. Girshick (2015), eq. 3.
///
/// # Shapes
/// As [`mse`].
///
/// # Errors
/// As [`mse`], or a β outside its range.
///
/// ```
/// use candlelight::{loss::smooth_l1, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let prediction = Tensor::new(&[1f64, 10.], &Device::Cpu)?;
/// let loss = smooth_l1(&prediction, &prediction.zeros_like()?, 2.)?;
/// assert_eq!(loss.to_scalar::<f64>()?, (0.25 + 9.) / 2.);
/// # Ok(()) }
/// ```
pub fn smooth_l1(prediction: &Tensor, target: &Tensor, beta: f64) -> Result<Tensor> {
    smooth_l1_reduce(prediction, target, beta, Reduction::Mean)
}

/// [`smooth_l1`] with a choice of reduction; [`Reduction::None`] has the shape of `target`.
///
/// # Errors
/// As [`smooth_l1`].
pub fn smooth_l1_reduce(prediction: &Tensor, target: &Tensor, beta: f64, reduction: Reduction) -> Result<Tensor> {
    if !(beta.is_finite() && beta >= 0.0) {
        return Err(Error::setting("beta", "at least 0 and finite", beta));
    }
    if beta == 0.0 {
        return mae_reduce(prediction, target, reduction);
    }
    check_same("target", prediction, target)?;
    if let Some(loss) = fused(prediction, target, PairLoss::SmoothL1 { beta }, reduction) {
        return loss;
    }
    let difference = (prediction - target)?;
    let constant = difference.detach();
    // With the clamped difference c and its share s = c/β, both branches are s (d - c/2), and s is also the derivative: a
    // constant to Candle. s is taken in F64, because β may be 0 or ∞ in F32.
    let share = constant.to_dtype(DType::F64)?.broadcast_div(&Tensor::new(beta, constant.device())?)?;
    let share = share.clamp(-1.0, 1.0)?.to_dtype(constant.dtype())?;
    reduction.apply(&(share * (difference - (constant.clamp(-beta, beta)? * 0.5)?)?)?)
}
