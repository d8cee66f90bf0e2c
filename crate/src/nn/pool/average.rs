use candle_core::{Tensor, ToUsize2};
use candlelight_kernels::windows::Pooling;

use super::max::forward;
use super::windows::Axis;
use crate::Result;
use crate::nn::kind::kind;
use crate::nn::{Linearized, Mode, Module};

/// Settings of an [`AvgPool2d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvgPool2dConfig {
    /// Distance between windows, each at least 1; default `None`, for the size of a window.
    pub stride: Option<(usize, usize)>,
    /// Zeros on either side, each at most half of the window; default 0.
    pub padding: (usize, usize),
    /// Whether a last window may reach beyond the end; default false.
    pub ceil_mode: bool,
    /// Whether the zeros of the padding count in a mean; default true.
    pub count_include_pad: bool,
}

impl Default for AvgPool2dConfig {
    fn default() -> Self {
        Self { stride: None, padding: (0, 0), ceil_mode: false, count_include_pad: true }
    }
}

/// The mean of each window.
///
/// ```text
/// yᵢⱼ = 1/n Σ over the window of x        ∂L/∂x = Σ over the windows that x is in of gᵢⱼ / n
/// ```
///
/// n counts the places of the window, those in the padding as well unless `count_include_pad` is off, those beyond the
/// padding never (they occur with `ceil_mode`): as in PyTorch, whose `divisor_override` is left out.
///
/// # Shapes
/// As [`MaxPool2d`](super::MaxPool2d) with dilation 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvgPool2d {
    rows: Axis,
    columns: Axis,
}

/// An [`AvgPool2d`] of windows beside each other; `kernel_size` is one number or (height, width).
///
/// # Errors
/// If `kernel_size` is 0.
///
/// ```
/// use candlelight::{nn::avg_pool2d, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::new(&[[[1f32, 5.], [3., 2.]]], &Device::Cpu)?;
/// assert_eq!(avg_pool2d(2)?.forward(&x, Mode::Eval)?.to_vec3::<f32>()?, [[[2.75]]]);
/// # Ok(()) }
/// ```
pub fn avg_pool2d(kernel_size: impl ToUsize2) -> Result<AvgPool2d> {
    AvgPool2d::new(kernel_size, AvgPool2dConfig::default())
}

impl AvgPool2d {
    /// Windows of `kernel_size`, one number or (height, width), each from 1 to 2²⁰.
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(kernel_size: impl ToUsize2, config: AvgPool2dConfig) -> Result<Self> {
        let AvgPool2dConfig { stride, padding, ceil_mode, count_include_pad: count_padding } = config;
        let kernel_size = kernel_size.to_usize2();
        let stride = stride.unwrap_or(kernel_size);
        let axis =
            |kernel, stride, padding| Axis { kernel, stride, padding, dilation: 1, ceil_mode, count_padding }.checked();
        Ok(Self { rows: axis(kernel_size.0, stride.0, padding.0)?, columns: axis(kernel_size.1, stride.1, padding.1)? })
    }
}

impl Module for AvgPool2d {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        forward(kind!("avg_pool2d"), Pooling::Average, &[self.rows, self.columns], x)
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        Ok(Linearized::new(x, self.forward(x, mode)?, move |v| self.forward(v, mode)))
    }
}

/// Settings of an [`AvgPool1d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvgPool1dConfig {
    /// Distance between windows, at least 1; default `None`, for the size of a window.
    pub stride: Option<usize>,
    /// Zeros on either side, at most half of the window; default 0.
    pub padding: usize,
    /// Whether a last window may reach beyond the end; default false.
    pub ceil_mode: bool,
    /// Whether the zeros of the padding count in a mean; default true.
    pub count_include_pad: bool,
}

impl Default for AvgPool1dConfig {
    fn default() -> Self {
        Self { stride: None, padding: 0, ceil_mode: false, count_include_pad: true }
    }
}

/// The mean of each window of a sequence; see [`AvgPool2d`].
///
/// # Shapes
/// Input [N, C, L] or [C, L]; the length becomes what a side does in [`MaxPool2d`](super::MaxPool2d) with dilation 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvgPool1d(Axis);

/// An [`AvgPool1d`] of windows beside each other.
///
/// # Errors
/// If `kernel_size` is 0.
///
/// ```
/// use candlelight::{nn::avg_pool1d, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::new(&[[1f32, 5., 3., 2., 9.]], &Device::Cpu)?;
/// assert_eq!(avg_pool1d(2)?.forward(&x, Mode::Eval)?.to_vec2::<f32>()?, [[3., 2.5]]);
/// # Ok(()) }
/// ```
pub fn avg_pool1d(kernel_size: usize) -> Result<AvgPool1d> {
    AvgPool1d::new(kernel_size, AvgPool1dConfig::default())
}

impl AvgPool1d {
    /// Windows of `kernel_size`, from 1 to 2²⁰.
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(kernel_size: usize, config: AvgPool1dConfig) -> Result<Self> {
        let AvgPool1dConfig { stride, padding, ceil_mode, count_include_pad: count_padding } = config;
        let stride = stride.unwrap_or(kernel_size);
        Ok(Self(Axis { kernel: kernel_size, stride, padding, dilation: 1, ceil_mode, count_padding }.checked()?))
    }
}

impl Module for AvgPool1d {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        forward(kind!("avg_pool1d"), Pooling::Average, &[self.0], x)
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        Ok(Linearized::new(x, self.forward(x, mode)?, move |v| self.forward(v, mode)))
    }
}
