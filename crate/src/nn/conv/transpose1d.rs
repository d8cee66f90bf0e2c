use candle_core::{Tensor, Var};

use super::{Common, Core, Settings};
use crate::Result;
use crate::init::Init;
use crate::nn::{Mode, Module};
use crate::params::Params;

/// Settings of a [`ConvTranspose1d`] layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConvTranspose1dConfig {
    /// Distance in the output between the places of neighbours in the input; default 1, at least 1.
    pub stride: usize,
    /// What is cut off around the output; default 0.
    pub padding: usize,
    /// Numbers that are added at one end of the output; default 0, smaller than `stride` or `dilation`. Where a stride leaves
    /// several sizes that a convolution would have made the input's, it chooses one.
    pub output_padding: usize,
    /// Distance in the input between neighbours in the kernel; default 1, at least 1.
    pub dilation: usize,
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

impl Default for ConvTranspose1dConfig {
    fn default() -> Self {
        Self {
            stride: 1,
            padding: 0,
            output_padding: 0,
            dilation: 1,
            groups: 1,
            bias: true,
            weight_init: None,
            bias_init: None,
        }
    }
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
/// Input [N, in, L], output [N, out, L'] with L' = (L - 1) stride - 2 padding + dilation (kernel - 1) + output_padding
/// + 1; parameters `weight` [in, out / groups, k] and `bias` `[out]`, as in PyTorch.
#[derive(Debug, Clone)]
pub struct ConvTranspose1d {
    core: Core,
}

/// A [`ConvTranspose1d`] layer: makes the parameters `weight` and, unless switched off, `bias` below the prefix of `params`.
///
/// `in_channels`, `out_channels`: at least 1; `kernel_size` is at least 1.
///
/// # Errors
/// A size or setting outside its range, a name that is taken, or an initial value that does not fit. In `forward`: an
/// input of another shape, or of which the padding leaves nothing; another dtype.
///
/// ```
/// use candlelight::{nn::{ConvTranspose1dConfig, conv_transpose1d}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let config = ConvTranspose1dConfig { stride: 2, padding: 1, ..Default::default() };
/// let layer = conv_transpose1d(64, 32, 4, config, Params::new(0, &Device::Cpu)?)?;
/// let x = Tensor::zeros((8, 64, 7), DType::F32, &Device::Cpu)?;
/// assert_eq!(layer.forward(&x, Mode::Train)?.dims(), [8, 32, 14]);
/// # Ok(()) }
/// ```
pub fn conv_transpose1d(
    in_channels: usize,
    out_channels: usize,
    kernel_size: usize,
    config: ConvTranspose1dConfig,
    params: Params,
) -> Result<ConvTranspose1d> {
    let axes = vec![Settings {
        kernel: kernel_size,
        stride: config.stride,
        padding: config.padding,
        dilation: config.dilation,
        output_padding: config.output_padding,
    }];
    let common = Common {
        input: "input of conv_transpose1d",
        transposed: true,
        in_channels,
        out_channels,
        groups: config.groups,
        bias: config.bias,
        weight_init: config.weight_init,
        bias_init: config.bias_init,
    };
    Ok(ConvTranspose1d { core: Core::new(common, axes, &params)? })
}

impl ConvTranspose1d {
    /// W, of shape [in, out / groups, k].
    pub fn weight(&self) -> &Var {
        &self.core.weight
    }

    /// b, of shape `[out]`, if the layer has one.
    pub fn bias(&self) -> Option<&Var> {
        self.core.bias.as_ref()
    }
}

impl Module for ConvTranspose1d {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        self.core.forward(x)
    }
}
