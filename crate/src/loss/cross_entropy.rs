//! Cross-entropy between logits and class indices.

use candle_core::{D, Tensor};
use candlelight_base::{range, transfer};
use candlelight_kernels as kernels;
use candlelight_kernels::softmax;

use super::Reduction;
use super::checks::{check_labelled, check_weight, labels_but};
use super::labels::note_labels;
use super::nll::{class_weights, pick, reduce_labelled, times};
use crate::Result;
use crate::activation::log_softmax;
use crate::unread::is_unread;

/// Cross-entropy between logits and class indices, averaged.
///
/// ```text
/// L = -1/N Σₙ log softmax(zₙ)[yₙ]        ∂L/∂zₙ = (softmax(zₙ) - onehot(yₙ)) / N
/// ```
///
/// # Shapes
/// `logits` [..., C] of a float dtype, `labels` [...] of U8, U32 or I64 in 0..C. The classes are the last dimension, also for
/// more than two (PyTorch has them second).
///
/// # Errors
/// Shapes or dtypes that differ from these, an empty batch, a label that is no class ([`Error::Label`](crate::Error::Label)).
///
/// On other devices than the CPU the labels are not looked at, because the host would have to wait for them at each step: where one
/// is no class, the loss is NaN, and no gradient comes from that sample. [`fit`](crate::train::fit) and
/// [`evaluate`](crate::train::evaluate) look then, and report the label. Likewise a weighted mean in which no sample counts is NaN
/// there. This holds for all losses of class indices.
///
/// ```
/// use candlelight::{loss::cross_entropy, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let logits = Tensor::zeros((3, 10), DType::F64, &Device::Cpu)?; // knows nothing
/// let labels = Tensor::new(&[0u32, 4, 9], &Device::Cpu)?;
/// let loss = cross_entropy(&logits, &labels)?.to_scalar::<f64>()?;
/// assert!((loss - 10f64.ln()).abs() < 1e-12);
/// # Ok(()) }
/// ```
pub fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    cross_entropy_with(logits, labels, &CrossEntropyConfig::default())
}

/// Settings of [`cross_entropy_with`] and [`cross_entropy_soft_with`](super::cross_entropy_soft_with), as those of PyTorch's
/// `CrossEntropyLoss`.
#[derive(Debug, Clone, Default)]
pub struct CrossEntropyConfig {
    /// A factor for each class, `[C]`, finite and at least 0; default `None`, for 1. With class indices the mean
    /// divides by the sum of the factors of the labels, not by their number, as in PyTorch.
    pub weight: Option<Tensor>,
    /// A label that does not count and need not be a class; default `None`. PyTorch's default is -100, which here is an error
    /// like any other wrong label unless it is asked for.
    pub ignore_index: Option<i64>,
    /// ε in [0, 1], default 0: the share of the target that goes to all classes alike.
    pub label_smoothing: f64,
    /// What becomes of the losses of the single samples; default: their mean.
    pub reduction: Reduction,
}

impl CrossEntropyConfig {
    pub(super) fn check(&self, logits: &Tensor) -> Result<()> {
        range::share("label_smoothing", self.label_smoothing)?;
        self.weight.as_ref().map_or(Ok(()), |weight| check_weight("weight", weight, logits))
    }
}

/// [`cross_entropy`] with class weights, samples to leave out, smoothed labels, and a choice of reduction.
///
/// ```text
/// lₙ = -(1 - ε) w[yₙ] log pₙ[yₙ] - ε/C Σ_c w_c log pₙ_c,  0 where yₙ is ignored,    pₙ = softmax(zₙ)
/// mean = Σₙ lₙ / Σₙ w[yₙ]  over the samples that count
/// ```
///
/// Smoothing keeps logits finite: their best values are log((1 - ε + ε/C) / (ε/C)) apart. Szegedy et al. (2016), section 7.
///
/// # Shapes
/// As [`cross_entropy`]; [`Reduction::None`] has the shape of `labels`.
///
/// # Errors
/// As [`cross_entropy`]; a setting outside its range; a mean in which no sample counts (PyTorch returns NaN).
///
/// ```
/// use candlelight::{loss::{CrossEntropyConfig, cross_entropy_with}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let logits = Var::new(&[[0f64, 19f64.ln()]], &Device::Cpu)?; // p = 1/20, 19/20
/// let config = CrossEntropyConfig { label_smoothing: 0.1, ..CrossEntropyConfig::default() };
/// let gradients = cross_entropy_with(&logits, &Tensor::new(&[1u32], &Device::Cpu)?, &config)?.backward()?;
/// let gradient = gradients.get(&logits).unwrap().to_vec2::<f64>()?;
/// assert!(gradient[0].iter().all(|g| g.abs() < 1e-12)); // already at the smoothed target
/// # Ok(()) }
/// ```
pub fn cross_entropy_with(logits: &Tensor, labels: &Tensor, config: &CrossEntropyConfig) -> Result<Tensor> {
    if let Some(loss) = on_card(logits, labels, config)? {
        return Ok(loss);
    }
    let labels = labels_but(config.ignore_index, "logits", logits, labels)?;
    config.check(logits)?;
    let plain = config.weight.is_none() && config.label_smoothing == 0.0 && labels.counts.is_none();
    if let Some(scale) =
        config.reduction.scale(labels.index.elem_count()).filter(|_| plain && kernels::can_take(&[logits]))
    {
        return softmax::cross_entropy(logits, &transfer::to_host(&labels.index)?, scale);
    }
    let weights = class_weights(config.weight.as_ref(), logits, &labels)?;
    let log_p = log_softmax(logits, D::Minus1)?;
    let mut losses = times(pick(&log_p, &labels.index)?.neg()?, weights.as_ref())?;
    if config.label_smoothing > 0.0 {
        let over_all = match &config.weight {
            Some(weight) => log_p.broadcast_mul(weight)?,
            None => log_p,
        };
        let over_all = over_all.mean(D::Minus1)?.neg()?;
        losses = ((losses * (1.0 - config.label_smoothing))? + (over_all * config.label_smoothing)?)?;
    }
    reduce_labelled(&losses, weights.as_ref(), &labels, config.reduction)
}

/// The loss in one pass on a card, where nothing but the labels is asked for.
fn on_card(logits: &Tensor, labels: &Tensor, config: &CrossEntropyConfig) -> Result<Option<Tensor>> {
    let plain = config.weight.is_none() && config.label_smoothing == 0.0 && config.ignore_index.is_none();
    if !plain || !is_unread(logits) || !labels.device().same_device(logits.device()) {
        return Ok(None);
    }
    let classes = check_labelled("logits", logits, labels)?;
    let Some(scale) = config.reduction.scale(labels.elem_count()) else { return Ok(None) };
    let loss = kernels::card::cross_entropy(logits, labels, scale)?;
    if loss.is_some() {
        note_labels(labels, classes, None);
    }
    Ok(loss)
}
