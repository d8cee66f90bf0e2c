use candle_core::{Tensor, ToUsize2, Var};

use super::{Common, Core, Settings};
use crate::Result;
use crate::init::Init;
use crate::nn::{Mode, Module};
use crate::params::Params;

/// Settings of a [`ConvTranspose2d`] layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConvTranspose2dConfig {
    /// Distance in the output between the places of neighbours in the input, as (height, width); default 1, at least 1.
    pub stride: (usize, usize),
    /// What is cut off around the output, as (height, width); default 0.
    pub padding: (usize, usize),
    /// Rows and columns that are added at one end of the output, as (height, width); default 0, smaller than `stride`
    /// or `dilation`. Where a stride leaves several sizes that a convolution would have made the input's, it chooses
    /// one.
    pub output_padding: (usize, usize),
    /// Distance in the input between neighbours in the kernel, as (height, width); default 1, at least 1.
    pub dilation: (usize, usize),
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

impl Default for ConvTranspose2dConfig {
    fn default() -> Self {
        Self {
            stride: (1, 1),
            padding: (0, 0),
            output_padding: (0, 0),
            dilation: (1, 1),
            groups: 1,
            bias: true,
            weight_init: None,
            bias_init: None,
        }
    }
}

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
#[derive(Debug, Clone)]
pub struct ConvTranspose2d {
    core: Core,
}

/// A [`ConvTranspose2d`] layer: makes the parameters `weight` and, unless switched off, `bias` below the prefix of `params`.
///
/// `in_channels`, `out_channels`: at least 1; `kernel_size` is one number or (height, width), each at least 1.
///
/// # Errors
/// A size or setting outside its range, a name that is taken, or an initial value that does not fit. In `forward`: an
/// input of another shape, or of which the padding leaves nothing; another dtype.
///
/// ```
/// use candlelight::{nn::{ConvTranspose2dConfig, conv_transpose2d}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let config = ConvTranspose2dConfig { stride: (2, 2), padding: (1, 1), ..Default::default() };
/// let layer = conv_transpose2d(64, 32, 4, config, Params::new(0, &Device::Cpu)?)?;
/// let maps = Tensor::zeros((8, 64, 7, 7), DType::F32, &Device::Cpu)?;
/// assert_eq!(layer.forward(&maps, Mode::Train)?.dims(), [8, 32, 14, 14]);
/// # Ok(()) }
/// ```
pub fn conv_transpose2d(
    in_channels: usize,
    out_channels: usize,
    kernel_size: impl ToUsize2,
    config: ConvTranspose2dConfig,
    params: Params,
) -> Result<ConvTranspose2d> {
    let (kernel, stride, padding, dilation) = (kernel_size.to_usize2(), config.stride, config.padding, config.dilation);
    let axis = |kernel, stride, padding, dilation, output_padding| Settings {
        kernel,
        stride,
        padding,
        dilation,
        output_padding,
    };
    let axes = vec![
        axis(kernel.0, stride.0, padding.0, dilation.0, config.output_padding.0),
        axis(kernel.1, stride.1, padding.1, dilation.1, config.output_padding.1),
    ];
    let common = Common {
        input: "input of conv_transpose2d",
        transposed: true,
        in_channels,
        out_channels,
        groups: config.groups,
        bias: config.bias,
        weight_init: config.weight_init,
        bias_init: config.bias_init,
    };
    Ok(ConvTranspose2d { core: Core::new(common, axes, &params)? })
}

impl ConvTranspose2d {
    /// W, of shape [in, out / groups, kh, kw].
    pub fn weight(&self) -> &Var {
        &self.core.weight
    }

    /// b, of shape `[out]`, if the layer has one.
    pub fn bias(&self) -> Option<&Var> {
        self.core.bias.as_ref()
    }
}

impl Module for ConvTranspose2d {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        self.core.forward(x)
    }
}
