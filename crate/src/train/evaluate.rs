//! What a model is worth on given samples.

use candle_core::Tensor;
use candlelight_base::transfer;

use super::mean::WeightedMean;
use super::right;
use crate::autograd::no_grad;
use crate::data::Dataset;
use crate::loss::{Divisor, checked_labels, with_divisor};
use crate::metrics::accuracy;
use crate::nn::{Mode, Module};
use crate::unread::{is_unread, with_unread};
use crate::{Error, Result, interrupt};

/// Loss and accuracy on a set of samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// Mean loss over all samples, whatever the size of the batches.
    pub loss: f64,
    /// Share of labels that are classified rightly, in [0, 1], if the targets are class indices (an integer dtype).
    pub accuracy: Option<f64>,
}

/// Mean loss and accuracy of `model` on `samples`, in [`Mode::Eval`], a batch at a time.
///
/// A weighted mean, such as that of class weights, is put together by the weights of each batch; see [`fit`](super::fit).
///
/// # Errors
/// As [`fit`](super::fit), but a loss that is not finite is returned as it is.
///
/// ```
/// use candlelight::{loss::cross_entropy, nn::linear, prelude::*, train::evaluate};
/// # fn main() -> candlelight::Result<()> {
/// let model = linear(2, 3, Params::new(0, &Device::Cpu)?)?;
/// let x = Tensor::zeros((5, 2), DType::F32, &Device::Cpu)?;
/// let y = Tensor::zeros(5, DType::U32, &Device::Cpu)?;
/// let result = evaluate(&model, cross_entropy, &Dataset::new(&x, &y)?, 64)?;
/// assert!(result.loss > 0. && result.accuracy.is_some());
/// # Ok(()) }
/// ```
pub fn evaluate(
    model: &dyn Module,
    loss: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
    samples: &Dataset,
    batch_size: usize,
) -> Result<Evaluation> {
    check_not_empty(samples)?;
    let classes = samples.targets().dtype().is_int();
    let (mut mean, mut hits) = (WeightedMean::default(), 0.0);
    for batch in samples.batches(batch_size)? {
        interrupt::check()?;
        let (x, y) = batch?;
        let ((output, (value, divisor)), unread) = with_unread(|| {
            let output = no_grad(|| model.forward(&x, Mode::Eval))?;
            let value = with_divisor(|| no_grad(|| loss(&output, &y)))?;
            Ok((output, value))
        })?;
        let counts = if classes && is_unread(&output) { right::count(&output, &y)? } else { None };
        // All that the host wants to know of a batch, when all of it is on its way.
        let mut wanted = vec![&value];
        wanted.extend(divisor.as_ref().and_then(Divisor::on_device));
        wanted.extend(counts.iter().flatten());
        let mut read = transfer::scalars(&wanted)?.into_iter();
        let mut next = || read.next().unwrap_or(f64::NAN);
        let value = next();
        if value.is_nan() {
            unread.check()?;
        }
        let weight = match divisor {
            None => x.dim(0)? as f64,
            Some(Divisor::Number(number)) => number,
            Some(Divisor::OnDevice(_)) => next(),
        };
        mean.add(value, weight);
        hits += match counts.map(|_| [next(), next()]) {
            Some([counted, 0.0]) => counted,
            // Also where labels are no classes, for its error.
            _ if classes => (accuracy(&output, &y)? * y.elem_count() as f64).round(),
            _ => 0.0,
        };
    }
    let labels = samples.targets().elem_count() as f64;
    Ok(Evaluation { loss: mean.value()?, accuracy: classes.then_some(hits / labels) })
}

pub(super) fn check_not_empty(samples: &Dataset) -> Result<()> {
    if samples.is_empty() {
        return Err(Error::shape("inputs", "[N, ...] with N at least 1", samples.inputs().dims()));
    }
    Ok(())
}

/// Refuses targets of an integer dtype that are no classes of a model with this output, of any samples: what [`evaluate`] would
/// find after an epoch.
pub(super) fn check_targets(output: &Tensor, samples: &Dataset) -> Result<()> {
    if !samples.targets().dtype().is_int() {
        return Ok(());
    }
    // As if this were the output for every sample.
    let mut dims = output.dims().to_vec();
    if let Some(n) = dims.first_mut() {
        *n = samples.len();
    }
    let outputs = output.detach().narrow(0, 0, 1)?.broadcast_as(dims)?;
    checked_labels("outputs", &outputs, samples.targets()).map(|_| ())
}
