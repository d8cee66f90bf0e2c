//! Anti-aliased pooling.

use candle_core::Tensor;
use candlelight_kernels as kernels;
use candlelight_kernels::blur::Axis;

use super::windows::planes;
use crate::nn::kind::{Kind, kind};
use crate::nn::summary::{Reach, record, trace};
use crate::nn::tables::{Tables, table};
use crate::nn::{Linearized, Mode, Module, PaddingMode};
use crate::{Error, Result};

/// No stride is larger, so that nothing overflows.
const LARGEST: usize = 1 << 20;

/// What is under one place of the filter, for the number of outputs, the stride and that place.
static UNDER: Tables<(usize, usize, usize), Tensor> = Tables::new();

/// Settings of a [`BlurPool2d`] or [`BlurPool1d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlurPoolConfig {
    /// Places of the filter along each dimension; default 3, from 1 (no blur) to 7.
    pub kernel_size: usize,
    /// Distance between outputs; default 2, from 1 to 2²⁰.
    pub stride: usize,
    /// What stands around the input; default [`PaddingMode::Reflect`].
    pub padding_mode: PaddingMode,
}

impl Default for BlurPoolConfig {
    fn default() -> Self {
        Self { kernel_size: 3, stride: 2, padding_mode: PaddingMode::Reflect }
    }
}

/// A blur before each `stride`th number is kept: a step down that suppresses what the smaller image cannot hold.
///
/// ```text
/// yᵢⱼ = Σᵤ Σᵥ b[u] b[v] x[stride i + u - p, stride j + v - p],   b[u] = binomial(k - 1, u) / 2ᵏ⁻¹,   p = ⌊(k - 1) / 2⌋
/// k = 3: b = [1 2 1] / 4, and in two dimensions [1 2 1]ᵀ [1 2 1] / 16
/// ```
///
/// k is `kernel_size`. Each channel is blurred by itself; there are no parameters.
///
/// A layer that steps down aliases: what changes faster than the smaller image can show comes back as something slow,
/// which depends on how the input lies on the grid. The remedy of signal processing, to blur first, goes into a network
/// as follows:
///
/// - a max-pool with stride 2 becomes one with stride 1 and a `BlurPool2d` after it;
/// - a convolution with stride 2 and its ReLU become the same with stride 1 and a `BlurPool2d` after them;
/// - an average pool with stride 2 becomes a `BlurPool2d`.
///
/// Zhang (2019), Making convolutional networks shift-invariant again, section 3.
///
/// # Shapes
/// Input [N, C, H, W] or [C, H, W]; height and width become ⌈H / stride⌉ and ⌈W / stride⌉. Reflected padding takes
/// ⌈(k - 1) / 2⌉ + 1 places each way, 2 by default; circular padding one less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlurPool2d(BlurPoolConfig);

/// A blur of sequences before each `stride`th number is kept; see [`BlurPool2d`].
///
/// # Shapes
/// Input [N, C, L] or [C, L]; the length becomes ⌈L / stride⌉.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlurPool1d(BlurPoolConfig);

/// A [`BlurPool2d`] of [1 2 1]ᵀ [1 2 1] / 16 with stride 2.
///
/// ```
/// use candlelight::{nn::blur_pool2d, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::new(&[[[16f32, 0., 0., 0.], [0., 0., 0., 0.], [0., 0., 16., 0.], [0., 0., 0., 0.]]], &Device::Cpu)?;
/// let y = blur_pool2d().forward(&x, Mode::Eval)?;
/// assert_eq!(y.to_vec3::<f32>()?, [[[4., 0.], [0., 4.]]]);
/// # Ok(()) }
/// ```
pub fn blur_pool2d() -> BlurPool2d {
    BlurPool2d(BlurPoolConfig::default())
}

/// A [`BlurPool1d`] of [1 2 1] / 4 with stride 2.
///
/// ```
/// use candlelight::{nn::blur_pool1d, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::new(&[[0f32, 0., 0., 4., 0., 0.]], &Device::Cpu)?;
/// assert_eq!(blur_pool1d().forward(&x, Mode::Eval)?.to_vec2::<f32>()?, [[0., 1., 1.]]);
/// # Ok(()) }
/// ```
pub fn blur_pool1d() -> BlurPool1d {
    BlurPool1d(BlurPoolConfig::default())
}

impl BlurPool2d {
    /// The layer with these settings.
    ///
    /// # Errors
    /// A setting outside its range. In `forward`: an input of another shape, or too small for its padding.
    ///
    /// ```
    /// use candlelight::{nn::{BlurPool2d, BlurPoolConfig, PaddingMode}, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let config = BlurPoolConfig { kernel_size: 5, padding_mode: PaddingMode::Circular, ..BlurPoolConfig::default() };
    /// let images = Tensor::zeros((8, 3, 28, 28), DType::F32, &Device::Cpu)?;
    /// assert_eq!(BlurPool2d::new(config)?.forward(&images, Mode::Eval)?.dims(), [8, 3, 14, 14]);
    /// # Ok(()) }
    /// ```
    pub fn new(config: BlurPoolConfig) -> Result<Self> {
        Ok(Self(config.checked()?))
    }
}

impl BlurPool1d {
    /// The layer with these settings.
    ///
    /// # Errors
    /// A setting outside its range. In `forward`: an input of another shape, or too small for its padding.
    pub fn new(config: BlurPoolConfig) -> Result<Self> {
        Ok(Self(config.checked()?))
    }
}

impl Module for BlurPool2d {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        self.0.forward(kind!("blur_pool2d"), 2, x)
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        Ok(Linearized::new(x, self.forward(x, mode)?, move |v| self.forward(v, mode)))
    }
}

impl Module for BlurPool1d {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        self.0.forward(kind!("blur_pool1d"), 1, x)
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        Ok(Linearized::new(x, self.forward(x, mode)?, move |v| self.forward(v, mode)))
    }
}

impl BlurPoolConfig {
    fn checked(self) -> Result<Self> {
        if !(1..=7).contains(&self.kernel_size) {
            return Err(Error::setting("kernel_size", "from 1 to 7", self.kernel_size));
        }
        if !(1..=LARGEST).contains(&self.stride) {
            return Err(Error::setting("stride", "from 1 to 1048576", self.stride));
        }
        Ok(self)
    }

    /// Row k - 1 of Pascal's triangle over its sum.
    fn taps(self) -> Vec<f64> {
        let mut row = vec![1.0];
        for _ in 1..self.kernel_size {
            let next = row.iter().zip(&row[1..]).map(|(left, right)| left + right);
            row = [1.0].into_iter().chain(next).chain([1.0]).collect();
        }
        let sum: f64 = row.iter().sum();
        row.into_iter().map(|count| count / sum).collect()
    }

    fn axis(self, kind: Kind, size: usize, dims: &[usize]) -> Result<Axis> {
        let before = (self.kernel_size - 1) / 2;
        let after = self.kernel_size - 1 - before;
        let least = self.padding_mode.least(after);
        if size < least {
            return Err(Error::shape(kind.input, format!("at least {least} along this dimension"), dims));
        }
        let places = self.padding_mode.places(size, before, after);
        Ok(Axis { input: size, before, places, stride: self.stride, taps: self.taps() })
    }

    /// Blurs the last `spatial` dimensions.
    fn forward(self, kind: Kind, spatial: usize, x: &Tensor) -> Result<Tensor> {
        let (lead, plane) = planes(kind.input, x, spatial)?;
        let mut axes = plane.iter().map(|&size| self.axis(kind, size, x.dims())).collect::<Result<Vec<_>>>()?;
        let shape = [lead, &axes.iter().map(Axis::output).collect::<Vec<_>>()].concat();
        let y = match kernels::can_take(&[x]) {
            _ if x.elem_count() == 0 => kernels::empty(shape, [x])?,
            true => {
                // A sequence is a plane of one row.
                let one = Self { kernel_size: 1, stride: 1, ..self }.axis(kind, 1, x.dims())?;
                let rows = if axes.len() == 2 { axes.remove(0) } else { one };
                kernels::blur::blur(x, [rows, axes.remove(0)], shape.into())?
            }
            false => self.composed(x, &axes)?,
        };
        record(kind.name, [], &y, 0);
        let Self { kernel_size: size, stride, .. } = self;
        trace(x, &y, || vec![Reach::Kernel { size, stride, padding: (size - 1) / 2, dilation: 1 }; spatial]);
        Ok(y)
    }

    /// Along one dimension after the other: for each tap the numbers under it.
    fn composed(self, x: &Tensor, axes: &[Axis]) -> Result<Tensor> {
        let mut y = x.clone();
        for (dim, axis) in (x.rank() - axes.len()..).zip(axes) {
            let after = axis.places.len() - axis.input - axis.before;
            let padded = self.padding_mode.pad(&y, dim, axis.before, after)?.contiguous()?;
            let mut sum: Option<Tensor> = None;
            for (u, &tap) in axis.taps.iter().enumerate() {
                let under = UNDER.get((axis.output(), axis.stride, u), x.device(), |&(outputs, stride, u)| {
                    table((0..outputs).map(|i| (i * stride + u) as u32).collect(), x.device())
                })?;
                let part = (padded.index_select(&under, dim)? * tap)?;
                sum = Some(match sum {
                    Some(sum) => (sum + part)?,
                    None => part,
                });
            }
            y = sum.unwrap_or(padded);
        }
        Ok(y)
    }
}
