use candle_core::{DType, Tensor, ToUsize2};
use candlelight_kernels::windows::{Pooling, Window, Windows};

use super::windows::{planes, pool};
use crate::nn::kind::{Kind, kind};
use crate::nn::summary::{Reach, trace, trace_alike};
use crate::nn::{Linearized, Mode, Module};
use crate::{Error, Result, memory};

/// Means over as many windows as the output has places, whatever the size of the input.
///
/// ```text
/// window i of n on m places: ⌊i m / n⌋, …, ⌈(i + 1) m / n⌉ - 1
/// ```
///
/// # Shapes
/// Input [N, C, H, W] or [C, H, W]; height and width become those of the output. As PyTorch's `AdaptiveAvgPool2d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdaptiveAvgPool2d(Adaptive);

/// Maxima over the windows of [`AdaptiveAvgPool2d`], with the gradient of [`MaxPool2d`](super::MaxPool2d).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdaptiveMaxPool2d(Adaptive);

/// An [`AdaptiveAvgPool2d`] layer; `output_size` is one number or (height, width).
///
/// # Errors
/// Those of [`AdaptiveAvgPool2d::new`].
pub fn adaptive_avg_pool2d(output_size: impl ToUsize2) -> Result<AdaptiveAvgPool2d> {
    AdaptiveAvgPool2d::new(output_size)
}

/// An [`AdaptiveMaxPool2d`] layer; `output_size` is one number or (height, width).
///
/// # Errors
/// Those of [`AdaptiveMaxPool2d::new`].
pub fn adaptive_max_pool2d(output_size: impl ToUsize2) -> Result<AdaptiveMaxPool2d> {
    AdaptiveMaxPool2d::new(output_size)
}

impl AdaptiveAvgPool2d {
    /// An output of `output_size`, one number or (height, width), each at least 1.
    ///
    /// # Errors
    /// A size of 0.
    ///
    /// ```
    /// use candlelight::{nn::AdaptiveAvgPool2d, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let x = Tensor::new(&[[[1f32, 2., 3.]]], &Device::Cpu)?;
    /// let y = AdaptiveAvgPool2d::new((1, 2))?.forward(&x, Mode::Eval)?;
    /// assert_eq!(y.to_vec3::<f32>()?, [[[1.5, 2.5]]]);
    /// # Ok(()) }
    /// ```
    pub fn new(output_size: impl ToUsize2) -> Result<Self> {
        Ok(Self(Adaptive::new(output_size.to_usize2())?))
    }
}

impl AdaptiveMaxPool2d {
    /// An output of `output_size`, one number or (height, width), each at least 1.
    ///
    /// # Errors
    /// A size of 0.
    ///
    /// ```
    /// use candlelight::{nn::AdaptiveMaxPool2d, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let x = Tensor::new(&[[[1f32, 2., 3.]]], &Device::Cpu)?;
    /// let y = AdaptiveMaxPool2d::new((1, 2))?.forward(&x, Mode::Eval)?;
    /// assert_eq!(y.to_vec3::<f32>()?, [[[2., 3.]]]);
    /// # Ok(()) }
    /// ```
    pub fn new(output_size: impl ToUsize2) -> Result<Self> {
        Ok(Self(Adaptive::new(output_size.to_usize2())?))
    }
}

impl Module for AdaptiveAvgPool2d {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        self.0.forward(kind!("adaptive_avg_pool2d"), Pooling::Average, x)
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        Ok(Linearized::new(x, self.forward(x, mode)?, move |v| self.forward(v, mode)))
    }
}

impl Module for AdaptiveMaxPool2d {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        self.0.forward(kind!("adaptive_max_pool2d"), Pooling::Max, x)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Adaptive {
    height: usize,
    width: usize,
}

impl Adaptive {
    fn new((height, width): (usize, usize)) -> Result<Self> {
        match height.min(width) {
            0 => Err(Error::setting("output_size", "at least 1 each way", format!("({height}, {width})"))),
            _ => Ok(Self { height, width }),
        }
    }

    fn forward(self, kind: Kind, pooling: Pooling, x: &Tensor) -> Result<Tensor> {
        let (lead, plane) = planes(kind.input, x, 2)?;
        let [height, width] = *plane else { return Err(Error::shape(kind.input, "[N, C, H, W]", x.dims())) };
        let shape = [lead, &[self.height, self.width]].concat();
        for windows in [self.height, self.width] {
            memory::check(kind.input, &[windows], size_of::<Window>())?;
        }
        let windows =
            Windows { height, width, rows: windows(self.height, height), columns: windows(self.width, width) };
        let y = pool(kind, pooling, x, windows, shape)?;
        // Windows that are not all alike have no reach that could be told by four numbers.
        if let (Some(rows), Some(columns)) = (reach(self.height, height), reach(self.width, width)) {
            trace(x, &y, || vec![rows, columns]);
        }
        Ok(y)
    }
}

/// What each of `n` windows on `size` places is made of, if they are alike.
fn reach(n: usize, size: usize) -> Option<Reach> {
    match n {
        1 => Some(Reach::All),
        _ if size.is_multiple_of(n) => {
            Some(Reach::Kernel { size: size / n, stride: size / n, padding: 0, dilation: 1 })
        }
        _ => None,
    }
}

fn windows(n: usize, size: usize) -> Vec<Window> {
    let window = |i: usize| {
        let start = i * size / n;
        let count = ((i + 1) * size).div_ceil(n) - start;
        Window { start, count, step: 1, divisor: count }
    };
    (0..n).map(window).collect()
}

/// The mean of each channel over all its places: [N, C, ...] → [N, C].
///
/// As PyTorch's `AdaptiveAvgPool2d(1)` with a `Flatten` after it. Lin, Chen and Yan (2014), section 3.2.
///
/// ```
/// use candlelight::{nn::GlobalAvgPool, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let images = Tensor::ones((8, 64, 7, 7), DType::F32, &Device::Cpu)?;
/// assert_eq!(GlobalAvgPool.forward(&images, Mode::Eval)?.dims(), [8, 64]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GlobalAvgPool;

impl Module for GlobalAvgPool {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        let kind = kind!("global_avg_pool");
        let [n, c, places @ ..] = x.dims() else {
            return Err(Error::shape(kind.input, "[N, C, ...]", x.dims()));
        };
        if places.contains(&0) {
            return Err(Error::shape(kind.input, "[N, C, ...] with places to take the mean of", x.dims()));
        }
        if !matches!(x.dtype(), DType::F32 | DType::F64) {
            return Err(Error::DType { what: kind.input, expected: "F32 or F64", actual: x.dtype() });
        }
        let width = places.iter().product();
        let windows = Windows { height: 1, width, rows: windows(1, 1), columns: windows(1, width) };
        let y = pool(kind, Pooling::Average, x, windows, vec![*n, *c])?;
        trace_alike(x, &y, Reach::All);
        Ok(y)
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        Ok(Linearized::new(x, self.forward(x, mode)?, move |v| self.forward(v, mode)))
    }
}
