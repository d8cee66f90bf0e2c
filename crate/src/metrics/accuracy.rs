//! How often a classifier is right.

use candle_core::Tensor;

use super::Rows;
use crate::{Error, Result};

/// Share of samples whose largest score is at the label, in [0, 1]. Of equal scores the first counts; a sample with NaN
/// among its scores is wrong.
///
/// # Shapes
/// `scores` [..., C] (logits or probabilities), `labels` [...] of U8, U32 or I64 in 0..C.
///
/// # Errors
/// Shapes or dtypes that differ from these, no sample or no class, a label that is no class.
///
/// ```
/// use candlelight::{metrics::accuracy, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let scores = Tensor::new(&[[2f32, 1.], [0., 5.]], &Device::Cpu)?;
/// assert_eq!(accuracy(&scores, &Tensor::new(&[0u32, 0], &Device::Cpu)?)?, 0.5);
/// # Ok(()) }
/// ```
pub fn accuracy(scores: &Tensor, labels: &Tensor) -> Result<f64> {
    top_k_accuracy(scores, labels, 1)
}

/// Share of samples whose label is among the `k` largest scores, in [0, 1]. Of equal scores the first count; a sample
/// with NaN among its scores is wrong.
///
/// `k`: from 1, which is [`accuracy`], to the number of classes, which gives 1.
///
/// # Shapes
/// As [`accuracy`].
///
/// # Errors
/// As [`accuracy`], or a `k` outside its range.
///
/// ```
/// use candlelight::{metrics::top_k_accuracy, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let scores = Tensor::new(&[[2f32, 1., 0.], [0., 5., 1.]], &Device::Cpu)?;
/// assert_eq!(top_k_accuracy(&scores, &Tensor::new(&[1u32, 0], &Device::Cpu)?, 2)?, 0.5);
/// # Ok(()) }
/// ```
pub fn top_k_accuracy(scores: &Tensor, labels: &Tensor, k: usize) -> Result<f64> {
    let rows = Rows::new("scores", scores, labels)?;
    if !(1..=rows.classes).contains(&k) {
        return Err(Error::setting("k", "from 1 to the number of classes", k));
    }
    let right = rows.iter().filter(|(scores, label)| rank(scores, *label).is_some_and(|rank| rank < k)).count();
    Ok(right as f64 / rows.labels.len() as f64)
}

/// How many classes come before the label; `None` if a score is NaN.
fn rank(scores: &[f64], label: usize) -> Option<usize> {
    let own = *scores.get(label)?;
    let mut before = 0;
    for (class, &score) in scores.iter().enumerate() {
        if score.is_nan() {
            return None;
        }
        before += usize::from(score > own || (score == own && class < label));
    }
    Some(before)
}
