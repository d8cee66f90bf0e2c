//! Statistics that are carried from batch to batch.

use candle_core::{Tensor, Var};
use candlelight_base::transfer;
use candlelight_kernels::card;
use candlelight_kernels::normalization::Moments;

use super::statistics::Statistics;
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

    /// The statistics of each channel, read by the host.
    pub fn moments(&self) -> Result<Vec<Moments>> {
        let pairs = transfer::to_f64(&self.mean)?.into_iter().zip(transfer::to_f64(&self.var)?);
        Ok(pairs.map(|(mean, var)| Moments { mean, var }).collect())
    }

    /// Whether they come from anything, be it a batch or a file; else they are what they started as.
    pub fn are_gathered(&self) -> Result<bool> {
        let start = Moments { mean: 0.0, var: 1.0 };
        Ok(transfer::to_f64(&self.batches)? != [0.0] || self.moments()?.iter().any(|moments| *moments != start))
    }

    /// Moves towards the statistics of a batch, whose variances are taken times `unbiased`, by `momentum` of the way, or so that all
    /// batches count alike if it is `None`.
    pub fn update(&self, statistics: &Statistics, unbiased: f64, momentum: Option<f64>) -> Result<()> {
        match statistics {
            Statistics::OnHost(moments) => {
                let batches = transfer::scalar(&self.batches)? + 1.0;
                let share = momentum.unwrap_or(1.0 / batches);
                self.blend_moments(moments, unbiased, share)?;
                put(&self.batches, vec![batches])
            }
            Statistics::OnDevice { mean, var } => {
                let kept = card::Running { mean: &self.mean, var: &self.var, batches: &self.batches };
                if card::carry(&kept, mean, var, unbiased, momentum)?.is_some() {
                    return Ok(());
                }
                let batches = (self.batches.as_detached_tensor() + 1.0)?;
                let var = &(var * unbiased)?;
                match momentum {
                    Some(share) => self.blend_tensors(mean, var, share)?,
                    None => {
                        let share = batches.to_dtype(mean.dtype())?.recip()?;
                        let rest = (1.0 - &share)?;
                        for (kept, new) in [(&self.mean, mean), (&self.var, var)] {
                            let old = kept.as_detached_tensor().to_dtype(new.dtype())?;
                            set(kept, &(old.broadcast_mul(&rest)? + new.broadcast_mul(&share)?)?)?;
                        }
                    }
                }
                set(&self.batches, &batches)
            }
        }
    }

    /// Moves towards the statistics of a batch, by `share` of the way, and does not count it.
    pub fn blend(&self, statistics: &Statistics, share: f64) -> Result<()> {
        match statistics {
            Statistics::OnHost(moments) => self.blend_moments(moments, 1.0, share),
            Statistics::OnDevice { mean, var } => self.blend_tensors(mean, var, share),
        }
    }

    fn blend_tensors(&self, mean: &Tensor, var: &Tensor, share: f64) -> Result<()> {
        for (kept, new) in [(&self.mean, mean), (&self.var, var)] {
            let old = kept.as_detached_tensor().to_dtype(new.dtype())?;
            set(kept, &((old * (1.0 - share))? + (new * share)?)?)?;
        }
        Ok(())
    }

    /// Takes over statistics as they are.
    pub fn set(&self, moments: &[Moments], batches: f64) -> Result<()> {
        self.put_moments(moments)?;
        put(&self.batches, vec![batches])
    }

    fn blend_moments(&self, moments: &[Moments], unbiased: f64, share: f64) -> Result<()> {
        let moved = self.moments()?.into_iter().zip(moments).map(|(old, new)| Moments {
            mean: (1.0 - share) * old.mean + share * new.mean,
            var: (1.0 - share) * old.var + share * (new.var * unbiased),
        });
        self.put_moments(&moved.collect::<Vec<_>>())
    }

    fn put_moments(&self, moments: &[Moments]) -> Result<()> {
        put(&self.mean, moments.iter().map(|moments| moments.mean).collect())?;
        put(&self.var, moments.iter().map(|moments| moments.var).collect())
    }
}

fn put(var: &Var, values: Vec<f64>) -> Result<()> {
    set(var, &transfer::to_device(values, var.shape(), var.device())?)
}

fn set(var: &Var, values: &Tensor) -> Result<()> {
    Ok(var.set(&values.to_dtype(var.dtype())?)?)
}
