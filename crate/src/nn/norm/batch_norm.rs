use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{DType, Tensor, Var};
use candlelight_base::range;
use candlelight_kernels as kernels;
use candlelight_kernels::card::Normalized;
use candlelight_kernels::norm::batch;
use candlelight_kernels::normalization::{Affine, Moments};

use super::running::Running;
use super::statistics::Statistics;
use super::{BatchNormConfig, Scale, check_dtype, check_eps, check_momentum, composed};
use crate::activation::{check_finite, leaky_relu, relu};
use crate::nn::fuse::Channels;
use crate::nn::kind::{Kind, kind};
use crate::nn::{Activation, Fused, Linearized, Mode, Module};
use crate::params::Params;
use crate::{Error, Result};

/// Batch normalization of channels with `D` dimensions.
///
/// ```text
/// y = γ (x - μ) / √(σ² + ε) + β
/// training:    μ, σ² = mean and variance of the channel over the batch, with m = N · places numbers
///              running_mean ← (1 - momentum) running_mean + momentum μ
///              running_var  ← (1 - momentum) running_var  + momentum σ² m / (m - 1)
/// evaluation:  μ, σ² = running_mean, running_var
///
/// ∂L/∂x = γ/σ (g - mean(g) - x̂ mean(g x̂)) in training,    ∂L/∂γ = Σ g x̂,   ∂L/∂β = Σ g
/// ```
///
/// The variance that normalizes is divided by m, the one that is kept by m - 1, as in PyTorch. Through μ and σ² the
/// gradient of a sample depends on all others of its batch: that is what makes a batch of the whole data set costly.
/// There are two ways to normalize with the statistics of a whole data set: put all of it into one batch, or fix them
/// with [`BatchNorm::fit_statistics`] and [`BatchNorm::freeze`].
///
/// `num_batches_tracked` is a float here, and an integer in PyTorch's state dict.
///
/// # Shapes
/// Input and output [N, C] or [N, C, L] ([`BatchNorm1d`]), [N, C, H, W] ([`BatchNorm2d`]); parameters `weight` and
/// `bias`, buffers `running_mean` and `running_var` `[C]`, and `num_batches_tracked`, a scalar.
///
/// Ioffe and Szegedy (2015), algorithms 1 and 2.
#[derive(Debug, Clone)]
pub struct BatchNorm<const D: usize> {
    channels: usize,
    config: BatchNormConfig,
    dtype: DType,
    scale: Scale,
    running: Option<Running>,
    frozen: Arc<AtomicBool>,
}

/// [`BatchNorm`] of [N, C] or [N, C, L], PyTorch's `BatchNorm1d`.
pub type BatchNorm1d = BatchNorm<1>;

/// [`BatchNorm`] of [N, C, H, W], PyTorch's `BatchNorm2d`.
pub type BatchNorm2d = BatchNorm<2>;

/// A [`BatchNorm1d`] with PyTorch's defaults.
///
/// # Errors
/// As [`BatchNorm::new`].
///
/// ```
/// use candlelight::{nn::batch_norm1d, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let layer = batch_norm1d(1, params.pp("bn"))?;
/// let y = layer.forward(&Tensor::new(&[[1f32], [3.]], &Device::Cpu)?, Mode::Train)?.to_vec2::<f32>()?;
/// assert!((y[0][0] + 1.).abs() < 1e-4 && (y[1][0] - 1.).abs() < 1e-4);
/// // Of the way from 0 to the mean 2, and from 1 to the variance 2.
/// assert!((layer.running_mean().unwrap().to_vec1::<f32>()?[0] - 0.2).abs() < 1e-6);
/// assert!((layer.running_var().unwrap().to_vec1::<f32>()?[0] - 1.1).abs() < 1e-6);
/// # Ok(()) }
/// ```
pub fn batch_norm1d(num_features: usize, params: Params) -> Result<BatchNorm1d> {
    BatchNorm::new(num_features, BatchNormConfig::default(), params)
}

/// A [`BatchNorm2d`] with PyTorch's defaults.
///
/// # Errors
/// As [`BatchNorm::new`].
///
/// ```
/// use candlelight::{nn::batch_norm2d, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let layer = batch_norm2d(16, params.pp("bn1"))?;
/// assert_eq!(params.names()[..3], ["bn1.weight", "bn1.bias", "bn1.running_mean"]);
/// assert_eq!(params.count(), 32);
/// let x = Tensor::ones((8, 16, 28, 28), DType::F32, &Device::Cpu)?;
/// assert_eq!(layer.forward(&x, Mode::Train)?.sqr()?.sum_all()?.to_scalar::<f32>()?, 0.);
/// # Ok(()) }
/// ```
pub fn batch_norm2d(num_features: usize, params: Params) -> Result<BatchNorm2d> {
    BatchNorm::new(num_features, BatchNormConfig::default(), params)
}

impl<const D: usize> BatchNorm<D> {
    const KIND: Kind = match D {
        1 => kind!("batch_norm1d"),
        2 => kind!("batch_norm2d"),
        _ => kind!("batch_norm"),
    };

    /// The layer, with its parameters and buffers below the prefix of `params`. `num_features`: C, at least 1.
    ///
    /// # Errors
    /// A setting outside its range, or a name that is taken.
    pub fn new(num_features: usize, config: BatchNormConfig, params: Params) -> Result<Self> {
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
            frozen: Arc::default(),
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

    /// The running mean of each channel, if it is kept.
    pub fn running_mean(&self) -> Option<&Var> {
        self.running.as_ref().map(Running::mean)
    }

    /// The running variance of each channel, if it is kept.
    pub fn running_var(&self) -> Option<&Var> {
        self.running.as_ref().map(Running::var)
    }

    /// Sets the running statistics to the exact mean and variance of a whole data set, given batch by batch as it
    /// reaches this layer; returns how many numbers a channel had.
    ///
    /// The variance is divided by their number, as if all of the set were one batch in training. A batch is read once
    /// and not kept, so the memory does not grow with the set: the mean and the sum of squared distances of two parts
    /// follow from those of each (Chan, Golub and LeVeque 1983, eq. 2.1).
    ///
    /// # Errors
    /// No running statistics, no numbers, or a batch that does not fit.
    ///
    /// ```
    /// use candlelight::{nn::batch_norm1d, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let layer = batch_norm1d(1, Params::new(0, &Device::Cpu)?)?;
    /// let batches = [[[1f32], [2.]], [[3.], [6.]]].map(|batch| Ok(Tensor::new(&batch, &Device::Cpu)?));
    /// assert_eq!(layer.fit_statistics(batches)?, 4);
    /// assert_eq!(layer.running_mean().unwrap().to_vec1::<f32>()?, [3.]);
    /// assert_eq!(layer.running_var().unwrap().to_vec1::<f32>()?, [3.5]);
    /// # Ok(()) }
    /// ```
    pub fn fit_statistics(&self, batches: impl IntoIterator<Item = Result<Tensor>>) -> Result<usize> {
        let running = self.tracked()?;
        let (mut total, mut count) = (vec![Moments::default(); self.channels], 0);
        for batch in batches {
            let batch = batch?;
            let numbers = self.check(&batch)?;
            if numbers == 0 {
                continue;
            }
            let plain = Affine { weight: None, bias: None, eps: self.config.eps, negative_slope: None };
            let (_, statistics) = self.with_own(&batch.detach(), plain)?;
            let (a, b) = (count as f64, numbers as f64);
            for (total, new) in total.iter_mut().zip(statistics.moments()?) {
                let (apart, share) = (new.mean - total.mean, b / (a + b));
                total.mean += apart * share;
                total.var += (new.var - total.var) * share + apart * apart * share * a / (a + b);
            }
            count += numbers;
        }
        if count == 0 {
            return Err(Error::shape(Self::KIND.input, "at least one sample in all batches together", &[0]));
        }
        running.set(&total, 1.0)?;
        Ok(count)
    }

    /// Whether the running statistics are used in training as well, and left as they are: for statistics of a whole
    /// data set, and for fine-tuning on small batches. Clones of the layer share this.
    ///
    /// # Errors
    /// No running statistics.
    pub fn freeze(&self, frozen: bool) -> Result<()> {
        self.tracked()?;
        self.frozen.store(frozen, Ordering::Relaxed);
        Ok(())
    }

    fn tracked(&self) -> Result<&Running> {
        self.running.as_ref().ok_or_else(|| Error::setting("track_running_stats", "true for this", false))
    }

    /// How many numbers a channel has in `x`.
    fn check(&self, x: &Tensor) -> Result<usize> {
        match x.dims() {
            [n, c, places @ ..] if *c == self.channels && (places.len() == D || (D == 1 && places.is_empty())) => {
                check_dtype(Self::KIND.input, x, self.dtype)?;
                Ok(n * places.iter().product::<usize>())
            }
            dims => {
                let c = self.channels;
                let expected = match D {
                    1 => format!("[N, {c}] or [N, {c}, L]"),
                    2 => format!("[N, {c}, H, W]"),
                    _ => format!("[N, {c}, …] of {} dimensions", D + 2),
                };
                Err(Error::shape(Self::KIND.input, expected, dims))
            }
        }
    }

    /// `negative_slope`: that of a (leaky) ReLU after it, as in [`Affine`].
    fn normalize(&self, x: &Tensor, mode: Mode, negative_slope: Option<f64>) -> Result<Tensor> {
        let y = self.normalized(x, mode, negative_slope)?;
        let mixed = if mode != Mode::Train && self.running.is_some() { 0 } else { x.rank() };
        self.scale.record(Self::KIND.name, x, &y, mixed);
        Ok(y)
    }

    fn normalized(&self, x: &Tensor, mode: Mode, negative_slope: Option<f64>) -> Result<Tensor> {
        let numbers = self.check(x)?;
        check_finite("negative_slope", negative_slope.unwrap_or(0.0), self.dtype)?;
        let (weight, bias) = (self.scale.weight(), self.scale.bias());
        let affine = Affine { weight, bias, eps: self.config.eps, negative_slope };
        match &self.running {
            Some(running) if !self.is_training(mode) => self.with_given(x, affine, running),
            running => {
                if numbers < 2 {
                    let expected = "more than one number for each channel, to take statistics of".to_owned();
                    return Err(Error::shape(Self::KIND.input, expected, x.dims()));
                }
                let (y, statistics) = self.with_own(x, affine)?;
                if let Some(running) = running.as_ref() {
                    let unbiased = numbers as f64 / (numbers - 1) as f64;
                    running.update(&statistics, unbiased, self.config.momentum)?;
                }
                Ok(y)
            }
        }
    }

    fn is_training(&self, mode: Mode) -> bool {
        mode == Mode::Train && !self.frozen.load(Ordering::Relaxed)
    }

    fn with_own(&self, x: &Tensor, affine: Affine) -> Result<(Tensor, Statistics)> {
        if kernels::can_take(&[x]) {
            let (y, moments) = batch::with_own(x, affine)?;
            return Ok((y, Statistics::OnHost(moments)));
        }
        if let Some(Normalized { y, mean, var }) = kernels::card::batch_norm(x, affine)? {
            return Ok((y, Statistics::OnDevice { mean, var }));
        }
        let others: Vec<usize> = (0..x.rank()).filter(|&dim| dim != 1).collect();
        let scale = (affine.weight, affine.bias, &*composed::by_channel(x));
        let (y, measured) = composed::with_own(x, (x.shape(), &others), affine.eps, scale)?;
        Ok((activated(y, affine)?, measured.statistics()?))
    }

    fn with_given(&self, x: &Tensor, affine: Affine, running: &Running) -> Result<Tensor> {
        match kernels::can_take(&[x]) {
            true => batch::with_given(x, affine, &running.moments()?),
            false => finish(composed::with_given(x, running.mean(), running.var(), affine.eps)?, affine),
        }
    }
}

fn finish(y: Tensor, affine: Affine) -> Result<Tensor> {
    let shape = composed::by_channel(&y);
    activated(composed::scaled(y, affine.weight, affine.bias, &shape)?, affine)
}

/// What follows the scale and the shift.
fn activated(y: Tensor, affine: Affine) -> Result<Tensor> {
    match affine.negative_slope {
        None => Ok(y),
        Some(0.0) => relu(&y),
        Some(slope) => leaky_relu(&y, slope),
    }
}

impl<const D: usize> Module for BatchNorm<D> {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        self.normalize(x, mode, None)
    }

    /// # Errors
    /// In training: what a sample is mapped to depends on all others of its batch then, and so does a derivative.
    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        match self.running.as_ref().filter(|_| !self.is_training(mode)) {
            Some(running) => {
                // A copy: the statistics may move on before the derivative is asked for.
                let (var, y) = (running.var().as_detached_tensor().copy()?, self.forward(x, mode)?);
                let (weight, eps) = (self.scale.weight(), self.config.eps);
                Ok(Linearized::new(x, y, move |v| composed::along_given(v, &var, weight, eps)))
            }
            None => Err(Error::Linearize {
                layer: Self::KIND.name,
                problem: "in training the output for a sample depends on all others of the batch, so a derivative or a \
                          gradient penalty is not that of a sample; take layer_norm, instance_norm2d, or no norm",
            }),
        }
    }

    /// ReLU and leaky ReLU are taken in the same pass.
    fn forward_then(&self, x: &Tensor, mode: Mode, activation: Activation) -> Result<Tensor> {
        match activation {
            Activation::Relu => self.normalize(x, mode, Some(0.0)),
            // With a slope of 0 it is not ReLU: 0 · ∞ is NaN.
            Activation::LeakyRelu { negative_slope } if negative_slope != 0.0 => {
                self.normalize(x, mode, Some(negative_slope))
            }
            _ => activation.forward(&self.forward(x, mode)?, mode),
        }
    }

    /// # Errors
    /// Running statistics that were never gathered; a scale or a shift of a channel that is not finite.
    fn fused(&self) -> Result<Option<Fused>> {
        let Some(running) = &self.running else { return Ok(None) };
        let moments = running.moments()?;
        if !running.are_gathered()? {
            let actual = format!("none for {} of {} channels", Self::KIND.name, self.channels);
            return Err(Error::setting("running statistics", "gathered before a model is fused", actual));
        }
        let (weight, bias) = (self.scale.weight(), self.scale.bias());
        let channels = Channels::new((Self::KIND.name, D, self.dtype), &moments, self.config.eps, weight, bias)?;
        let params = Params::with_dtype(0, self.dtype, running.mean().device())?;
        let copy = Self::new(self.channels, self.config, params.clone())?;
        for (name, values) in [("weight", weight), ("bias", bias)] {
            values.map_or(Ok(()), |values| params.set(name, values))?;
        }
        copy.running.as_ref().map_or(Ok(()), |running| running.set(&moments, 1.0))?;
        Ok(Some(Fused::norm(copy, channels)))
    }
}
