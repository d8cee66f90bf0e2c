//! Means and variances, where they were measured.

use candle_core::Tensor;
use candlelight_base::transfer;
use candlelight_kernels::normalization::Moments;

use crate::Result;

/// The mean and the variance of each channel, group or row: plain numbers of the CPU's kernels, or tensors that stay on their
/// device, since reading them would make the host wait for it at each layer of each step.
pub(super) enum Statistics {
    OnHost(Vec<Moments>),
    /// Vectors of F64, or of F32 where they are of numbers of F32 or less.
    OnDevice {
        mean: Tensor,
        var: Tensor,
    },
}

impl Statistics {
    /// Those of `channels`, given once for each sample: their means, with variances times `factor`.
    pub fn averaged(self, channels: usize, factor: f64) -> Result<Self> {
        match self {
            Self::OnHost(moments) => {
                let samples = (moments.len() / channels) as f64;
                let mut means = vec![Moments::default(); channels];
                for sample in moments.chunks_exact(channels) {
                    for (total, moments) in means.iter_mut().zip(sample) {
                        total.mean += moments.mean / samples;
                        total.var += moments.var * factor / samples;
                    }
                }
                Ok(Self::OnHost(means))
            }
            Self::OnDevice { mean, var } => Ok(Self::OnDevice {
                mean: mean.reshape(((), channels))?.mean(0)?,
                var: (var.reshape(((), channels))?.mean(0)? * factor)?,
            }),
        }
    }

    /// As numbers of the host.
    pub fn moments(self) -> Result<Vec<Moments>> {
        match self {
            Self::OnHost(moments) => Ok(moments),
            Self::OnDevice { mean, var } => {
                let pairs = transfer::to_f64(&mean)?.into_iter().zip(transfer::to_f64(&var)?);
                Ok(pairs.map(|(mean, var)| Moments { mean, var }).collect())
            }
        }
    }
}
