use std::marker::PhantomData;

use candle_core::{Tensor, ToUsize2, Var};

use super::fixed;
use super::layer::{Common, Layer, settings};
use super::spatial::Spatial;
use crate::Result;
use crate::init::Init;
use crate::nn::{Fused, Linearized, Mode, Module, PaddingMode};
use crate::params::Params;

/// Settings of a transposed convolution; those with a number for each dimension, `S`, are `usize` or (height, width).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConvTransposeConfig<S> {
    /// Distance in the output between the places of neighbours in the input; default 1, at least 1.
    pub stride: S,
    /// What is cut off around the output; default 0.
    pub padding: S,
    /// What is added at one end of the output; default 0, smaller than `stride` or `dilation`. Where a stride leaves
    /// several sizes that a convolution would have made the input's, it chooses one.
    pub output_padding: S,
    /// Distance in the input between neighbours in the kernel; default 1, at least 1.
    pub dilation: S,
    /// Parts that channels are divided into, each with kernels of its own; default 1, a divisor of `in_channels` and
    /// `out_channels`.
    pub groups: usize,
    /// Whether b is added; default true.
    pub bias: bool,
    /// How the weight starts; default `None`, for PyTorch's [`Init::TorchLinear`] with fan_in = out_channels / groups ·
    /// kernel.
    pub weight_init: Option<Init>,
    /// How the bias starts; default `None`, for the same.
    pub bias_init: Option<Init>,
}

/// Settings of a [`ConvTranspose1d`] layer.
pub type ConvTranspose1dConfig = ConvTransposeConfig<usize>;

/// Settings of a [`ConvTranspose2d`] layer; sizes are (height, width).
pub type ConvTranspose2dConfig = ConvTransposeConfig<(usize, usize)>;

impl<S: Spatial> Default for ConvTransposeConfig<S> {
    fn default() -> Self {
        Self {
            stride: S::all(1),
            padding: S::all(0),
            output_padding: S::all(0),
            dilation: S::all(1),
            groups: 1,
            bias: true,
            weight_init: None,
            bias_init: None,
        }
    }
}

/// A transposed convolution: [`ConvTranspose1d`] or [`ConvTranspose2d`].
#[derive(Debug, Clone)]
pub struct ConvTranspose<S> {
    layer: Layer,
    dimensions: PhantomData<S>,
}

/// A transposed convolution of sequences: the gradient of [`Conv1d`](super::Conv1d) with respect to its input, as a
/// layer of its own. It enlarges by its stride.
///
/// ```text
/// y[n, o, p] = b[o] + Σ_c Σ_u W[c, o, u] x[n, c, i]    over all i, u with p = stride i + dilation u - padding
/// ```
///
/// With groups, channel o receives from the in / groups input channels of its own group only. Unlike PyTorch's, it
/// takes no input without the batch dimension, and pads with zeros only.
///
/// Candle 0.11.1 has no gradient for its own `conv_transpose1d`.
///
/// Dumoulin and Visin (2016), section 4.
///
/// # Shapes
/// Input [N, in, L], output [N, out, L'] with L' = (L - 1) stride - 2 padding + dilation (kernel - 1) +
/// output_padding + 1; parameters `weight` [in, out / groups, k] and `bias` `[out]`, as in PyTorch.
pub type ConvTranspose1d = ConvTranspose<usize>;

/// A transposed convolution of images: the gradient of [`Conv2d`](super::Conv2d) with respect to its input, as a layer
/// of its own. It enlarges by its stride.
///
/// ```text
/// y[n, o, p, q] = b[o] + Σ_c Σ_u Σ_v W[c, o, u, v] x[n, c, i, j]    over all i, j, u, v with
/// p = stride i + dilation u - padding,   q = stride j + dilation v - padding
/// ```
///
/// With groups, channel o receives from the in / groups input channels of its own group only. Unlike PyTorch's, it
/// takes no input without the batch dimension, and pads with zeros only.
///
/// Dumoulin and Visin (2016), section 4; used to generate images by Radford et al. (2016), section 3.
///
/// # Shapes
/// Input [N, in, H, W], output [N, out, H', W'] with H' = (H - 1) stride - 2 padding + dilation (kernel - 1) +
/// output_padding + 1, and W' likewise; parameters `weight` [in, out / groups, kh, kw] and `bias` `[out]`, as in
/// PyTorch.
pub type ConvTranspose2d = ConvTranspose<(usize, usize)>;

/// A [`ConvTranspose1d`] layer with PyTorch's default settings.
///
/// # Errors
/// Those of [`ConvTranspose1d::new`].
pub fn conv_transpose1d(
    in_channels: usize,
    out_channels: usize,
    kernel_size: usize,
    params: Params,
) -> Result<ConvTranspose1d> {
    ConvTranspose1d::new(in_channels, out_channels, kernel_size, ConvTransposeConfig::default(), params)
}

/// A [`ConvTranspose2d`] layer with PyTorch's default settings; `kernel_size` is one number or (height, width).
///
/// # Errors
/// Those of [`ConvTranspose2d::new`].
pub fn conv_transpose2d(
    in_channels: usize,
    out_channels: usize,
    kernel_size: impl ToUsize2,
    params: Params,
) -> Result<ConvTranspose2d> {
    ConvTranspose2d::new(in_channels, out_channels, kernel_size, ConvTransposeConfig::default(), params)
}

impl ConvTranspose1d {
    /// The layer, with the parameters `weight` and, unless switched off, `bias` below the prefix of `params`.
    ///
    /// `in_channels`, `out_channels`, `kernel_size`: at least 1.
    ///
    /// # Errors
    /// A size or setting outside its range, a name that is taken, or an initial value that does not fit. In `forward`: an
    /// input of another shape, or of which the padding leaves nothing; another dtype.
    ///
    /// ```
    /// use candlelight::{nn::{ConvTranspose1d, ConvTranspose1dConfig}, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let config = ConvTranspose1dConfig { stride: 2, padding: 1, ..Default::default() };
    /// let layer = ConvTranspose1d::new(64, 32, 4, config, Params::new(0, &Device::Cpu)?)?;
    /// let x = Tensor::zeros((8, 64, 7), DType::F32, &Device::Cpu)?;
    /// assert_eq!(layer.forward(&x, Mode::Train)?.dims(), [8, 32, 14]);
    /// # Ok(()) }
    /// ```
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        kernel_size: usize,
        config: ConvTranspose1dConfig,
        params: Params,
    ) -> Result<Self> {
        Self::with(in_channels, out_channels, kernel_size, config, &params)
    }
}

impl ConvTranspose2d {
    /// The layer, with the parameters `weight` and, unless switched off, `bias` below the prefix of `params`.
    ///
    /// `in_channels`, `out_channels`: at least 1; `kernel_size` is one number or (height, width), each at least 1.
    ///
    /// # Errors
    /// A size or setting outside its range, a name that is taken, or an initial value that does not fit. In `forward`: an
    /// input of another shape, or of which the padding leaves nothing; another dtype.
    ///
    /// ```
    /// use candlelight::{nn::{ConvTranspose2d, ConvTranspose2dConfig}, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let config = ConvTranspose2dConfig { stride: (2, 2), padding: (1, 1), ..Default::default() };
    /// let layer = ConvTranspose2d::new(64, 32, 4, config, Params::new(0, &Device::Cpu)?)?;
    /// let maps = Tensor::zeros((8, 64, 7, 7), DType::F32, &Device::Cpu)?;
    /// assert_eq!(layer.forward(&maps, Mode::Train)?.dims(), [8, 32, 14, 14]);
    /// # Ok(()) }
    /// ```
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        kernel_size: impl ToUsize2,
        config: ConvTranspose2dConfig,
        params: Params,
    ) -> Result<Self> {
        Self::with(in_channels, out_channels, kernel_size.to_usize2(), config, &params)
    }
}

impl<S: Spatial> ConvTranspose<S> {
    fn with(
        in_channels: usize,
        out_channels: usize,
        kernel_size: S,
        config: ConvTransposeConfig<S>,
        params: &Params,
    ) -> Result<Self> {
        let ConvTransposeConfig { stride, padding, output_padding, dilation, groups, bias, weight_init, bias_init } =
            config;
        let common = Common {
            kind: S::TRANSPOSED,
            transposed: true,
            in_channels,
            out_channels,
            groups,
            padding_mode: PaddingMode::Zeros,
            bias,
            weight_init,
            bias_init,
        };
        let axes = settings([kernel_size, stride, padding, dilation, output_padding]);
        Ok(Self { layer: Layer::new(common, axes, params)?, dimensions: PhantomData })
    }

    /// W, of shape [in, out / groups, k] or [in, out / groups, kh, kw].
    pub fn weight(&self) -> &Var {
        &self.layer.weight
    }

    /// b, of shape `[out]`, if the layer has one.
    pub fn bias(&self) -> Option<&Var> {
        self.layer.bias.as_ref()
    }
}

impl<S: Spatial> Module for ConvTranspose<S> {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        self.layer.forward(x, &self.layer.weight, self.layer.bias.as_deref())
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        Ok(Linearized::new(x, self.forward(x, mode)?, |v| self.layer.forward(v, &self.layer.weight, None)))
    }

    fn fused(&self) -> Result<Option<Fused>> {
        fixed::fused(&self.layer)
    }
}
