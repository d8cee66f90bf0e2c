use candle_core::{Tensor, ToUsize2, Var};

use super::{Common, Core, Settings};
use crate::Result;
use crate::init::Init;
use crate::nn::{Mode, Module};
use crate::params::Params;

/// Settings of a [`Conv2d`] layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conv2dConfig {
    /// Distance between the places where the kernel is laid, as (height, width); default 1, at least 1.
    pub stride: (usize, usize),
    /// Zeros around the input, as (height, width); default 0.
    pub padding: (usize, usize),
    /// Distance in the input between neighbours in the kernel, as (height, width); default 1, at least 1.
    pub dilation: (usize, usize),
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

impl Default for Conv2dConfig {
    fn default() -> Self {
        Self {
            stride: (1, 1),
            padding: (0, 0),
            dilation: (1, 1),
            groups: 1,
            bias: true,
            weight_init: None,
            bias_init: None,
        }
    }
}

/// A convolution of images, as networks understand it: the kernel is not flipped.
///
/// ```text
/// y[n, o, i, j] = b[o] + Σ_c Σ_u Σ_v W[o, c, u, v] x[n, c, stride i + dilation u - padding, stride j + dilation v - padding]
/// ```
///
/// Outside the input, x is 0. With groups, channel o sees the in / groups input channels of its own group only. Unlike
/// PyTorch's, it takes no input without the batch dimension, and pads with zeros only.
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
#[derive(Debug, Clone)]
pub struct Conv2d {
    core: Core,
}

/// A [`Conv2d`] layer: makes the parameters `weight` and, unless switched off, `bias` below the prefix of `params`.
///
/// `in_channels`, `out_channels`: at least 1; `kernel_size` is one number or (height, width), each at least 1.
///
/// # Errors
/// A size or setting outside its range, a name that is taken, or an initial value that does not fit. In `forward`: an
/// input of another shape, or smaller than the kernel after padding; another dtype.
///
/// ```
/// use candlelight::{nn::{Conv2dConfig, conv2d}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let config = Conv2dConfig { padding: (2, 2), ..Default::default() };
/// let layer = conv2d(1, 6, 5, config, params.pp("conv1"))?;
/// assert_eq!((layer.weight().dims(), params.names()), (&[6, 1, 5, 5][..], vec!["conv1.weight".into(), "conv1.bias".into()]));
/// let images = Tensor::zeros((64, 1, 28, 28), DType::F32, &Device::Cpu)?;
/// assert_eq!(layer.forward(&images, Mode::Train)?.dims(), [64, 6, 28, 28]);
/// # Ok(()) }
/// ```
pub fn conv2d(
    in_channels: usize,
    out_channels: usize,
    kernel_size: impl ToUsize2,
    config: Conv2dConfig,
    params: Params,
) -> Result<Conv2d> {
    let (kernel, stride, padding, dilation) = (kernel_size.to_usize2(), config.stride, config.padding, config.dilation);
    let axis = |kernel, stride, padding, dilation, output_padding| Settings {
        kernel,
        stride,
        padding,
        dilation,
        output_padding,
    };
    let axes =
        vec![axis(kernel.0, stride.0, padding.0, dilation.0, 0), axis(kernel.1, stride.1, padding.1, dilation.1, 0)];
    let common = Common {
        input: "input of conv2d",
        transposed: false,
        in_channels,
        out_channels,
        groups: config.groups,
        bias: config.bias,
        weight_init: config.weight_init,
        bias_init: config.bias_init,
    };
    Ok(Conv2d { core: Core::new(common, axes, &params)? })
}

impl Conv2d {
    /// W, of shape [out, in / groups, kh, kw].
    pub fn weight(&self) -> &Var {
        &self.core.weight
    }

    /// b, of shape `[out]`, if the layer has one.
    pub fn bias(&self) -> Option<&Var> {
        self.core.bias.as_ref()
    }
}

impl Module for Conv2d {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        self.core.forward(x)
    }
}
