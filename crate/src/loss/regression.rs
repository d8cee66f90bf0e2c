//! Losses of quantities: squared, absolute, and in between.

use candle_core::{DType, Tensor};
use candlelight_base::range;
use candlelight_kernels::pair_loss::PairLoss;

use super::Reduction;
use super::checks::{check_same, fused};
use crate::Result;
use crate::activation::{abs, within};

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
    mse_with(prediction, target, Reduction::Mean)
}

/// [`mse`] with a choice of reduction; [`Reduction::None`] has the shape of `target`.
///
/// # Errors
/// As [`mse`].
pub fn mse_with(prediction: &Tensor, target: &Tensor, reduction: Reduction) -> Result<Tensor> {
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
    mae_with(prediction, target, Reduction::Mean)
}

/// [`mae`] with a choice of reduction; [`Reduction::None`] has the shape of `target`.
///
/// # Errors
/// As [`mae`].
pub fn mae_with(prediction: &Tensor, target: &Tensor, reduction: Reduction) -> Result<Tensor> {
    check_same("target", prediction, target)?;
    reduction.apply(&abs(&(prediction - target)?)?)
}

/// Settings of [`huber_with`], as those of PyTorch's `HuberLoss`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HuberConfig {
    /// δ, where squares end, in the unit of the target: above 0 and finite, default 1.
    pub delta: f64,
    /// What becomes of the losses of the single samples; default: their mean.
    pub reduction: Reduction,
}

impl Default for HuberConfig {
    fn default() -> Self {
        Self { delta: 1.0, reduction: Reduction::Mean }
    }
}

/// Huber loss with δ = 1, averaged over all elements: squared for small errors, absolute for large ones.
///
/// ```text
/// l(d) = d²/2 if |d| ≤ δ, else δ (|d| - δ/2),    d = p - t        ∂l/∂d = d clamped to [-δ, δ]
/// ```
///
/// Huber (1964), section 4.
///
/// # Shapes
/// As [`mse`].
///
/// # Errors
/// As [`mse`].
///
/// ```
/// use candlelight::{loss::huber, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let prediction = Var::new(&[0.5f64, 10.], &Device::Cpu)?;
/// let loss = huber(&prediction, &prediction.zeros_like()?)?;
/// assert_eq!(loss.to_scalar::<f64>()?, (0.125 + 9.5) / 2.);
/// assert_eq!(loss.backward()?.get(&prediction).unwrap().to_vec1::<f64>()?, [0.25, 0.5]);
/// # Ok(()) }
/// ```
pub fn huber(prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
    huber_with(prediction, target, &HuberConfig::default())
}

/// [`huber`] with all settings; [`Reduction::None`] has the shape of `target`.
///
/// # Errors
/// As [`huber`], or a δ outside its range.
pub fn huber_with(prediction: &Tensor, target: &Tensor, config: &HuberConfig) -> Result<Tensor> {
    let &HuberConfig { delta, reduction } = config;
    check_same("target", prediction, target)?;
    range::positive("delta", delta)?;
    if let Some(loss) = fused(prediction, target, PairLoss::Huber { delta }, reduction) {
        return loss;
    }
    let difference = (prediction - target)?;
    // With the clamped difference c, both branches are c (d - c/2), and c is also the derivative: a constant to Candle.
    let clamped = within(&difference.detach(), delta)?;
    reduction.apply(&(&clamped * (difference - (&clamped * 0.5)?)?)?)
}

/// Settings of [`smooth_l1_with`], as those of PyTorch's `SmoothL1Loss`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SmoothL1Config {
    /// β, where squares end, in the unit of the target: at least 0 and finite, default 1; 0 gives [`mae`].
    pub beta: f64,
    /// What becomes of the losses of the single samples; default: their mean.
    pub reduction: Reduction,
}

impl Default for SmoothL1Config {
    fn default() -> Self {
        Self { beta: 1.0, reduction: Reduction::Mean }
    }
}

/// Smooth L1 loss with β = 1, averaged over all elements: [`huber`] divided by its δ, so that its slope is at most 1.
///
/// ```text
/// l(d) = d²/(2β) if |d| < β, else |d| - β/2,    d = p - t
/// ```
///
/// Girshick (2015), eq. 3.
///
/// # Shapes
/// As [`mse`].
///
/// # Errors
/// As [`mse`].
///
/// ```
/// use candlelight::{loss::smooth_l1, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let prediction = Tensor::new(&[1f64, 10.], &Device::Cpu)?;
/// let loss = smooth_l1(&prediction, &prediction.zeros_like()?)?;
/// assert_eq!(loss.to_scalar::<f64>()?, (0.5 + 9.5) / 2.);
/// # Ok(()) }
/// ```
pub fn smooth_l1(prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
    smooth_l1_with(prediction, target, &SmoothL1Config::default())
}

/// [`smooth_l1`] with all settings; [`Reduction::None`] has the shape of `target`.
///
/// # Errors
/// As [`smooth_l1`], or a β outside its range.
///
/// ```
/// use candlelight::{loss::{SmoothL1Config, smooth_l1_with}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let prediction = Tensor::new(&[1f64, 10.], &Device::Cpu)?;
/// let config = SmoothL1Config { beta: 2., ..SmoothL1Config::default() };
/// let loss = smooth_l1_with(&prediction, &prediction.zeros_like()?, &config)?;
/// assert_eq!(loss.to_scalar::<f64>()?, (0.25 + 9.) / 2.);
/// # Ok(()) }
/// ```
pub fn smooth_l1_with(prediction: &Tensor, target: &Tensor, config: &SmoothL1Config) -> Result<Tensor> {
    let &SmoothL1Config { beta, reduction } = config;
    range::not_negative("beta", beta)?;
    if beta == 0.0 {
        return mae_with(prediction, target, reduction);
    }
    check_same("target", prediction, target)?;
    if let Some(loss) = fused(prediction, target, PairLoss::SmoothL1 { beta }, reduction) {
        return loss;
    }
    let difference = (prediction - target)?;
    let constant = difference.detach();
    // With the clamped difference c and its share s = c/β, both branches are s (d - c/2), and s is also the derivative: a
    // constant to Candle. s is taken in F64, because β may be 0 or ∞ in F32.
    let share = constant.to_dtype(DType::F64)?.broadcast_div(&Tensor::full(beta, (), constant.device())?)?;
    let share = within(&share, 1.0)?.to_dtype(constant.dtype())?;
    reduction.apply(&(share * (difference - (within(&constant, beta)? * 0.5)?)?)?)
}
