//! Losses of margins: nothing is lost on what is right by enough.

use candle_core::{D, Tensor};

use super::Reduction;
use super::checks::{check_same, labels_but};
use super::nll::{class_weights, pick, times};
use crate::activation::{check_finite, relu};
use crate::{Error, Result};

/// Hinge loss of yes/no targets, averaged over all elements: that of the support vector machine.
///
/// ```text
/// l = max(0, 1 - y z),    y = ±1        ∂l/∂z = -y if y z < 1, else 0
/// ```
///
/// PyTorch has no such loss (its `HingeEmbeddingLoss` is another one). Cortes and Vapnik (1995), section 3.
///
/// # Shapes
/// `scores` and `targets` of one shape and float dtype; targets +1 or -1 (not checked).
///
/// # Errors
/// Shapes or dtypes that differ, or no element.
///
/// ```
/// use candlelight::{loss::hinge, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let scores = Tensor::new(&[2f64, 0.5, 1., -3.], &Device::Cpu)?;
/// let targets = Tensor::new(&[1f64, 1., -1., -1.], &Device::Cpu)?;
/// assert_eq!(hinge(&scores, &targets)?.to_scalar::<f64>()?, (0. + 0.5 + 2. + 0.) / 4.);
/// # Ok(()) }
/// ```
pub fn hinge(scores: &Tensor, targets: &Tensor) -> Result<Tensor> {
    hinge_with(scores, targets, Reduction::Mean)
}

/// [`hinge`] with a choice of reduction; [`Reduction::None`] has the shape of `scores`.
///
/// # Errors
/// As [`hinge`].
pub fn hinge_with(scores: &Tensor, targets: &Tensor, reduction: Reduction) -> Result<Tensor> {
    check_same("targets", scores, targets)?;
    reduction.apply(&relu(&(targets * scores)?.affine(-1.0, 1.0)?)?)
}

/// Settings of [`multi_margin_with`], as those of PyTorch's `MultiMarginLoss`.
#[derive(Debug, Clone)]
pub struct MultiMarginConfig {
    /// Whether each shortfall is taken as it is, 1, or squared, 2; default 1.
    pub p: u32,
    /// By how much the score of the label is to exceed the others: finite, default 1.
    pub margin: f64,
    /// A factor for each class, `[C]`, finite and at least 0; default `None`, for 1. The mean divides by the number of
    /// samples all the same, as in PyTorch.
    pub weight: Option<Tensor>,
    /// What becomes of the losses of the single samples; default: their mean.
    pub reduction: Reduction,
}

impl Default for MultiMarginConfig {
    fn default() -> Self {
        Self { p: 1, margin: 1.0, weight: None, reduction: Reduction::Mean }
    }
}

/// Multi-class hinge loss, averaged over the samples.
///
/// ```text
/// lₙ = 1/C Σ_{c ≠ yₙ} max(0, 1 - zₙ[yₙ] + zₙ_c)
/// ```
///
/// # Shapes
/// `scores` [..., C] of a float dtype, `labels` [...] of U8, U32 or I64 in 0..C.
///
/// # Errors
/// As [`cross_entropy`](super::cross_entropy).
///
/// ```
/// use candlelight::{loss::multi_margin, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let scores = Tensor::new(&[[3f64, 2.5, 0., 3.]], &Device::Cpu)?;
/// let loss = multi_margin(&scores, &Tensor::new(&[0u32], &Device::Cpu)?)?.to_scalar::<f64>()?;
/// assert_eq!(loss, (0.5 + 0. + 1.) / 4.);
/// # Ok(()) }
/// ```
pub fn multi_margin(scores: &Tensor, labels: &Tensor) -> Result<Tensor> {
    multi_margin_with(scores, labels, &MultiMarginConfig::default())
}

/// [`multi_margin`] with a choice of margin, power, class weights and reduction.
///
/// ```text
/// lₙ = w[yₙ]/C Σ_{c ≠ yₙ} max(0, margin - zₙ[yₙ] + zₙ_c)ᵖ
/// ```
///
/// # Shapes
/// As [`multi_margin`]; [`Reduction::None`] has the shape of `labels`.
///
/// # Errors
/// As [`multi_margin`], or a setting outside its range.
///
/// ```
/// use candlelight::{loss::{MultiMarginConfig, multi_margin_with}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let scores = Tensor::new(&[[3f64, 2.5, 0., 3.]], &Device::Cpu)?;
/// let config = MultiMarginConfig { p: 2, margin: 2., ..MultiMarginConfig::default() };
/// let loss = multi_margin_with(&scores, &Tensor::new(&[0u32], &Device::Cpu)?, &config)?.to_scalar::<f64>()?;
/// assert_eq!(loss, (1.5 * 1.5 + 0. + 4.) / 4.);
/// # Ok(()) }
/// ```
pub fn multi_margin_with(scores: &Tensor, labels: &Tensor, config: &MultiMarginConfig) -> Result<Tensor> {
    let labels = labels_but(None, "scores", scores, labels)?;
    check_finite("margin", config.margin, scores.dtype())?;
    let at_label = pick(scores, &labels.index)?.unsqueeze(D::Minus1)?;
    let shortfall = relu(&(scores.broadcast_sub(&at_label)? + config.margin)?)?;
    let shortfall = match config.p {
        1 => shortfall,
        2 => shortfall.sqr()?,
        other => return Err(Error::setting("p", "1 or 2", other)),
    };
    let index = labels.index.unsqueeze(D::Minus1)?;
    let zeros = scores.detach().zeros_like()?;
    let is_label = zeros.scatter_add(&index, &index.ones_like()?.to_dtype(scores.dtype())?, D::Minus1)?.ne(&zeros)?;
    let losses = is_label.where_cond(&shortfall.zeros_like()?, &shortfall)?.mean(D::Minus1)?;
    let weights = class_weights(config.weight.as_ref(), scores, &labels)?;
    config.reduction.apply(&labels.marked(times(losses, weights.as_ref())?)?)
}
