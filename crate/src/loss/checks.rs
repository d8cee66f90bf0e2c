//! What the losses ask of their arguments.

use candle_core::{DType, Tensor};
use candlelight_kernels as kernels;
use candlelight_kernels::pair_loss::{PairLoss, pair_loss};

use super::Reduction;
use crate::activation::check_float;
use crate::{Error, Result};

/// Class indices that fit their scores.
pub(super) struct Labels {
    /// U32, contiguous, of the labels' shape; 0 where a label is ignored.
    pub index: Tensor,
    /// Where a label counts, U8 of the same shape; `None` if all do.
    pub counts: Option<Tensor>,
    /// The label that does not count, if there is one.
    pub ignore_index: Option<i64>,
}

/// The labels as U32, after a check that they fit `scores` [..., C].
pub(crate) fn checked_labels(what: &'static str, scores: &Tensor, labels: &Tensor) -> Result<Tensor> {
    Ok(checked_labels_but(None, what, scores, labels)?.index)
}

/// [`checked_labels`], where a label of `ignore_index` need not be a class.
pub(super) fn checked_labels_but(
    ignore_index: Option<i64>,
    what: &'static str,
    scores: &Tensor,
    labels: &Tensor,
) -> Result<Labels> {
    check_float(what, scores)?;
    let Some((&classes, batch)) = scores.dims().split_last().filter(|_| scores.elem_count() > 0) else {
        return Err(Error::shape(what, "[..., C] with at least one sample and one class", scores.dims()));
    };
    if labels.dims() != batch {
        return Err(Error::shape("labels", format!("{batch:?}"), labels.dims()));
    }
    if !matches!(labels.dtype(), DType::U8 | DType::U32 | DType::I64) {
        return Err(Error::DType { what: "labels", expected: "U8, U32 or I64", actual: labels.dtype() });
    }
    let values = labels.flatten_all()?.to_dtype(DType::I64)?.to_vec1::<i64>()?;
    let ignored = |label: i64| Some(label) == ignore_index;
    let fits = |label: i64| (0..classes as i64).contains(&label) || ignored(label);
    if let Some(position) = values.iter().position(|&label| !fits(label)) {
        return Err(Error::Label { label: values[position], position, classes });
    }
    if !values.iter().any(|&label| ignored(label)) {
        return Ok(Labels { index: labels.to_dtype(DType::U32)?.contiguous()?, counts: None, ignore_index });
    }
    let index = values.iter().map(|&label| if ignored(label) { 0 } else { label as u32 }).collect();
    let counts = values.iter().map(|&label| u8::from(!ignored(label))).collect();
    Ok(Labels {
        index: Tensor::from_vec(index, batch, labels.device())?,
        counts: Some(Tensor::from_vec(counts, batch, labels.device())?),
        ignore_index,
    })
}

/// Prediction and target of one shape and float dtype, with at least one element.
pub(super) fn check_same(what: &'static str, prediction: &Tensor, target: &Tensor) -> Result<()> {
    check_float("prediction", prediction)?;
    if prediction.dims() != target.dims() {
        return Err(Error::shape(what, format!("{:?}", prediction.dims()), target.dims()));
    }
    if prediction.elem_count() == 0 {
        return Err(Error::shape("prediction", "at least one element", prediction.dims()));
    }
    if prediction.dtype() != target.dtype() {
        return Err(Error::DType { what, expected: "that of the prediction", actual: target.dtype() });
    }
    Ok(())
}

/// Prediction and target as [`check_same`], with the classes in a last dimension.
pub(super) fn check_rows(what: &'static str, prediction: &Tensor, target: &Tensor) -> Result<()> {
    check_same(what, prediction, target)?;
    if prediction.rank() == 0 {
        return Err(Error::shape("prediction", "[..., C]", prediction.dims()));
    }
    Ok(())
}

/// A weight for each of the classes in the last dimension of `scores`: finite, not negative, of the scores' dtype.
pub(super) fn check_weight(name: &'static str, weight: &Tensor, scores: &Tensor) -> Result<()> {
    let Some(&classes) = scores.dims().last() else {
        return Err(Error::shape("prediction", "[..., C], since classes have weights", scores.dims()));
    };
    if weight.dims() != [classes] {
        return Err(Error::shape(name, format!("[{classes}]"), weight.dims()));
    }
    if weight.dtype() != scores.dtype() {
        return Err(Error::DType { what: name, expected: "that of the prediction", actual: weight.dtype() });
    }
    let values = weight.to_dtype(DType::F64)?.to_vec1::<f64>()?;
    match values.into_iter().find(|value| !(value.is_finite() && *value >= 0.0)) {
        Some(value) => Err(Error::setting(name, "finite and at least 0 for every class", value)),
        None => Ok(()),
    }
}

/// The loss in one pass, where it is summed, the target is a constant, and a kernel can take both.
pub(super) fn fused(
    prediction: &Tensor,
    target: &Tensor,
    loss: PairLoss,
    reduction: Reduction,
) -> Option<Result<Tensor>> {
    let scale = reduction.scale(prediction.elem_count())?;
    let fits = !target.track_op() && kernels::can_take(&[prediction, target]);
    fits.then(|| pair_loss(prediction, target, loss, scale))
}
