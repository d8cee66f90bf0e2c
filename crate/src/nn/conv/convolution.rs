use std::marker::PhantomData;

use candle_core::{Tensor, ToUsize2, Var};

use super::fixed;
use super::layer::{Common, Layer, settings};
use super::spatial::Spatial;
use crate::Result;
use crate::init::Init;
use crate::nn::{Fused, HasWeight, Linearized, Mode, Module, PaddingMode};
use crate::params::Params;

/// Settings of a convolution; those with a number for each dimension, `S`, are `usize` or (height, width).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConvConfig<S> {
    /// Distance between the places where the kernel is laid; default 1, at least 1.
    pub stride: S,
    /// Places around the input; default 0.
    pub padding: S,
    /// What stands there; default zeros. Circular padding is at most the size of the input, reflected padding less.
    pub padding_mode: PaddingMode,
    /// Distance in the input between neighbours in the kernel; default 1, at least 1.
    pub dilation: S,
    /// Parts that channels are divided into, each with kernels of its own; default 1, a divisor of `in_channels` and
    /// `out_channels`.
    pub groups: usize,
    /// Whether b is added; default true.
    pub bias: bool,
    /// How the weight starts; default `None`, for PyTorch's [`Init::TorchLinear`] with fan_in = in_channels / groups ·
    /// kernel.
    pub weight_init: Option<Init>,
    /// How the bias starts; default `None`, for the same.
    pub bias_init: Option<Init>,
}

/// Settings of a [`Conv1d`] layer.
pub type Conv1dConfig = ConvConfig<usize>;

/// Settings of a [`Conv2d`] layer; sizes are (height, width).
pub type Conv2dConfig = ConvConfig<(usize, usize)>;

impl<S: Spatial> Default for ConvConfig<S> {
    fn default() -> Self {
        Self {
            stride: S::all(1),
            padding: S::all(0),
            padding_mode: PaddingMode::Zeros,
            dilation: S::all(1),
            groups: 1,
            bias: true,
            weight_init: None,
            bias_init: None,
        }
    }
}

/// A convolution: [`Conv1d`] or [`Conv2d`].
#[derive(Debug, Clone)]
pub struct Conv<S> {
    layer: Layer,
    dimensions: PhantomData<S>,
}

/// A convolution of sequences, as networks understand it: the kernel is not flipped.
///
/// ```text
/// y[n, o, i] = b[o] + Σ_c Σ_u W[o, c, u] x[n, c, stride i + dilation u - padding]
/// ```
///
/// Outside the input, x is what [`PaddingMode`] says, 0 by default. With groups, channel o sees the in / groups input
/// channels of its own group only. Unlike PyTorch's, it takes no input without the batch dimension.
///
/// Goodfellow, Bengio and Courville (2016), section 9.1.
///
/// # Shapes
/// Input [N, in, L], output [N, out, L'] with L' = ⌊(L + 2 padding - dilation (kernel - 1) - 1) / stride⌋ + 1;
/// parameters `weight` [out, in / groups, k] and `bias` `[out]`, as in PyTorch.
pub type Conv1d = Conv<usize>;

/// A convolution of images, as networks understand it: the kernel is not flipped.
///
/// ```text
/// y[n, o, i, j] = b[o] + Σ_c Σ_u Σ_v W[o, c, u, v] x[n, c, stride i + dilation u - padding, stride j + dilation v - padding]
/// ```
///
/// Outside the input, x is what [`PaddingMode`] says, 0 by default. With groups, channel o sees the in / groups input
/// channels of its own group only. Unlike PyTorch's, it takes no input without the batch dimension.
///
/// Candle 0.11.1 has no gradient for its own `conv2d` with a stride above 1 where height and width leave different
/// rests: its backward pass is a shape error.
///
/// Goodfellow, Bengio and Courville (2016), section 9.1, eq. 9.6; strides, paddings and transposed forms: Dumoulin and
/// Visin (2016), sections 2 and 4.
///
/// # Shapes
/// Input [N, in, H, W], output [N, out, H', W'] with H' = ⌊(H + 2 padding - dilation (kernel - 1) - 1) / stride⌋ + 1,
/// and W' likewise; parameters `weight` [out, in / groups, kh, kw] and `bias` `[out]`, as in PyTorch.
pub type Conv2d = Conv<(usize, usize)>;

/// A [`Conv1d`] layer with PyTorch's default settings.
///
/// # Errors
/// Those of [`Conv1d::new`].
///
/// ```
/// use candlelight::{nn::conv1d, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let layer = conv1d(4, 8, 3, Params::new(0, &Device::Cpu)?)?;
/// let x = Tensor::zeros((2, 4, 9), DType::F32, &Device::Cpu)?;
/// assert_eq!(layer.forward(&x, Mode::Train)?.dims(), [2, 8, 7]);
/// # Ok(()) }
/// ```
pub fn conv1d(in_channels: usize, out_channels: usize, kernel_size: usize, params: Params) -> Result<Conv1d> {
    Conv1d::new(in_channels, out_channels, kernel_size, ConvConfig::default(), params)
}

/// A [`Conv2d`] layer with PyTorch's default settings; `kernel_size` is one number or (height, width).
///
/// # Errors
/// Those of [`Conv2d::new`].
///
/// ```
/// use candlelight::{nn::conv2d, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let layer = conv2d(1, 6, 5, params.pp("conv1"))?;
/// assert_eq!((layer.weight().dims(), params.names()), (&[6, 1, 5, 5][..], vec!["conv1.weight".into(), "conv1.bias".into()]));
/// let images = Tensor::zeros((64, 1, 28, 28), DType::F32, &Device::Cpu)?;
/// assert_eq!(layer.forward(&images, Mode::Train)?.dims(), [64, 6, 24, 24]);
/// # Ok(()) }
/// ```
pub fn conv2d(in_channels: usize, out_channels: usize, kernel_size: impl ToUsize2, params: Params) -> Result<Conv2d> {
    Conv2d::new(in_channels, out_channels, kernel_size, ConvConfig::default(), params)
}

impl Conv1d {
    /// The layer, with the parameters `weight` and, unless switched off, `bias` below the prefix of `params`.
    ///
    /// `in_channels`, `out_channels`, `kernel_size`: at least 1.
    ///
    /// # Errors
    /// A size or setting outside its range, a name that is taken, or an initial value that does not fit. In `forward`: an
    /// input of another shape, or smaller than the kernel after padding or than `padding_mode` allows; another dtype.
    ///
    /// ```
    /// use candlelight::{nn::{Conv1d, Conv1dConfig}, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let config = Conv1dConfig { padding: 1, stride: 2, ..Default::default() };
    /// let layer = Conv1d::new(4, 8, 3, config, Params::new(0, &Device::Cpu)?)?;
    /// let x = Tensor::zeros((2, 4, 9), DType::F32, &Device::Cpu)?;
    /// assert_eq!(layer.forward(&x, Mode::Train)?.dims(), [2, 8, 5]);
    /// # Ok(()) }
    /// ```
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        kernel_size: usize,
        config: Conv1dConfig,
        params: Params,
    ) -> Result<Self> {
        Self::with(in_channels, out_channels, kernel_size, config, &params)
    }
}

impl Conv2d {
    /// The layer, with the parameters `weight` and, unless switched off, `bias` below the prefix of `params`.
    ///
    /// `in_channels`, `out_channels`: at least 1; `kernel_size` is one number or (height, width), each at least 1.
    ///
    /// # Errors
    /// A size or setting outside its range, a name that is taken, or an initial value that does not fit. In `forward`: an
    /// input of another shape, or smaller than the kernel after padding or than `padding_mode` allows; another dtype.
    ///
    /// ```
    /// use candlelight::prelude::*;
    /// # fn main() -> candlelight::Result<()> {
    /// let config = Conv2dConfig { padding: (2, 2), ..Default::default() };
    /// let layer = Conv2d::new(1, 6, 5, config, Params::new(0, &Device::Cpu)?)?;
    /// let images = Tensor::zeros((64, 1, 28, 28), DType::F32, &Device::Cpu)?;
    /// assert_eq!(layer.forward(&images, Mode::Train)?.dims(), [64, 6, 28, 28]);
    /// # Ok(()) }
    /// ```
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        kernel_size: impl ToUsize2,
        config: Conv2dConfig,
        params: Params,
    ) -> Result<Self> {
        Self::with(in_channels, out_channels, kernel_size.to_usize2(), config, &params)
    }
}

impl<S: Spatial> Conv<S> {
    fn with(
        in_channels: usize,
        out_channels: usize,
        kernel_size: S,
        config: ConvConfig<S>,
        params: &Params,
    ) -> Result<Self> {
        let ConvConfig { stride, padding, padding_mode, dilation, groups, bias, weight_init, bias_init } = config;
        let common = Common {
            kind: S::KIND,
            transposed: false,
            in_channels,
            out_channels,
            groups,
            padding_mode,
            bias,
            weight_init,
            bias_init,
        };
        let axes = settings([kernel_size, stride, padding, dilation, S::all(0)]);
        Ok(Self { layer: Layer::new(common, axes, params)?, dimensions: PhantomData })
    }

    /// W, of shape [out, in / groups, k] or [out, in / groups, kh, kw].
    pub fn weight(&self) -> &Var {
        &self.layer.weight
    }

    /// b, of shape `[out]`, if the layer has one.
    pub fn bias(&self) -> Option<&Var> {
        self.layer.bias.as_ref()
    }
}

impl<S: Spatial> Module for Conv<S> {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        self.layer.forward(x, &self.layer.weight, self.layer.bias.as_deref())
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        Ok(Linearized::new(x, self.forward(x, mode)?, |v| self.product(v, &self.layer.weight)))
    }

    fn fused(&self) -> Result<Option<Fused>> {
        fixed::fused(&self.layer)
    }
}

impl<S: Spatial> HasWeight for Conv<S> {
    fn weight(&self) -> &Var {
        &self.layer.weight
    }

    fn forward_with_weight(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        self.layer.forward(x, weight, self.layer.bias.as_deref())
    }

    fn product(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        self.layer.forward(x, weight, None)
    }
}
