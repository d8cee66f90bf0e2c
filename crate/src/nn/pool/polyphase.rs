//! Sampling whose grid follows the image.

use candle_core::{D, DType, Tensor};
use candlelight_kernels as kernels;

use crate::nn::argmax::argmax;
use crate::nn::kind::kind;
use crate::nn::summary::{Reach, record, trace_alike};
use crate::nn::tables::{Tables, table};
use crate::nn::{Mode, Module};
use crate::{Error, Result};

/// Where the components of each sample begin, for the number of samples and of components.
static FIRST: Tables<(usize, usize), Tensor> = Tables::new();

/// By which norm [`PolyphaseSampling`] chooses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PolyphaseNorm {
    /// Σ |x|
    L1,
    /// √ Σ x²
    #[default]
    L2,
}

/// Settings of a [`PolyphaseSampling`] layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolyphaseSamplingConfig {
    /// Distance between the numbers that are kept; default 2, from 1 to 2¹⁰.
    pub stride: usize,
    /// The norm that is to be largest; default [`PolyphaseNorm::L2`].
    pub norm: PolyphaseNorm,
}

impl Default for PolyphaseSamplingConfig {
    fn default() -> Self {
        Self { stride: 2, norm: PolyphaseNorm::L2 }
    }
}

/// Keeps each `stride`th number, from the start that leaves most: adaptive polyphase sampling.
///
/// ```text
/// components   x_pq[n, c, i, j] = x[n, c, stride i + p, stride j + q]   for p, q in 0..stride
/// y[n] = x_pq[n]   with the p, q of the largest ‖x_pq[n]‖, taken over all channels and places
/// ∂L/∂x = g at the numbers that were kept, 0 elsewhere
/// ```
///
/// A shift of the input moves each component to another p, q, or on by a place, but changes none of its numbers: the
/// same one is chosen, wherever it is. So with cyclic shifts, circular padding in all convolutions and a
/// global pooling at the end the output of a network is the same for every shift of its input. In numbers the norms must
/// not be so close that rounding decides (they are summed in F64); of equal ones the first is taken. A maximum as the
/// global pooling is the same to the bit, if the convolutions before it are; a mean adds up the same numbers in another
/// order, and rounds differently.
///
/// Chaman and Dokmanić (2021), Truly shift-invariant convolutional neural networks, section 3.
///
/// # Shapes
/// Input [N, C, H, W] or [N, C, L], the sizes multiples of `stride`; output [N, C, H / stride, W / stride] or
/// [N, C, L / stride]. A batch is needed, for each sample chooses by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolyphaseSampling(PolyphaseSamplingConfig);

/// A [`PolyphaseSampling`] layer with stride 2, by the l2 norm.
///
/// ```
/// use candlelight::{nn::polyphase_sampling, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::new(&[[[1f32, 5., 2., 6.]], [[5., 2., 6., 1.]]], &Device::Cpu)?; // and shifted by one
/// let y = polyphase_sampling().forward(&x, Mode::Eval)?;
/// assert_eq!(y.to_vec3::<f32>()?, [[[5., 6.]], [[5., 6.]]]);
/// # Ok(()) }
/// ```
pub fn polyphase_sampling() -> PolyphaseSampling {
    PolyphaseSampling(PolyphaseSamplingConfig::default())
}

impl PolyphaseSampling {
    /// The layer with these settings.
    ///
    /// # Errors
    /// A stride outside its range. In `forward`: an input of another shape, or whose sizes are no multiples of the stride.
    ///
    /// ```
    /// use candlelight::{nn::{PolyphaseNorm, PolyphaseSampling, PolyphaseSamplingConfig}, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let config = PolyphaseSamplingConfig { stride: 4, norm: PolyphaseNorm::L1 };
    /// let images = Tensor::zeros((8, 3, 28, 28), DType::F32, &Device::Cpu)?;
    /// assert_eq!(PolyphaseSampling::new(config)?.forward(&images, Mode::Eval)?.dims(), [8, 3, 7, 7]);
    /// # Ok(()) }
    /// ```
    pub fn new(config: PolyphaseSamplingConfig) -> Result<Self> {
        match config.stride {
            1..=1024 => Ok(Self(config)),
            stride => Err(Error::setting("stride", "from 1 to 1024", stride)),
        }
    }
}

impl Module for PolyphaseSampling {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        let PolyphaseSamplingConfig { stride, norm } = self.0;
        let kind = kind!("polyphase_sampling");
        let refuse = || {
            let expected = format!("[N, C, H, W] or [N, C, L] with sizes that are multiples of {stride}");
            Error::shape(kind.input, expected, x.dims())
        };
        let (n, channels, [height, width], steps) = match *x.dims() {
            [n, c, length] => (n, c, [1, length], [1, stride]),
            [n, c, height, width] => (n, c, [height, width], [stride; 2]),
            _ => return Err(refuse()),
        };
        if channels * height * width == 0 || height % steps[0] != 0 || width % steps[1] != 0 {
            return Err(refuse());
        }
        if !matches!(x.dtype(), DType::F32 | DType::F64) {
            return Err(Error::DType { what: kind.input, expected: "F32 or F64", actual: x.dtype() });
        }
        let (rows, columns) = (height / steps[0], width / steps[1]);
        let shape = match x.rank() {
            3 => vec![n, channels, columns],
            _ => vec![n, channels, rows, columns],
        };
        let y = if x.elem_count() == 0 {
            kernels::empty(shape, [x])?
        } else {
            let components = steps[0] * steps[1];
            // [N, C, rows, p, columns, q] → [N, p, q, C, rows, columns]
            let parts = x.reshape(vec![n, channels, rows, steps[0], columns, steps[1]])?;
            let parts = parts.permute(vec![0, 3, 5, 1, 2, 4])?.reshape((n * components, channels * rows * columns))?;
            let wide = parts.detach().to_dtype(DType::F64)?;
            let sizes = match norm {
                PolyphaseNorm::L1 => wide.abs()?,
                PolyphaseNorm::L2 => wide.sqr()?, // the largest square has the largest root
            };
            let best = argmax(&sizes.sum(D::Minus1)?.reshape((n, components))?)?;
            let first = FIRST.get((n, components), x.device(), |&(n, components)| {
                table((0..n).map(|i| (i * components) as u32).collect(), x.device())
            })?;
            parts.index_select(&(best + first)?, 0)?.reshape(shape)?
        };
        record(kind.name, [], &y, 0);
        // Each number is one of `stride`; which, all of them decide together, but without a gradient.
        trace_alike(x, &y, Reach::Kernel { size: stride, stride, padding: 0, dilation: 1 });
        Ok(y)
    }
}
