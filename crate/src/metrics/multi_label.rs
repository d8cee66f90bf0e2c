//! Samples that can have several labels at once, or none.

use candle_core::{DType, Tensor};
use ndarray::Array1;

use crate::{Error, Result};

/// Of each label, how often it was given and present; and how many samples have exactly the labels they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultiLabel {
    /// Per label, the samples that have it and were given it.
    pub true_positives: Array1<u64>,
    /// Per label, the samples that were given it and lack it.
    pub false_positives: Array1<u64>,
    /// Per label, the samples that have it and were not given it.
    pub false_negatives: Array1<u64>,
    /// How many samples are right in all their labels.
    pub exact: u64,
    /// How many samples there are.
    pub samples: u64,
}

impl MultiLabel {
    /// A sample is given every label whose score is above `threshold`: 0.5 for probabilities, which is 0 for logits.
    ///
    /// # Shapes
    /// `scores` and `targets` [N, C], of a float dtype; targets 0 or 1.
    ///
    /// # Errors
    /// Shapes that differ from these, no sample or no label; a score that is NaN, or a target that is not 0 or 1.
    ///
    /// ```
    /// use candlelight::{metrics::MultiLabel, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let probabilities = Tensor::new(&[[0.9f32, 0.8], [0.6, 0.4]], &Device::Cpu)?;
    /// let targets = Tensor::new(&[[1f32, 1.], [0., 0.]], &Device::Cpu)?;
    /// let metrics = MultiLabel::new(&probabilities, &targets, 0.5)?;
    /// assert_eq!((metrics.exact_match(), metrics.hamming_loss()), (0.5, 0.25));
    /// # Ok(()) }
    /// ```
    pub fn new(scores: &Tensor, targets: &Tensor, threshold: f64) -> Result<Self> {
        let (n, labels) = match scores.dims() {
            &[n, labels] if n > 0 && labels > 0 => (n, labels),
            dims => return Err(Error::shape("scores", "[N, C], none of them 0", dims)),
        };
        if targets.dims() != scores.dims() {
            return Err(Error::shape("targets", format!("[{n}, {labels}], as scores"), targets.dims()));
        }
        let rows = |values: &Tensor| -> Result<Vec<Vec<f64>>> { Ok(values.to_dtype(DType::F64)?.to_vec2()?) };
        let zeros = || Array1::zeros(labels);
        let (mut metrics, scores, targets) = (
            Self {
                true_positives: zeros(),
                false_positives: zeros(),
                false_negatives: zeros(),
                exact: 0,
                samples: n as u64,
            },
            rows(scores)?,
            rows(targets)?,
        );
        for (scores, targets) in scores.iter().zip(&targets) {
            let mut right = true;
            for (label, (&score, &target)) in scores.iter().zip(targets).enumerate() {
                if score.is_nan() {
                    return Err(Error::setting("scores", "numbers", score));
                }
                if target != 0.0 && target != 1.0 {
                    return Err(Error::setting("targets", "0 or 1", target));
                }
                match (score > threshold, target == 1.0) {
                    (true, true) => metrics.true_positives[label] += 1,
                    (true, false) => metrics.false_positives[label] += 1,
                    (false, true) => metrics.false_negatives[label] += 1,
                    (false, false) => {}
                }
                right &= (score > threshold) == (target == 1.0);
            }
            metrics.exact += u64::from(right);
        }
        Ok(metrics)
    }

    /// Share of samples that are right in all their labels, in [0, 1]; also called subset accuracy.
    pub fn exact_match(&self) -> f64 {
        self.exact as f64 / self.samples as f64
    }

    /// Share of all samples' labels that are wrong, in [0, 1].
    pub fn hamming_loss(&self) -> f64 {
        let wrong = self.false_positives.sum() + self.false_negatives.sum();
        wrong as f64 / (self.samples * self.true_positives.len() as u64) as f64
    }

    /// Per label, the share of the samples given it that have it, in [0, 1]; NaN for a label never given.
    pub fn precision(&self) -> Array1<f64> {
        share(&self.true_positives, &self.false_positives)
    }

    /// Per label, the share of the samples that have it which were given it, in [0, 1]; NaN for a label that none has.
    pub fn recall(&self) -> Array1<f64> {
        share(&self.true_positives, &self.false_negatives)
    }

    /// Per label, the harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN), in [0, 1].
    pub fn f1(&self) -> Array1<f64> {
        share(&(&self.true_positives * 2), &(&self.false_positives + &self.false_negatives))
    }
}

/// part / (part + rest), entry by entry.
fn share(part: &Array1<u64>, rest: &Array1<u64>) -> Array1<f64> {
    part.mapv(|count| count as f64) / (part + rest).mapv(|count| count as f64)
}
