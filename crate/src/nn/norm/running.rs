//! Statistics that are carried from batch to batch.

use candle_core::{Device, Tensor, Var};
use candlelight_kernels::normalization::Moments;

use crate::Result;
use crate::init::Init;
use crate::params::Params;

/// `running_mean`, `running_var` and `num_batches_tracked`, as in PyTorch.
#[derive(Debug, Clone)]
pub(super) struct Running {
    mean: Var,
    var: Var,
    batches: Var,
}

impl Running {
    pub fn new(channels: usize, params: &Params) -> Result<Self> {
        Ok(Self {
            mean: params.buffer("running_mean", channels, Init::Constant(0.0))?,
            var: params.buffer("running_var", channels, Init::Constant(1.0))?,
            batches: params.buffer("num_batches_tracked", (), Init::Constant(0.0))?,
        })
    }

    pub fn mean(&self) -> &Var {
        &self.mean
    }

    pub fn var(&self) -> &Var {
        &self.var
    }

    /// The statistics of each channel.
    pub fn moments(&self) -> Result<Vec<Moments>> {
        let pairs = numbers(&self.mean)?.into_iter().zip(numbers(&self.var)?);
        Ok(pairs.map(|(mean, var)| Moments { mean, var }).collect())
    }

    /// Whether they come from anything, be it a batch or a file; else they are what they started as.
    pub fn are_gathered(&self) -> Result<bool> {
        let start = Moments { mean: 0.0, var: 1.0 };
        Ok(numbers(&self.batches)? != [0.0] || self.moments()?.iter().any(|moments| *moments != start))
    }

    /// Moves towards the statistics of a batch, by `momentum` of the way, or so that all batches count alike if it is `None`.
    pub fn update(&self, moments: &[Moments], momentum: Option<f64>) -> Result<()> {
        let batches = numbers(&self.batches)?.first().copied().unwrap_or(0.0) + 1.0;
        self.blend(moments, momentum.unwrap_or(1.0 / batches))?;
        put(&self.batches, vec![batches])
    }

    /// Moves towards the statistics of a batch, by `share` of the way, and does not count it.
    pub fn blend(&self, moments: &[Moments], share: f64) -> Result<()> {
        let moved = self.moments()?.into_iter().zip(moments).map(|(old, new)| Moments {
            mean: (1.0 - share) * old.mean + share * new.mean,
            var: (1.0 - share) * old.var + share * new.var,
        });
        self.put_moments(&moved.collect::<Vec<_>>())
    }

    /// Takes over statistics as they are.
    pub fn set(&self, moments: &[Moments], batches: f64) -> Result<()> {
        self.put_moments(moments)?;
        put(&self.batches, vec![batches])
    }

    fn put_moments(&self, moments: &[Moments]) -> Result<()> {
        put(&self.mean, moments.iter().map(|moments| moments.mean).collect())?;
        put(&self.var, moments.iter().map(|moments| moments.var).collect())
    }
}

fn put(var: &Var, values: Vec<f64>) -> Result<()> {
    let values = Tensor::from_vec(values, var.shape(), &Device::Cpu)?;
    Ok(var.set(&values.to_dtype(var.dtype())?.to_device(var.device())?)?)
}

fn numbers(var: &Var) -> Result<Vec<f64>> {
    Ok(var.as_detached_tensor().flatten_all()?.to_dtype(candle_core::DType::F64)?.to_vec1()?)
}
