//! How many samples of a batch are classified rightly, counted where they are.

use candle_core::{D, DType, Tensor};

use crate::Result;
use crate::nn::{Tables, table};
use crate::unread::rows_among;

/// The numbers 0, 1, … up to a count of classes.
static CLASSES: Tables<usize, Tensor> = Tables::new();

/// Two scalars on the device of the scores: how many samples have their largest score at the label, as
/// [`accuracy`](crate::metrics::accuracy) counts them, and how many labels are no class. `None` where that would refuse the shapes or
/// dtypes.
///
/// ```text
/// right: no NaN, and no class j with s_j > s_label, nor with s_j = s_label and j < label
/// ```
///
/// # Errors
/// If Candle cannot compute them.
pub(super) fn count(scores: &Tensor, labels: &Tensor) -> Result<Option<[Tensor; 2]>> {
    let Some((&classes, batch)) = scores.dims().split_last().filter(|_| scores.elem_count() > 0) else {
        return Ok(None);
    };
    let fit = labels.dims() == batch
        && matches!(labels.dtype(), DType::U8 | DType::U32 | DType::I64)
        && matches!(scores.dtype(), DType::F32 | DType::F64)
        && labels.device().same_device(scores.device());
    if !fit {
        return Ok(None);
    }
    let scores = scores.detach().reshape(((), classes))?;
    let (inside, labels) = rows_among(&labels.flatten_all()?, classes)?;
    let all = CLASSES.get(classes, scores.device(), |&n| table((0..n as u32).collect(), scores.device()))?;
    let own = labels.unsqueeze(1)?;
    let at_label = scores.contiguous()?.gather(&own, 1)?.broadcast_as(scores.shape())?;
    let before = all.unsqueeze(0)?.broadcast_lt(&own)?;
    let better = (scores.gt(&at_label)? + (scores.eq(&at_label)? * before)?)?;
    // A score that is NaN is not equal to itself.
    let wrong = (better + scores.ne(&scores)?)?.to_dtype(DType::F64)?.sum(D::Minus1)?;
    let right = wrong.eq(&wrong.zeros_like()?)?;
    let outside = inside.eq(&inside.zeros_like()?)?;
    let sum = |which: &Tensor| which.to_dtype(DType::F64)?.sum_all();
    Ok(Some([sum(&right)?, sum(&outside)?]))
}
