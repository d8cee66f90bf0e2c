//! Batch normalization over the samples of all ranks.

use std::sync::Arc;

use candle_core::{Device, Tensor, Var, WithDType};

use super::{Algorithm, Communicator, Element, Reduction};
use crate::autograd::differentiable;
use crate::nn::{BatchNorm, BatchNormConfig, Mode, Module};
use crate::params::Params;
use crate::{Error, Result};

/// Batch normalization whose mean and variance in training are those of the samples of all ranks: PyTorch's `SyncBatchNorm`.
///
/// ```text
/// μ = Σᵢ nᵢ μᵢ / n        σ² = Σᵢ (Sᵢ + nᵢ (μᵢ - μ)²) / n        n = Σᵢ nᵢ
/// y = γ x̂ + β        x̂ = (x - μ) / √(σ² + ε)
/// ∂L/∂x = (γ g - Σ γ g / n - x̂ Σ γ g x̂ / n) / √(σ² + ε)
/// ```
///
/// of rank i: nᵢ numbers of a channel, their mean μᵢ and sum of squared distances from it Sᵢ; in the derivative g is that of y, and
/// Σ goes over the numbers of all ranks. So N ranks of M samples do what one of N·M does, also where shares differ in size, and
/// running statistics are those of the large batch, the same on all ranks. A forward pass in training is one all-gather of 2 C + 1
/// numbers, a backward pass one all-reduce of 2 C.
///
/// The loss that is differentiated is the sum of what the ranks differentiate: with [`DataParallel`](super::DataParallel), which
/// weighs them, the mean over all samples. All ranks must run the same layers in the same order, so each needs a sample; where the
/// last batch of an epoch has fewer than there are ranks, leave it out. One sample a rank is enough.
///
/// Outside of training it is a [`BatchNorm`]; parameters, buffers and settings are that layer's, so that a state dict fits both.
/// It runs on the CPU alone.
///
/// # Shapes
/// Those of [`BatchNorm`] for the same `D`: 1 or 2.
///
/// ```
/// use candlelight::{distributed::{SyncBatchNorm, cluster}, nn::BatchNormConfig, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let run = cluster(2, |comm| {
///     let params = Params::new(0, &Device::Cpu)?;
///     let layer = SyncBatchNorm::<1>::new(1, BatchNormConfig::default(), comm, params)?;
///     let x = Tensor::full(1. + 2. * comm.rank() as f32, (1, 1), &Device::Cpu)?; // 1 and 3
///     Ok(layer.forward(&x, Mode::Train)?.to_vec2::<f32>()?[0][0])
/// })?;
/// assert!((run.results[0] + 1.).abs() < 1e-4 && (run.results[1] - 1.).abs() < 1e-4);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct SyncBatchNorm<const D: usize> {
    comm: Arc<dyn Communicator>,
    inner: BatchNorm<D>,
    config: BatchNormConfig,
    channels: usize,
    batches: Option<Var>,
}

impl<const D: usize> SyncBatchNorm<D> {
    /// The layer, with the parameters and buffers of a [`BatchNorm`] below the prefix of `params`. `num_features`: C, at least 1.
    ///
    /// # Errors
    /// As [`BatchNorm::new`].
    pub fn new(
        num_features: usize,
        config: BatchNormConfig,
        comm: &Arc<dyn Communicator>,
        params: Params,
    ) -> Result<Self> {
        let inner = BatchNorm::new(num_features, config, params.clone())?;
        let batches = if config.track_running_stats { Some(params.get("num_batches_tracked")?) } else { None };
        Ok(Self { comm: comm.clone(), inner, config, channels: num_features, batches })
    }

    /// γ, of shape `[C]`, if the layer has it.
    pub fn weight(&self) -> Option<&Var> {
        self.inner.weight()
    }

    /// β, of shape `[C]`, if the layer has it.
    pub fn bias(&self) -> Option<&Var> {
        self.inner.bias()
    }

    /// The running mean of each channel, if it is kept.
    pub fn running_mean(&self) -> Option<&Var> {
        self.inner.running_mean()
    }

    /// The running variance of each channel, if it is kept.
    pub fn running_var(&self) -> Option<&Var> {
        self.inner.running_var()
    }

    fn check(&self, x: &Tensor) -> Result<()> {
        let dtype = self.weight().or(self.running_mean()).map_or(x.dtype(), |var| var.dtype());
        match x.dims() {
            [_, c, places @ ..] if *c == self.channels && (places.len() == D || (D == 1 && places.is_empty())) => {}
            dims => {
                let expected = format!("[N, {}, …] of {} dimensions", self.channels, D + 2);
                return Err(Error::shape("input of sync_batch_norm", expected, dims));
            }
        }
        if x.dtype() != dtype {
            let expected = "that of the layer's parameters";
            return Err(Error::DType { what: "input of sync_batch_norm", expected, actual: x.dtype() });
        }
        match x.device().is_cpu() {
            true => Ok(()),
            false => Err(Error::setting("device of sync_batch_norm", "the CPU", crate::device::describe(x.device()))),
        }
    }

    fn synchronized<T: Element>(&self, x: &Tensor) -> Result<Tensor> {
        let channels = self.channels;
        let numbers = x.detach().contiguous()?.flatten_all()?.to_vec1::<T>()?;
        // Runs of `places` numbers, of one channel after the other.
        let places: usize = x.dims()[2..].iter().product();
        let layout = Layout { channels, places: places.max(1) };
        let all = self.moments(&layout.moments(&numbers))?;
        if all.count < 2.0 {
            let expected = "more than one number for each channel on all ranks together".to_owned();
            return Err(Error::shape("input of sync_batch_norm", expected, x.dims()));
        }
        self.update(&all)?;

        let scale: Vec<f64> = all.var.iter().map(|var| (var + self.config.eps).sqrt().recip()).collect();
        let factor = |var: Option<&Var>, default: f64| match var {
            Some(var) => numbers_of(var),
            None => Ok(vec![default; channels]),
        };
        let (gamma, beta) = (factor(self.weight(), 1.0)?, factor(self.bias(), 0.0)?);
        let mut normalized = vec![T::zero(); numbers.len()];
        let mut output = vec![T::zero(); numbers.len()];
        layout.each(numbers.len(), |c, at| {
            let hat = (numbers[at].to_f64() - all.mean[c]) * scale[c];
            normalized[at] = T::from_f64(hat);
            output[at] = T::from_f64(gamma[c] * hat + beta[c]);
        });

        let (comm, shape, size) = (self.comm.clone(), x.shape().clone(), all.count);
        let backward = move |gradient: &Tensor, needs: &[bool]| {
            let gradient = gradient.flatten_all()?.to_vec1::<T>()?;
            // Σ g and Σ g x̂ of each channel, here.
            let mut sums = vec![0.0; 2 * channels];
            layout.each(gradient.len(), |c, at| {
                let g = gradient[at].to_f64();
                sums[c] += g;
                sums[channels + c] += g * normalized[at].to_f64();
            });
            let vector = |sums: &[f64]| {
                let sums = sums.iter().map(|&sum| T::from_f64(sum)).collect();
                Ok::<_, Error>(Some(Tensor::from_vec(sums, channels, &Device::Cpu)?))
            };
            let mut gradients = vec![None];
            if needs.len() > 1 {
                gradients.extend([vector(&sums[channels..])?, vector(&sums[..channels])?]);
            }
            if needs[0] {
                let mut whole = sums;
                let algorithm = Algorithm::usual(comm.size(), size_of_val(whole.as_slice()));
                comm.all_reduce_with(&mut whole, Reduction::Sum, algorithm)?;
                let mut of_input = vec![T::zero(); gradient.len()];
                layout.each(gradient.len(), |c, at| {
                    let (g, hat) = (gradient[at].to_f64(), normalized[at].to_f64());
                    let centred = g - (whole[c] + hat * whole[channels + c]) / size;
                    of_input[at] = T::from_f64(gamma[c] * scale[c] * centred);
                });
                gradients[0] = Some(Tensor::from_vec(of_input, &shape, &Device::Cpu)?);
            }
            Ok(gradients)
        };
        let affine = [self.weight(), self.bias()].into_iter().flatten().map(|var| var.as_tensor());
        let inputs: Vec<&Tensor> = std::iter::once(x).chain(affine).collect();
        differentiable("sync_batch_norm", &inputs, output, x.shape(), backward)
    }

    /// Those of all ranks, of those of this one.
    fn moments(&self, own: &Moments) -> Result<Moments> {
        let channels = self.channels;
        let mut message = vec![own.count];
        message.extend(own.mean.iter().chain(&own.var));
        let all = self.comm.all_gather(&message)?;
        let ranks: Vec<&[f64]> = all.chunks(message.len()).collect();
        let count: f64 = ranks.iter().map(|rank| rank[0]).sum();
        let mut whole = Moments { count, mean: Vec::new(), var: Vec::new() };
        for c in 0..channels {
            let mean = ranks.iter().map(|rank| rank[0] * rank[1 + c]).sum::<f64>() / count.max(1.0);
            let squares = |rank: &&[f64]| rank[0] * (rank[1 + channels + c] + (rank[1 + c] - mean).powi(2));
            whole.mean.push(mean);
            whole.var.push(ranks.iter().map(squares).sum::<f64>() / count.max(1.0));
        }
        Ok(whole)
    }

    /// Moves the running statistics, the variance divided by n - 1.
    fn update(&self, all: &Moments) -> Result<()> {
        let (Some(mean), Some(var), Some(batches)) = (self.running_mean(), self.running_var(), &self.batches) else {
            return Ok(());
        };
        let count = numbers_of(batches)?.first().copied().unwrap_or(0.0) + 1.0;
        let share = self.config.momentum.unwrap_or(1.0 / count);
        let unbiased = all.count / (all.count - 1.0);
        for (var, new, factor) in [(mean, &all.mean, 1.0), (var, &all.var, unbiased)] {
            let moved = numbers_of(var)?.into_iter().zip(new);
            put(var, moved.map(|(old, new)| (1.0 - share) * old + share * factor * new).collect())?;
        }
        put(batches, vec![count])
    }
}

impl<const D: usize> Module for SyncBatchNorm<D> {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        if mode != Mode::Train {
            return self.inner.forward(x, mode);
        }
        self.check(x)?;
        match x.dtype() {
            candle_core::DType::F64 => self.synchronized::<f64>(x),
            _ => self.synchronized::<f32>(x),
        }
    }
}

/// Of each channel, with the variance divided by the count.
struct Moments {
    count: f64,
    mean: Vec<f64>,
    var: Vec<f64>,
}

/// Numbers of [N, C, places], one after another.
#[derive(Clone, Copy)]
struct Layout {
    channels: usize,
    places: usize,
}

impl Layout {
    /// Calls with the channel and the place of each number.
    fn each(self, numbers: usize, mut number: impl FnMut(usize, usize)) {
        for run in 0..numbers / self.places {
            let channel = run % self.channels;
            (run * self.places..(run + 1) * self.places).for_each(|at| number(channel, at));
        }
    }

    fn moments<T: WithDType>(self, numbers: &[T]) -> Moments {
        let count = (numbers.len() / self.channels) as f64;
        let mean_of = |value: &dyn Fn(usize, f64) -> f64| {
            let mut sums = vec![0.0; self.channels];
            self.each(numbers.len(), |c, at| sums[c] += value(c, numbers[at].to_f64()));
            sums.into_iter().map(|sum| sum / count.max(1.0)).collect::<Vec<f64>>()
        };
        let mean = mean_of(&|_, x| x);
        let var = mean_of(&|c, x| (x - mean[c]).powi(2));
        Moments { count, mean, var }
    }
}

fn numbers_of(var: &Var) -> Result<Vec<f64>> {
    Ok(var.as_detached_tensor().flatten_all()?.to_dtype(candle_core::DType::F64)?.to_vec1()?)
}

fn put(var: &Var, values: Vec<f64>) -> Result<()> {
    Ok(var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu)?.to_dtype(var.dtype())?)?)
}
