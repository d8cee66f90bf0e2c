use candle_core::{Tensor, ToUsize2};
use candlelight_kernels::windows::{Pooling, Windows};

use super::windows::{Axis, planes, pool};
use crate::Result;
use crate::nn::kind::{Kind, kind};
use crate::nn::summary::trace;
use crate::nn::{Mode, Module};

/// Settings of a [`MaxPool2d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool2dConfig {
    /// Distance between windows, each at least 1; default `None`, for the size of a window.
    pub stride: Option<(usize, usize)>,
    /// Places of -∞ on either side, each at most half of the window; default 0.
    pub padding: (usize, usize),
    /// Distance between the places of a window, each at least 1; default 1.
    pub dilation: (usize, usize),
    /// Whether a last window may reach beyond the end; default false.
    pub ceil_mode: bool,
}

impl Default for MaxPool2dConfig {
    fn default() -> Self {
        Self { stride: None, padding: (0, 0), dilation: (1, 1), ceil_mode: false }
    }
}

/// The maximum of each window.
///
/// ```text
/// yᵢⱼ = max over (r, s) of x[i stride + r dilation - padding, j stride + s dilation - padding]
/// ∂L/∂x = the gradient of y at the first place of each window where the maximum stands, 0 elsewhere
/// ```
///
/// The first place is that of the rows from top to bottom, each from left to right. NaN counts as larger than any
/// number; of several the last gets the gradient. All this as in PyTorch. `Tensor::max_pool2d` of Candle 0.11.1 gives
/// 0.25 in place of 1 at the maximum of a 2 × 2 window.
///
/// A window that lies in the padding alone (possible with dilation) is an error here, and -∞ in PyTorch.
///
/// # Shapes
/// Input [N, C, H, W] or [C, H, W]; height and width become ⌊(H + 2 padding - dilation (kernel - 1) - 1) / stride⌋ + 1,
/// or ⌈…⌉ with `ceil_mode`, where the last window still starts inside or in the padding before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool2d {
    rows: Axis,
    columns: Axis,
}

/// A [`MaxPool2d`] of windows beside each other; `kernel_size` is one number or (height, width).
///
/// # Errors
/// If `kernel_size` is 0.
///
/// ```
/// use candlelight::{nn::max_pool2d, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let x = Var::new(&[[[1f32, 5.], [3., 2.]]], &Device::Cpu)?;
/// let y = max_pool2d(2)?.forward(&x, Mode::Train)?;
/// assert_eq!(y.to_vec3::<f32>()?, [[[5.]]]);
/// let gradient = y.sum_all()?.backward()?;
/// assert_eq!(gradient.get(&x).unwrap().to_vec3::<f32>()?, [[[0., 1.], [0., 0.]]]);
/// # Ok(()) }
/// ```
pub fn max_pool2d(kernel_size: impl ToUsize2) -> Result<MaxPool2d> {
    MaxPool2d::new(kernel_size, MaxPool2dConfig::default())
}

impl MaxPool2d {
    /// Windows of `kernel_size`, one number or (height, width), each from 1 to 2²⁰.
    ///
    /// # Errors
    /// A setting outside its range.
    ///
    /// ```
    /// use candlelight::{nn::{MaxPool2d, MaxPool2dConfig}, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let config = MaxPool2dConfig { stride: Some((2, 2)), padding: (1, 1), ..MaxPool2dConfig::default() };
    /// let layer = MaxPool2d::new(3, config)?;
    /// let images = Tensor::zeros((8, 3, 32, 32), DType::F32, &Device::Cpu)?;
    /// assert_eq!(layer.forward(&images, Mode::Eval)?.dims(), [8, 3, 16, 16]);
    /// # Ok(()) }
    /// ```
    pub fn new(kernel_size: impl ToUsize2, config: MaxPool2dConfig) -> Result<Self> {
        let MaxPool2dConfig { stride, padding, dilation, ceil_mode } = config;
        let kernel_size = kernel_size.to_usize2();
        let stride = stride.unwrap_or(kernel_size);
        let axis = |kernel, stride, padding, dilation| {
            Axis { kernel, stride, padding, dilation, ceil_mode, count_padding: false }.checked()
        };
        Ok(Self {
            rows: axis(kernel_size.0, stride.0, padding.0, dilation.0)?,
            columns: axis(kernel_size.1, stride.1, padding.1, dilation.1)?,
        })
    }
}

impl Module for MaxPool2d {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        forward(kind!("max_pool2d"), Pooling::Max, &[self.rows, self.columns], x)
    }
}

/// Pools along the last dimensions, one for each axis.
pub(super) fn forward(kind: Kind, pooling: Pooling, axes: &[Axis], x: &Tensor) -> Result<Tensor> {
    let (lead, plane) = planes(kind.input, x, axes.len())?;
    let windows = axes.iter().zip(plane).map(|(axis, &size)| axis.windows(kind.input, size, x.dims()));
    let mut windows = windows.collect::<Result<Vec<_>>>()?;
    let shape = [lead, &windows.iter().map(Vec::len).collect::<Vec<_>>()].concat();
    let columns = windows.pop().unwrap_or_default();
    let (height, rows) = match (plane, windows.pop()) {
        ([height, _], Some(rows)) => (*height, rows),
        // A plane of one row.
        _ => (1, Axis::ONE.windows(kind.input, 1, x.dims())?),
    };
    let width = plane.last().copied().unwrap_or(1);
    let y = pool(kind, pooling, x, Windows { height, width, rows, columns }, shape)?;
    trace(x, &y, || axes.iter().map(|axis| axis.reach()).collect());
    Ok(y)
}

/// Settings of a [`MaxPool1d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool1dConfig {
    /// Distance between windows, at least 1; default `None`, for the size of a window.
    pub stride: Option<usize>,
    /// Places of -∞ on either side, at most half of the window; default 0.
    pub padding: usize,
    /// Distance between the places of a window, at least 1; default 1.
    pub dilation: usize,
    /// Whether a last window may reach beyond the end; default false.
    pub ceil_mode: bool,
}

impl Default for MaxPool1dConfig {
    fn default() -> Self {
        Self { stride: None, padding: 0, dilation: 1, ceil_mode: false }
    }
}

/// The maximum of each window of a sequence; see [`MaxPool2d`].
///
/// # Shapes
/// Input [N, C, L] or [C, L]; the length becomes what a side does in [`MaxPool2d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool1d(Axis);

/// A [`MaxPool1d`] of windows beside each other.
///
/// # Errors
/// If `kernel_size` is 0.
///
/// ```
/// use candlelight::{nn::max_pool1d, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::new(&[[1f32, 5., 3., 2., 9.]], &Device::Cpu)?;
/// assert_eq!(max_pool1d(2)?.forward(&x, Mode::Eval)?.to_vec2::<f32>()?, [[5., 3.]]);
/// # Ok(()) }
/// ```
pub fn max_pool1d(kernel_size: usize) -> Result<MaxPool1d> {
    MaxPool1d::new(kernel_size, MaxPool1dConfig::default())
}

impl MaxPool1d {
    /// Windows of `kernel_size`, from 1 to 2²⁰.
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(kernel_size: usize, config: MaxPool1dConfig) -> Result<Self> {
        let MaxPool1dConfig { stride, padding, dilation, ceil_mode } = config;
        let stride = stride.unwrap_or(kernel_size);
        Ok(Self(Axis { kernel: kernel_size, stride, padding, dilation, ceil_mode, count_padding: false }.checked()?))
    }
}

impl Module for MaxPool1d {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        forward(kind!("max_pool1d"), Pooling::Max, &[self.0], x)
    }
}
