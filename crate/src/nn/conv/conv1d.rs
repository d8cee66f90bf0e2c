use candle_core::{Tensor, Var};

use super::{Common, Core, Settings};
use crate::Result;
use crate::init::Init;
use crate::nn::{Mode, Module};
use crate::params::Params;

/// Settings of a [`Conv1d`] layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conv1dConfig {
    /// Distance between the places where the kernel is laid; default 1, at least 1.
    pub stride: usize,
    /// Zeros around the input; default 0.
    pub padding: usize,
    /// Distance in the input between neighbours in the kernel; default 1, at least 1.
    pub dilation: usize,
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

impl Default for Conv1dConfig {
    fn default() -> Self {
        Self { stride: 1, padding: 0, dilation: 1, groups: 1, bias: true, weight_init: None, bias_init: None }
    }
}

/// A convolution of sequences, as networks understand it: the kernel is not flipped.
///
/// ```text
/// y[n, o, i] = b[o] + Σ_c Σ_u W[o, c, u] x[n, c, stride i + dilation u - padding]
/// ```
///
/// Outside the input, x is 0. With groups, channel o sees the in / groups input channels of its own group only. Unlike
/// PyTorch's, it takes no input without the batch dimension, and pads with zeros only.
///
/// Goodfellow, Bengio and Courville (2016), section 9.1.
///
/// # Shapes
/// Input [N, in, L], output [N, out, L'] with L' = ⌊(L + 2 padding - dilation (kernel - 1) - 1) / stride⌋ + 1;
/// parameters `weight` [out, in / groups, k] and `bias` `[out]`, as in PyTorch.
#[derive(Debug, Clone)]
pub struct Conv1d {
    core: Core,
}

/// A [`Conv1d`] layer: makes the parameters `weight` and, unless switched off, `bias` below the prefix of `params`.
///
/// `in_channels`, `out_channels`: at least 1; `kernel_size` is at least 1.
///
/// # Errors
/// A size or setting outside its range, a name that is taken, or an initial value that does not fit. In `forward`: an
/// input of another shape, or smaller than the kernel after padding; another dtype.
///
/// ```
/// use candlelight::{nn::{Conv1dConfig, conv1d}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let config = Conv1dConfig { padding: 1, stride: 2, ..Default::default() };
/// let layer = conv1d(4, 8, 3, config, params)?;
/// let x = Tensor::zeros((2, 4, 9), DType::F32, &Device::Cpu)?;
/// assert_eq!(layer.forward(&x, Mode::Train)?.dims(), [2, 8, 5]);
/// # Ok(()) }
/// ```
pub fn conv1d(
    in_channels: usize,
    out_channels: usize,
    kernel_size: usize,
    config: Conv1dConfig,
    params: Params,
) -> Result<Conv1d> {
    let axes = vec![Settings {
        kernel: kernel_size,
        stride: config.stride,
        padding: config.padding,
        dilation: config.dilation,
        output_padding: 0,
    }];
    let common = Common {
        input: "input of conv1d",
        transposed: false,
        in_channels,
        out_channels,
        groups: config.groups,
        bias: config.bias,
        weight_init: config.weight_init,
        bias_init: config.bias_init,
    };
    Ok(Conv1d { core: Core::new(common, axes, &params)? })
}

impl Conv1d {
    /// W, of shape [out, in / groups, k].
    pub fn weight(&self) -> &Var {
        &self.core.weight
    }

    /// b, of shape `[out]`, if the layer has one.
    pub fn bias(&self) -> Option<&Var> {
        self.core.bias.as_ref()
    }
}

impl Module for Conv1d {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        self.core.forward(x)
    }
}
