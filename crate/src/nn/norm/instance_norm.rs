use candle_core::{DType, Tensor, Var};
use candlelight_base::range;
use candlelight_kernels as kernels;
use candlelight_kernels::norm::batch;
use candlelight_kernels::normalization::Affine;

use super::group_norm::{along_groups, by_groups};
use super::running::Running;
use super::{Scale, check_dtype, check_eps, check_momentum, composed};
use crate::nn::kind::{Kind, kind};
use crate::nn::{Linearized, Mode, Module};
use crate::params::Params;
use crate::{Error, Result};

/// Settings of an [`InstanceNorm`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InstanceNormConfig {
    /// ε, added to the variance; 0, or above 0 and finite in the type of the layer (from 1.2e-38 in F32), default 1e-5.
    pub eps: f64,
    /// By how much of the way the running statistics move towards those of a batch, in [0, 1]; default 0.1. `None` leaves
    /// them as they are, as in PyTorch.
    pub momentum: Option<f64>,
    /// Whether there are γ and β; default false.
    pub affine: bool,
    /// Whether running statistics are kept and used in [`Mode::Eval`]; default false.
    pub track_running_stats: bool,
}

impl Default for InstanceNormConfig {
    fn default() -> Self {
        Self { eps: 1e-5, momentum: Some(0.1), affine: false, track_running_stats: false }
    }
}

/// Instance normalization of channels with `D` dimensions: each channel of each sample by itself, over its places.
///
/// ```text
/// y = γ (x - μ) / √(σ² + ε) + β        μ, σ² = mean and variance of one channel of one sample
/// ```
///
/// The running statistics, where they are kept, move towards the mean over the samples of μ and of σ² m / (m - 1), with
/// m places.
///
/// # Shapes
/// Input and output [N, C, L] ([`InstanceNorm1d`]) or [N, C, H, W] ([`InstanceNorm2d`]); parameters and buffers as
/// [`BatchNorm`](super::BatchNorm). PyTorch takes one sample without N as well; it is an error here.
/// `num_batches_tracked` stays 0, as in PyTorch.
///
/// Ulyanov, Vedaldi and Lempitsky (2016), eq. 3.
#[derive(Debug, Clone)]
pub struct InstanceNorm<const D: usize> {
    channels: usize,
    config: InstanceNormConfig,
    dtype: DType,
    scale: Scale,
    running: Option<Running>,
}

/// [`InstanceNorm`] of [N, C, L], PyTorch's `InstanceNorm1d`.
pub type InstanceNorm1d = InstanceNorm<1>;

/// [`InstanceNorm`] of [N, C, H, W], PyTorch's `InstanceNorm2d`.
pub type InstanceNorm2d = InstanceNorm<2>;

/// An [`InstanceNorm1d`] with PyTorch's defaults.
///
/// # Errors
/// As [`InstanceNorm::new`].
pub fn instance_norm1d(num_features: usize, params: Params) -> Result<InstanceNorm1d> {
    InstanceNorm::new(num_features, InstanceNormConfig::default(), params)
}

/// An [`InstanceNorm2d`] with PyTorch's defaults.
///
/// # Errors
/// As [`InstanceNorm::new`].
///
/// ```
/// use candlelight::{nn::instance_norm2d, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let layer = instance_norm2d(1, Params::new(0, &Device::Cpu)?)?;
/// let x = Tensor::new(&[[[[1f32, 3.]]], [[[10., 30.]]]], &Device::Cpu)?;
/// let y = layer.forward(&x, Mode::Train)?.flatten_all()?.to_vec1::<f32>()?;
/// assert!(y.iter().zip([-1., 1., -1., 1.]).all(|(y, expected)| (y - expected).abs() < 1e-4));
/// # Ok(()) }
/// ```
pub fn instance_norm2d(num_features: usize, params: Params) -> Result<InstanceNorm2d> {
    InstanceNorm::new(num_features, InstanceNormConfig::default(), params)
}

impl<const D: usize> InstanceNorm<D> {
    const KIND: Kind = match D {
        1 => kind!("instance_norm1d"),
        2 => kind!("instance_norm2d"),
        _ => kind!("instance_norm"),
    };

    /// The layer, with its parameters and buffers below the prefix of `params`. `num_features`: C, at least 1.
    ///
    /// # Errors
    /// A setting outside its range, or a name that is taken.
    pub fn new(num_features: usize, config: InstanceNormConfig, params: Params) -> Result<Self> {
        let channels = num_features;
        range::at_least_one("num_features", channels)?;
        check_eps(config.eps, params.dtype())?;
        check_momentum(config.momentum)?;
        Ok(Self {
            channels,
            config,
            dtype: params.dtype(),
            scale: Scale::new(&[channels], config.affine, config.affine, &params)?,
            running: config.track_running_stats.then(|| Running::new(channels, &params)).transpose()?,
        })
    }

    /// γ, of shape `[C]`, if the layer has it.
    pub fn weight(&self) -> Option<&Var> {
        self.scale.weight.as_ref()
    }

    /// β, of shape `[C]`, if the layer has it.
    pub fn bias(&self) -> Option<&Var> {
        self.scale.bias.as_ref()
    }

    fn with_given(&self, x: &Tensor, running: &Running) -> Result<Tensor> {
        let (weight, bias, eps) = (self.scale.weight(), self.scale.bias(), self.config.eps);
        if kernels::can_take(&[x]) {
            return batch::with_given(x, Affine { weight, bias, eps, negative_slope: None }, &running.moments()?);
        }
        let y = composed::with_given(x, running.mean(), running.var(), eps)?;
        composed::scaled(y, weight, bias, &composed::by_channel(x))
    }
}

impl<const D: usize> Module for InstanceNorm<D> {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let y = self.normalized(x, mode)?;
        let mixed = if mode != Mode::Train && self.running.is_some() { 0 } else { x.rank() };
        self.scale.record(Self::KIND.name, x, &y, mixed);
        Ok(y)
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        let y = self.forward(x, mode)?;
        match self.running.as_ref().filter(|_| mode != Mode::Train) {
            Some(running) => {
                // A copy: the statistics may move on before the derivative is asked for.
                let var = running.var().as_detached_tensor().copy()?;
                let (weight, eps) = (self.scale.weight(), self.config.eps);
                Ok(Linearized::new(x, y, move |v| composed::along_given(v, &var, weight, eps)))
            }
            None => Ok(along_groups(x, y, self.channels, &self.scale, self.config.eps)),
        }
    }
}

impl<const D: usize> InstanceNorm<D> {
    fn normalized(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let c = self.channels;
        if x.rank() != D + 2 || x.dims().get(1) != Some(&c) {
            let places = match D {
                1 => "L",
                2 => "H, W",
                _ => "…",
            };
            return Err(Error::shape(Self::KIND.input, format!("[N, {c}, {places}]"), x.dims()));
        }
        check_dtype(Self::KIND.input, x, self.dtype)?;
        if let Some(running) = self.running.as_ref().filter(|_| mode != Mode::Train) {
            return self.with_given(x, running);
        }
        let places: usize = x.dims().iter().skip(2).product();
        if places < 2 {
            let expected = "more than one place for each channel, to take statistics of";
            return Err(Error::shape(Self::KIND.input, expected, x.dims()));
        }
        let (y, statistics) = by_groups(x, c, &self.scale, self.config.eps, self.running.is_some())?;
        if let (Some(running), Some(statistics), Some(momentum)) = (&self.running, statistics, self.config.momentum) {
            let unbiased = places as f64 / (places - 1) as f64;
            running.blend(&statistics.averaged(c, unbiased)?, momentum)?;
        }
        Ok(y)
    }
}
