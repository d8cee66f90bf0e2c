//! Means over samples that are seen batch by batch.

use crate::{Error, Result};

/// Σ wᵢ xᵢ / Σ wᵢ, for the mean xᵢ over a batch of weight wᵢ: its samples, or the sum of their weights.
#[derive(Debug, Default)]
pub(super) struct WeightedMean {
    sum: f64,
    weight: f64,
}

impl WeightedMean {
    pub(super) fn add(&mut self, mean: f64, weight: f64) {
        self.sum += mean * weight;
        self.weight += weight;
    }

    pub(super) fn value(&self) -> Result<f64> {
        check_counts(self.weight)?;
        Ok(self.sum / self.weight)
    }
}

/// Refuses samples that all have the weight 0.
pub(super) fn check_counts(weight: f64) -> Result<()> {
    if weight > 0.0 {
        return Ok(());
    }
    Err(Error::setting("samples of a mean", "such that one counts", "weights of 0 or ignored labels only"))
}
