//! Negative log-likelihood of class indices.

use candle_core::{D, DType, Tensor};
use candlelight_base::transfer;

use super::Reduction;
use super::checks::{check_weight, labels_but};
use super::divisor::{Divisor, note};
use super::labels::Labels;
use crate::{Error, Result};

/// Negative log-likelihood of class indices under given log-probabilities, averaged.
///
/// ```text
/// L = -1/N Σₙ log p[n, yₙ]
/// ```
///
/// The likelihood of a data set is a product, which underflows; its logarithm is a sum, and optimizers minimize, hence the
/// minus. After [`log_softmax`](crate::activation::log_softmax) it is [`cross_entropy`](super::cross_entropy).
///
/// # Shapes
/// `log_probabilities` [..., C] of a float dtype, `labels` [...] of U8, U32 or I64 in 0..C.
///
/// # Errors
/// As [`cross_entropy`](super::cross_entropy).
///
/// ```
/// use candlelight::{loss::nll, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let log_p = Tensor::new(&[[0.2f64, 0.8], [0.5, 0.5]], &Device::Cpu)?.log()?;
/// let loss = nll(&log_p, &Tensor::new(&[1u32, 0], &Device::Cpu)?)?.to_scalar::<f64>()?;
/// assert!((loss - -(0.8f64 * 0.5).ln() / 2.).abs() < 1e-12);
/// # Ok(()) }
/// ```
pub fn nll(log_probabilities: &Tensor, labels: &Tensor) -> Result<Tensor> {
    nll_with(log_probabilities, labels, &NllConfig::default())
}

/// Settings of [`nll_with`], as those of PyTorch's `NLLLoss`.
#[derive(Debug, Clone, Default)]
pub struct NllConfig {
    /// A factor for each class, `[C]`, finite and at least 0; default `None`, for 1. The mean divides by the sum of the
    /// factors of the labels, not by their number, as in PyTorch.
    pub weight: Option<Tensor>,
    /// A label that does not count and need not be a class; default `None`. PyTorch's default is -100, which here is an error
    /// like any other wrong label unless it is asked for.
    pub ignore_index: Option<i64>,
    /// What becomes of the losses of the single samples; default: their mean.
    pub reduction: Reduction,
}

/// [`nll`] with class weights, samples to leave out, and a choice of reduction.
///
/// ```text
/// lₙ = -w[yₙ] log p[n, yₙ],  0 where yₙ is ignored;        mean = Σₙ lₙ / Σₙ w[yₙ]  over the samples that count
/// ```
///
/// # Shapes
/// As [`nll`]; [`Reduction::None`] has the shape of `labels`.
///
/// # Errors
/// As [`nll`]; a setting outside its range; a mean in which no sample counts (PyTorch returns NaN).
///
/// ```
/// use candlelight::{loss::{NllConfig, nll_with}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let log_p = Tensor::new(&[[0.2f64, 0.8], [0.5, 0.5]], &Device::Cpu)?.log()?;
/// let config = NllConfig { ignore_index: Some(-100), ..NllConfig::default() };
/// let loss = nll_with(&log_p, &Tensor::new(&[1i64, -100], &Device::Cpu)?, &config)?.to_scalar::<f64>()?;
/// assert!((loss - -(0.8f64.ln())).abs() < 1e-12);
/// # Ok(()) }
/// ```
pub fn nll_with(log_probabilities: &Tensor, labels: &Tensor, config: &NllConfig) -> Result<Tensor> {
    let labels = labels_but(config.ignore_index, "log-probabilities", log_probabilities, labels)?;
    let weights = class_weights(config.weight.as_ref(), log_probabilities, &labels)?;
    let losses = pick(log_probabilities, &labels.index)?.neg()?;
    reduce_labelled(&times(losses, weights.as_ref())?, weights.as_ref(), &labels, config.reduction)
}

/// The entry of each label, of the labels' shape.
pub(super) fn pick(scores: &Tensor, index: &Tensor) -> Result<Tensor> {
    Ok(scores.contiguous()?.gather(&index.unsqueeze(D::Minus1)?, D::Minus1)?.squeeze(D::Minus1)?)
}

/// The weight of each label's class, of the labels' shape, if classes have weights.
pub(super) fn class_weights(weight: Option<&Tensor>, scores: &Tensor, labels: &Labels) -> Result<Option<Tensor>> {
    let Some(weight) = weight else { return Ok(None) };
    check_weight("weight", weight, scores)?;
    let picked = weight.index_select(&labels.index.flatten_all()?, 0)?;
    Ok(Some(picked.reshape(labels.index.shape())?))
}

/// The losses of the samples, weighed if there are weights.
pub(super) fn times(losses: Tensor, weights: Option<&Tensor>) -> Result<Tensor> {
    Ok(weights.map_or(Ok(losses.clone()), |weights| losses * weights)?)
}

/// Reduces weighed losses; the mean is over the weights of the samples that count.
pub(super) fn reduce_labelled(
    losses: &Tensor,
    weights: Option<&Tensor>,
    labels: &Labels,
    reduction: Reduction,
) -> Result<Tensor> {
    // A choice, not a product with 0: the loss of a sample that is left out may be infinite.
    let keep = |values: &Tensor| match &labels.counts {
        Some(counts) => counts.where_cond(values, &values.zeros_like()?),
        None => Ok(values.clone()),
    };
    let losses = keep(&labels.marked(losses.clone())?)?;
    let divisor = match (reduction, weights, &labels.counts) {
        (Reduction::Sum | Reduction::None, ..) | (_, None, None) => return reduction.apply(&losses),
        (_, Some(weights), _) => keep(weights)?,
        (_, None, Some(counts)) => counts.clone(),
    };
    let (sum, divisor) = (losses.sum_all()?, divisor.to_dtype(DType::F64)?.sum_all()?);
    if labels.fits.is_some() {
        return quotient(&sum, divisor);
    }
    let divisor = transfer::scalar(&divisor)?;
    let asked = note(&Divisor::Number(divisor))?;
    match (divisor > 0.0, labels.ignore_index) {
        (true, _) => Ok((sum / divisor)?),
        // One of several batches, to which it adds nothing.
        (false, _) if asked && transfer::scalar(&sum)? == 0.0 => Ok(sum),
        (false, Some(ignored)) if weights.is_none() => {
            Err(Error::setting("ignore_index", "not the label of every sample of a mean", ignored))
        }
        (false, _) => Err(Error::setting("weight", "above 0 for the label of at least one sample of a mean", divisor)),
    }
}

/// The mean with a divisor that no one has read: NaN if it is 0, or 0 if somebody asked for it, as one of several batches.
fn quotient(sum: &Tensor, divisor: Tensor) -> Result<Tensor> {
    let divisor = match note(&Divisor::OnDevice(divisor.clone()))? {
        true => divisor.eq(&divisor.zeros_like()?)?.where_cond(&divisor.ones_like()?, &divisor)?,
        false => divisor,
    };
    Ok((sum * divisor.recip()?.to_dtype(sum.dtype())?)?)
}
