//! Cross-entropy between logits and target distributions.

use candle_core::{D, Tensor};

use super::CrossEntropyConfig;
use super::checks::check_rows;
use crate::activation::log_softmax;
use crate::{Error, Result};

/// Cross-entropy between logits and target distributions, averaged.
///
/// ```text
/// L = -1/N Σₙ Σ_c tₙ_c log softmax(zₙ)_c        ∂L/∂zₙ = (softmax(zₙ) - tₙ) / N  where Σ_c tₙ_c = 1
/// ```
///
/// One-hot targets give [`cross_entropy`](super::cross_entropy); smoothed labels, mixtures and a teacher's
/// probabilities are the other uses. That the targets sum to 1 is not checked, as in PyTorch. A target of 0 at a logit
/// of -∞ gives NaN (0 · ∞), as there.
///
/// # Shapes
/// `logits` and `targets` [..., C], both of one float dtype.
///
/// # Errors
/// Shapes or dtypes that differ from these, or an empty batch.
///
/// ```
/// use candlelight::{loss::{cross_entropy, cross_entropy_soft}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let logits = Tensor::new(&[[1f64, 2., 0.]], &Device::Cpu)?;
/// let soft = cross_entropy_soft(&logits, &Tensor::new(&[[0f64, 1., 0.]], &Device::Cpu)?)?;
/// let hard = cross_entropy(&logits, &Tensor::new(&[1u32], &Device::Cpu)?)?;
/// assert_eq!(soft.to_scalar::<f64>()?, hard.to_scalar::<f64>()?);
/// # Ok(()) }
/// ```
pub fn cross_entropy_soft(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    cross_entropy_soft_with(logits, targets, &CrossEntropyConfig::default())
}

/// [`cross_entropy_soft`] with class weights, smoothed targets, and a choice of reduction.
///
/// ```text
/// lₙ = -Σ_c w_c ((1 - ε) tₙ_c + ε/C) log softmax(zₙ)_c        mean = 1/N Σₙ lₙ
/// ```
///
/// Every row is a sample, so for [N, T, C] the mean divides by N·T; the weights have no part in that.
///
/// # Shapes
/// As [`cross_entropy_soft`]; [`Reduction::None`](super::Reduction::None) has the shape of `logits` without its last dimension.
///
/// # Errors
/// As [`cross_entropy_soft`]; a setting outside its range; an `ignore_index`, which has no meaning here (an error in PyTorch
/// too).
///
/// ```
/// use candlelight::{loss::{CrossEntropyConfig, cross_entropy_soft_with}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let logits = Tensor::zeros((1, 2), DType::F64, &Device::Cpu)?;
/// let targets = Tensor::new(&[[0.25f64, 0.75]], &Device::Cpu)?;
/// let weight = Some(Tensor::new(&[0f64, 2.], &Device::Cpu)?);
/// let config = CrossEntropyConfig { weight, ..CrossEntropyConfig::default() };
/// let loss = cross_entropy_soft_with(&logits, &targets, &config)?.to_scalar::<f64>()?;
/// assert!((loss - 1.5 * 2f64.ln()).abs() < 1e-12);
/// # Ok(()) }
/// ```
pub fn cross_entropy_soft_with(logits: &Tensor, targets: &Tensor, config: &CrossEntropyConfig) -> Result<Tensor> {
    check_rows("targets", logits, targets)?;
    config.check(logits)?;
    if let Some(ignored) = config.ignore_index {
        return Err(Error::setting("ignore_index", "`None` where the targets are no indices", ignored));
    }
    let targets = match config.label_smoothing {
        0.0 => targets.clone(),
        smoothing => targets.affine(1.0 - smoothing, smoothing / logits.dim(D::Minus1)? as f64)?,
    };
    let mut losses = (targets * log_softmax(logits, D::Minus1)?)?;
    if let Some(weight) = &config.weight {
        losses = losses.broadcast_mul(weight)?;
    }
    config.reduction.apply(&losses.sum(D::Minus1)?.neg()?)
}
