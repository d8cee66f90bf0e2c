//! Numbers to judge a model by, on data it has not seen.

mod accuracy;
mod calibration;
mod confusion;
pub mod generative;
mod multi_label;
mod regression;

use candle_core::Tensor;
use candlelight_base::transfer;

use crate::Result;
use crate::loss::checked_labels;

pub use accuracy::{accuracy, top_k_accuracy};
pub use calibration::{Calibration, CalibrationBin};
pub use confusion::ConfusionMatrix;
pub use multi_label::MultiLabel;
pub use regression::{mae, mse, rmse};

/// A tensor of one element as a number.
pub(crate) fn scalar(tensor: &Tensor) -> Result<f64> {
    Ok(transfer::scalar(tensor)?)
}

/// Scores and labels of a batch, checked to fit one another.
struct Rows {
    scores: Vec<f64>,
    labels: Vec<u32>,
    classes: usize,
}

impl Rows {
    fn new(what: &'static str, scores: &Tensor, labels: &Tensor) -> Result<Self> {
        let labels = transfer::to_host::<u32>(&checked_labels(what, scores, labels)?)?;
        let scores = transfer::to_f64(scores)?;
        Ok(Self { classes: scores.len() / labels.len(), scores, labels })
    }

    /// The scores of each sample with its label.
    fn iter(&self) -> impl Iterator<Item = (&[f64], usize)> {
        self.scores.chunks_exact(self.classes).zip(self.labels.iter().map(|&label| label as usize))
    }
}

/// The class of the largest score, the first of equals; `None` if a score is NaN.
fn decide(scores: &[f64]) -> Option<usize> {
    let mut best = 0;
    for (class, score) in scores.iter().enumerate() {
        if score.is_nan() {
            return None;
        }
        if *score > scores[best] {
            best = class;
        }
    }
    Some(best)
}
