//! Numbers to judge a model by, on data it has not seen.

use candle_core::{D, DType, Tensor};
use ndarray::{Array1, Array2};

use crate::Result;
use crate::loss::{self, checked_labels};

/// Share of samples whose largest score is at the label, in [0, 1]. Of equal scores the first counts.
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
    let (predicted, labels, _) = decide(scores, labels)?;
    let right = predicted.iter().zip(&labels).filter(|(predicted, label)| predicted == label).count();
    Ok(right as f64 / labels.len() as f64)
}

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
    /// As [`accuracy`]; the matrix is [C, C].
    ///
    /// # Errors
    /// As [`accuracy`].
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
        let (predicted, labels, classes) = decide(scores, labels)?;
        let mut counts = Array2::zeros((classes, classes));
        for (&predicted, &label) in predicted.iter().zip(&labels) {
            counts[[label as usize, predicted as usize]] += 1;
        }
        Ok(Self { counts })
    }

    /// Share of samples on the diagonal, in [0, 1].
    pub fn accuracy(&self) -> f64 {
        self.counts.diag().sum() as f64 / self.counts.sum() as f64
    }

    /// Per true class, the share that was found, in [0, 1]; NaN for a class without samples.
    pub fn recall(&self) -> Array1<f64> {
        self.share_of(&self.counts.sum_axis(ndarray::Axis(1)))
    }

    /// Per predicted class, the share that was right, in [0, 1]; NaN for a class never predicted.
    pub fn precision(&self) -> Array1<f64> {
        self.share_of(&self.counts.sum_axis(ndarray::Axis(0)))
    }

    fn share_of(&self, totals: &Array1<u64>) -> Array1<f64> {
        self.counts.diag().mapv(|count| count as f64) / totals.mapv(|total| total as f64)
    }
}

/// Mean squared error as a number, in the square of the target's unit; see [`loss::mse`].
///
/// # Errors
/// As [`loss::mse`].
///
/// ```
/// use candlelight::{metrics, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let (prediction, target) = (Tensor::new(&[3f32, 0.], &Device::Cpu)?, Tensor::new(&[0f32, 0.], &Device::Cpu)?);
/// assert_eq!(metrics::mse(&prediction, &target)?, 4.5);
/// # Ok(()) }
/// ```
pub fn mse(prediction: &Tensor, target: &Tensor) -> Result<f64> {
    scalar(&loss::mse(prediction, target)?)
}

/// Root of the mean squared error, in the target's unit.
///
/// ```text
/// rmse = √(1/n Σᵢ (pᵢ - tᵢ)²)
/// ```
///
/// # Errors
/// As [`loss::mse`].
///
/// ```
/// use candlelight::{metrics::rmse, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let prediction = Tensor::new(&[3f32, -3.], &Device::Cpu)?;
/// assert_eq!(rmse(&prediction, &prediction.zeros_like()?)?, 3.);
/// # Ok(()) }
/// ```
pub fn rmse(prediction: &Tensor, target: &Tensor) -> Result<f64> {
    Ok(mse(prediction, target)?.sqrt())
}

/// A tensor of one element as a number.
pub(crate) fn scalar(tensor: &Tensor) -> Result<f64> {
    Ok(tensor.to_dtype(DType::F64)?.to_scalar::<f64>()?)
}

/// Predicted classes, labels, and the number of classes.
fn decide(scores: &Tensor, labels: &Tensor) -> Result<(Vec<u32>, Vec<u32>, usize)> {
    let labels = checked_labels("scores", scores, labels)?;
    let predicted = scores.argmax(D::Minus1)?.flatten_all()?.to_vec1()?;
    Ok((predicted, labels.flatten_all()?.to_vec1()?, scores.dim(D::Minus1)?))
}
