//! What the losses ask of their arguments.

use std::cell::RefCell;

use candle_core::{DType, Tensor, TensorId};
use candlelight_base::transfer;
use candlelight_kernels as kernels;
use candlelight_kernels::pair_loss::{PairLoss, pair_loss};

use super::Reduction;
use super::labels::{Labels, note_labels};
use crate::activation::check_float;
use crate::unread::is_unread;
use crate::{Error, Result};

/// The labels as U32, after the host has seen that they fit `scores` [..., C].
pub(crate) fn checked_labels(what: &'static str, scores: &Tensor, labels: &Tensor) -> Result<Tensor> {
    let classes = check_labelled(what, scores, labels)?;
    Ok(Labels::looked_at(labels, classes, None)?.index)
}

/// Labels for a loss of `scores` [..., C], where one of `ignore_index` need not be a class. On the CPU the host sees that they
/// fit; elsewhere it does not wait for them, and notes them for whoever finds that the loss is NaN.
pub(super) fn labels_but(
    ignore_index: Option<i64>,
    what: &'static str,
    scores: &Tensor,
    labels: &Tensor,
) -> Result<Labels> {
    let classes = check_labelled(what, scores, labels)?;
    if !is_unread(labels) {
        return Labels::looked_at(labels, classes, ignore_index);
    }
    note_labels(labels, classes, ignore_index);
    Labels::unread(labels, classes, ignore_index)
}

/// How many classes `scores` have, of whose samples `labels` may be the classes by shape and dtype.
pub(super) fn check_labelled(what: &'static str, scores: &Tensor, labels: &Tensor) -> Result<usize> {
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
    Ok(classes)
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

thread_local! {
    /// The weights on devices that were read and found right: they are the same ones at each step.
    static READ: RefCell<Vec<TensorId>> = const { RefCell::new(Vec::new()) };
}

/// As many losses as take turns with weights of their own, and more.
const WEIGHTS: usize = 16;

/// A weight for each of the classes in the last dimension of `scores`: finite, not negative, of the scores' dtype. One that is
/// not on the CPU is read once.
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
    // A variable may have changed since.
    let constant = is_unread(weight) && !weight.is_variable();
    if constant && READ.with_borrow(|read| read.contains(&weight.id())) {
        return Ok(());
    }
    if let Some(value) = transfer::to_f64(weight)?.into_iter().find(|value| !(value.is_finite() && *value >= 0.0)) {
        return Err(Error::setting(name, "finite and at least 0 for every class", value));
    }
    if constant {
        READ.with_borrow_mut(|read| {
            if read.len() == WEIGHTS {
                read.remove(0);
            }
            read.push(weight.id());
        });
    }
    Ok(())
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
