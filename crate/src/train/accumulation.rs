use candle_core::backprop::GradStore;
use candlelight_base::range;

use super::mean::check_counts;
use crate::Result;

/// The mean gradient of several batches, for a step as if they were one: a large batch in little memory.
///
/// ```text
/// g = Σᵢ nᵢ gᵢ / Σᵢ nᵢ        for the gradient gᵢ of the mean loss over the nᵢ samples of batch i
/// ```
///
/// which is that of the mean loss over all samples, up to rounding, also where the last batch is smaller. (Dividing
/// each loss by the number of batches, as is usual in PyTorch, weighs the samples of a smaller batch too much.) Where samples
/// have weights, their sum takes the place of nᵢ: [`GradientSum::add_weighted`]. Layers that look at the whole batch, such as
/// batch normalization, still see the small ones.
///
/// ```
/// use candlelight::{loss::mse, nn::{Mode, Module, linear}, optim::{Optimizer, Sgd, SgdConfig}, prelude::*, train::GradientSum};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let model = linear(1, 1, params.clone())?;
/// let mut sgd = Sgd::new(params.trainable(), SgdConfig::default())?;
/// let x = Tensor::ones((10, 1), DType::F32, &Device::Cpu)?;
/// let mut sum = GradientSum::new();
/// for batch in Dataset::new(&x, &x)?.batches(4)? {
///     let (x, y) = batch?;
///     sum.add(mse(&model.forward(&x, Mode::Train)?, &y)?.backward()?, x.dim(0)?)?;
/// }
/// assert_eq!(sum.samples(), 10);
/// sgd.step(&sum.take_mean()?)?;
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct GradientSum {
    /// Σ nᵢ gᵢ, or Σ Wᵢ gᵢ.
    sum: GradStore,
    samples: usize,
    weight: f64,
}

impl GradientSum {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the gradients of a loss that is a mean over `samples` samples, at least 1.
    ///
    /// A parameter that one batch does not reach has the gradient 0 there.
    ///
    /// # Errors
    /// No samples, or gradients of another shape than before.
    pub fn add(&mut self, gradients: GradStore, samples: usize) -> Result<()> {
        self.add_weighted(gradients, samples, samples as f64)
    }

    /// Adds the gradients of a loss that is a weighted mean over `samples` samples, at least 1, as those with class weights or
    /// ignored labels are.
    ///
    /// `weight`: what the mean divided by, the sum of the weights of the samples that count; finite and at least 0.
    ///
    /// # Errors
    /// As [`GradientSum::add`], or a weight outside its range.
    pub fn add_weighted(&mut self, gradients: GradStore, samples: usize, weight: f64) -> Result<()> {
        self.add_scaled(gradients, samples, weight, weight)
    }

    /// [`GradientSum::add_weighted`] of gradients that still lack `factor`, and have the rest of the weight.
    pub(crate) fn add_scaled(&mut self, gradients: GradStore, samples: usize, weight: f64, factor: f64) -> Result<()> {
        range::at_least_one("samples", samples)?;
        range::not_negative("weight", weight)?;
        let mut next = Vec::new();
        for &id in gradients.get_ids() {
            let Some(gradient) = gradients.get_id(id) else { continue };
            // Detached, or the sum would hold the graph of every batch.
            let gradient = (gradient.detach() * factor)?;
            next.push((
                id,
                match self.sum.get_id(id) {
                    Some(sum) => (sum + gradient)?,
                    None => gradient,
                },
            ));
        }
        for (id, gradient) in next {
            self.sum.insert_id(id, gradient);
        }
        self.samples += samples;
        self.weight += weight;
        Ok(())
    }

    /// How many samples have been added.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The mean gradient, for [`Optimizer::step`](crate::optim::Optimizer::step); begins anew.
    ///
    /// # Errors
    /// If nothing has been added, or nothing that counts.
    pub fn take_mean(&mut self) -> Result<GradStore> {
        range::at_least_one("samples", self.samples)?;
        check_counts(self.weight)?;
        let mut mean = GradStore::default();
        for &id in self.sum.get_ids() {
            if let Some(sum) = self.sum.get_id(id) {
                mean.insert_id(id, (sum / self.weight)?);
            }
        }
        *self = Self::new();
        Ok(mean)
    }

    /// The sum of the weighted gradients and that of the weights, for whoever adds those of others; begins anew.
    pub(crate) fn take_sum(&mut self) -> (GradStore, f64) {
        let Self { sum, weight, .. } = std::mem::take(self);
        (sum, weight)
    }
}
