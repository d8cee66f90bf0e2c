//! Whether a model is right as often as it says.

use candle_core::Tensor;
use candlelight_base::range;

use super::{Rows, decide};
use crate::{Error, Result};

/// Confidence against accuracy: the numbers of a reliability diagram, and what they sum up to.
///
/// A sample's confidence is its largest probability. Of the samples with a confidence near 0.8, a calibrated model gets 80 %
/// right. Guo, Pleiss, Sun and Weinberger (2017), section 2.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Bins of equal width, the lowest first.
    pub bins: Vec<CalibrationBin>,
}

/// The samples with a confidence in (low, high].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationBin {
    /// Lower end, not part of the bin.
    pub low: f64,
    /// Upper end, part of the bin.
    pub high: f64,
    /// How many samples there are.
    pub count: usize,
    /// Their mean confidence; NaN if there are none.
    pub confidence: f64,
    /// The share of them that is right; NaN if there are none.
    pub accuracy: f64,
}

impl Calibration {
    /// Sorts samples into `bins` by confidence, M bins of width 1/M.
    ///
    /// `bins`: at least 1; 15 in the paper.
    ///
    /// # Shapes
    /// `probabilities` [..., C], rows that sum to 1 (within 0.001), as of [`softmax`](crate::activation::softmax);
    /// `labels` [...] of U8, U32 or I64 in 0..C.
    ///
    /// # Errors
    /// Shapes, dtypes or labels that differ from these, no bins, numbers that are no probabilities.
    ///
    /// ```
    /// use candlelight::{metrics::Calibration, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let sure = Tensor::new(&[[0.9f64, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]], &Device::Cpu)?;
    /// let calibration = Calibration::new(&sure, &Tensor::new(&[0u32, 1, 1, 1], &Device::Cpu)?, 10)?;
    /// let bin = calibration.bins[8]; // 0.8 to 0.9
    /// assert_eq!((bin.count, bin.accuracy), (2, 0.5));
    /// assert!((calibration.expected_error() - (0.4 + 0.4) / 2.).abs() < 1e-12);
    /// # Ok(()) }
    /// ```
    pub fn new(probabilities: &Tensor, labels: &Tensor, bins: usize) -> Result<Self> {
        let rows = Rows::new("probabilities", probabilities, labels)?;
        range::at_least_one("bins", bins)?;
        let mut sums = vec![(0_usize, 0.0, 0_usize); bins];
        for (probabilities, label) in rows.iter() {
            let (predicted, confidence) = confidence(probabilities)?;
            let index = (confidence * bins as f64).ceil() as usize;
            let (count, confidences, right) = &mut sums[index.clamp(1, bins) - 1];
            *count += 1;
            *confidences += confidence;
            *right += usize::from(predicted == label);
        }
        let bin = |(index, (count, confidences, right)): (usize, (usize, f64, usize))| CalibrationBin {
            low: index as f64 / bins as f64,
            high: (index + 1) as f64 / bins as f64,
            count,
            confidence: confidences / count as f64,
            accuracy: right as f64 / count as f64,
        };
        Ok(Self { bins: sums.into_iter().enumerate().map(bin).collect() })
    }

    /// Expected calibration error, in [0, 1].
    ///
    /// ```text
    /// ECE = Σₘ |Bₘ|/n · |acc(Bₘ) - conf(Bₘ)|
    /// ```
    ///
    /// It depends on the number of bins: state that with it. Guo et al. (2017), eq. 3.
    pub fn expected_error(&self) -> f64 {
        let n = self.bins.iter().map(|bin| bin.count).sum::<usize>() as f64;
        self.filled().map(|bin| bin.count as f64 / n * bin.gap()).sum()
    }

    /// Largest calibration error of a bin, in [0, 1]. Guo et al. (2017), eq. 5.
    pub fn maximum_error(&self) -> f64 {
        self.filled().map(CalibrationBin::gap).fold(0.0, f64::max)
    }

    fn filled(&self) -> impl Iterator<Item = &CalibrationBin> {
        self.bins.iter().filter(|bin| bin.count > 0)
    }
}

impl CalibrationBin {
    /// |accuracy - confidence|; NaN if there are no samples.
    pub fn gap(&self) -> f64 {
        (self.accuracy - self.confidence).abs()
    }
}

/// The predicted class and its probability.
fn confidence(probabilities: &[f64]) -> Result<(usize, f64)> {
    let refuse = |actual: String| Error::setting("probabilities", "in [0, 1], with a sum of 1 for each sample", actual);
    if let Some(value) = probabilities.iter().find(|value| !(-1e-6..=1.0 + 1e-6).contains(*value)) {
        return Err(refuse(value.to_string()));
    }
    let sum: f64 = probabilities.iter().sum();
    match decide(probabilities) {
        Some(predicted) if (sum - 1.0).abs() <= 1e-3 => Ok((predicted, probabilities[predicted].min(1.0))),
        _ => Err(refuse(format!("a sum of {sum}"))),
    }
}
