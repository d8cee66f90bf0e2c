use candle_core::{DType, Shape, Tensor, Var};
use candlelight_base::range;
use candlelight_kernels as kernels;
use candlelight_kernels::card::Normalized;
use candlelight_kernels::normalization::Affine;

use super::statistics::Statistics;
use super::{Scale, check_dtype, check_eps, composed};
use crate::nn::kind::kind;
use crate::nn::{Linearized, Mode, Module};
use crate::params::Params;
use crate::{Error, Result};

/// Settings of a [`GroupNorm`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupNormConfig {
    /// ε, added to the variance; 0, or above 0 and finite in the type of the layer (from 1.2e-38 in F32), default 1e-5.
    pub eps: f64,
    /// Whether there are γ and β; default true.
    pub affine: bool,
}

impl Default for GroupNormConfig {
    fn default() -> Self {
        Self { eps: 1e-5, affine: true }
    }
}

/// Group normalization: each sample by itself, over the channels of a group and all places.
///
/// ```text
/// y = γ (x - μ) / √(σ² + ε) + β        μ, σ² = mean and variance of the C/G channels of a group in one sample
/// ```
///
/// With one group it is layer normalization with γ and β for each channel, with C groups instance normalization.
/// Training and evaluation do the same.
///
/// # Shapes
/// Input and output [N, C, ...]; parameters `weight` and `bias` `[C]`.
///
/// Wu and He (2018), section 3.1.
#[derive(Debug, Clone)]
pub struct GroupNorm {
    groups: usize,
    channels: usize,
    eps: f64,
    dtype: DType,
    scale: Scale,
}

/// A [`GroupNorm`] with PyTorch's defaults.
///
/// # Errors
/// As [`GroupNorm::new`].
///
/// ```
/// use candlelight::{nn::group_norm, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let layer = group_norm(1, 2, Params::new(0, &Device::Cpu)?)?;
/// let y = layer.forward(&Tensor::new(&[[1f32, 3.]], &Device::Cpu)?, Mode::Train)?.to_vec2::<f32>()?;
/// assert!((y[0][0] + 1.).abs() < 1e-4 && (y[0][1] - 1.).abs() < 1e-4);
/// # Ok(()) }
/// ```
pub fn group_norm(num_groups: usize, num_channels: usize, params: Params) -> Result<GroupNorm> {
    GroupNorm::new(num_groups, num_channels, GroupNormConfig::default(), params)
}

impl GroupNorm {
    /// `num_channels`: C, at least 1; `num_groups`: a divisor of it.
    ///
    /// # Errors
    /// A setting outside its range, or a name that is taken.
    pub fn new(num_groups: usize, num_channels: usize, config: GroupNormConfig, params: Params) -> Result<Self> {
        range::at_least_one("num_channels", num_channels)?;
        if num_groups == 0 || !num_channels.is_multiple_of(num_groups) {
            let given = format!("{num_groups} with {num_channels} channels");
            return Err(Error::setting("num_groups", "a divisor of num_channels", given));
        }
        check_eps(config.eps, params.dtype())?;
        Ok(Self {
            groups: num_groups,
            channels: num_channels,
            eps: config.eps,
            dtype: params.dtype(),
            scale: Scale::new(&[num_channels], config.affine, config.affine, &params)?,
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
}

impl Module for GroupNorm {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        let kind = kind!("group_norm");
        if x.dims().get(1) != Some(&self.channels) {
            return Err(Error::shape(kind.input, format!("[N, {}, ...]", self.channels), x.dims()));
        }
        check_dtype(kind.input, x, self.dtype)?;
        let (y, _) = by_groups(x, self.groups, &self.scale, self.eps, false)?;
        self.scale.record(kind.name, x, &y, x.rank());
        Ok(y)
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        Ok(along_groups(x, self.forward(x, mode)?, self.groups, &self.scale, self.eps))
    }
}

/// What [`by_groups`] gave for `x`, with its derivative.
pub(super) fn along_groups<'a>(x: &Tensor, y: Tensor, groups: usize, scale: &'a Scale, eps: f64) -> Linearized<'a> {
    let at = x.clone();
    Linearized::new(x, y, move |v| {
        let rows = |x: &Tensor| x.reshape((x.dim(0)?, groups, ()));
        let v = composed::along(&rows(&at)?, &rows(v)?, &[2], eps)?.reshape(at.shape())?;
        composed::scaled(v, scale.weight(), None, &composed::by_channel(&at))
    })
}

/// Normalizes x [N, C, ...] in groups of channels. Returns the statistics as well, N times those of the groups, if they are
/// `wanted` and there are any.
pub(super) fn by_groups(
    x: &Tensor,
    groups: usize,
    scale: &Scale,
    eps: f64,
    wanted: bool,
) -> Result<(Tensor, Option<Statistics>)> {
    let (weight, bias) = (scale.weight(), scale.bias());
    if x.elem_count() == 0 {
        return Ok((kernels::empty(x.shape(), [x].into_iter().chain(weight).chain(bias))?, None));
    }
    if kernels::can_take(&[x]) {
        let (y, moments) = kernels::norm::group::group_norm(x, groups, weight, bias, eps)?;
        return Ok((y, wanted.then_some(Statistics::OnHost(moments))));
    }
    let affine = Affine { weight, bias, eps, negative_slope: None };
    if let Some(Normalized { y, mean, var }) = kernels::card::group_norm(x, groups, affine)? {
        return Ok((y, wanted.then_some(Statistics::OnDevice { mean, var })));
    }
    let n = x.dim(0)?;
    let rows = Shape::from((n, groups, x.elem_count() / (n * groups)));
    let scale = (weight, bias, &*composed::by_channel(x));
    let (y, measured) = composed::with_own(x, (&rows, &[2]), eps, scale)?;
    Ok((y, wanted.then(|| measured.statistics()).transpose()?))
}
