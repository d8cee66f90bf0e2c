//! Which classes are taken for which.

use candle_core::Tensor;
use ndarray::{Array1, Array2, Axis};

use super::{Rows, decide};
use crate::{Error, Result};

/// How often each class was taken for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    /// `counts[[label, prediction]]`: rows are the true classes, columns the predicted ones.
    pub counts: Array2<u64>,
}

impl ConfusionMatrix {
    /// Counts what is predicted: the class of the largest score, the first of equals.
    ///
    /// # Shapes
    /// As [`accuracy`](super::accuracy); the matrix is [C, C].
    ///
    /// # Errors
    /// As [`accuracy`](super::accuracy), or a score that is NaN.
    ///
    /// ```
    /// use candlelight::{metrics::ConfusionMatrix, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let scores = Tensor::new(&[[2f32, 1.], [0., 5.], [0., 1.]], &Device::Cpu)?;
    /// let matrix = ConfusionMatrix::new(&scores, &Tensor::new(&[0u32, 0, 1], &Device::Cpu)?)?;
    /// assert_eq!(matrix.counts, array![[1, 1], [0, 1]]);
    /// assert_eq!(matrix.recall(), array![0.5, 1.]);
    /// # Ok(()) }
    /// ```
    pub fn new(scores: &Tensor, labels: &Tensor) -> Result<Self> {
        let rows = Rows::new("scores", scores, labels)?;
        let mut counts = Array2::zeros((rows.classes, rows.classes));
        for (scores, label) in rows.iter() {
            let predicted = decide(scores).ok_or_else(|| Error::setting("scores", "numbers", f64::NAN))?;
            counts[[label, predicted]] += 1;
        }
        Ok(Self { counts })
    }

    /// Share of samples on the diagonal, in [0, 1].
    pub fn accuracy(&self) -> f64 {
        self.counts.diag().sum() as f64 / self.counts.sum() as f64
    }

    /// Per true class, the share that was found, in [0, 1]; NaN for a class without samples.
    pub fn recall(&self) -> Array1<f64> {
        self.share_of(&self.counts.sum_axis(Axis(1)))
    }

    /// Per predicted class, the share that was right, in [0, 1]; NaN for a class never predicted.
    pub fn precision(&self) -> Array1<f64> {
        self.share_of(&self.counts.sum_axis(Axis(0)))
    }

    /// Per class, the harmonic mean of precision and recall, in [0, 1]; NaN for a class without samples that was never
    /// predicted.
    ///
    /// ```text
    /// F1 = 2 precision · recall / (precision + recall) = 2 TP / (2 TP + FP + FN)
    /// ```
    ///
    /// Van Rijsbergen (1979), chapter 7. Its mean over the classes is the macro-averaged F1; the micro-averaged one is the
    /// [accuracy](Self::accuracy).
    pub fn f1(&self) -> Array1<f64> {
        let (labelled, predicted) = (self.counts.sum_axis(Axis(1)), self.counts.sum_axis(Axis(0)));
        self.share_of(&(labelled + predicted)) * 2.0
    }

    fn share_of(&self, totals: &Array1<u64>) -> Array1<f64> {
        self.counts.diag().mapv(|count| count as f64) / totals.mapv(|total| total as f64)
    }
}
