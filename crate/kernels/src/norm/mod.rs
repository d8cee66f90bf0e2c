//! Normalization: (x - mean) / √(variance + ε), then a scale and a shift.
//!
//! All of it is bound by memory. Statistics are taken and the result is written while a channel, a group or a row is in
//! the cache; the backward pass takes x̂ from the input again instead of keeping it. Sums go on in f64 after a chunk.

pub mod batch;
mod channels;
mod columns;
pub mod group;
pub mod layer;
mod planes;
mod sums;

use candle_core::Tensor;
use candlelight_base::Result;

use super::normalization::Moments;
use super::{Real, contiguous, real, values};

/// Numbers that are added in their own type before their sum is added in f64.
const CHUNK: usize = 2048;

impl Moments {
    /// Of `n` stretches of one length together, in two passes: the second is about the mean of the first, and mends it,
    /// so that equal numbers have exactly their value as mean and 0 as variance.
    #[inline(always)]
    fn of<'a, T: Real>(n: usize, stretch: impl Fn(usize) -> &'a [T]) -> Self {
        let (mut total, mut count) = (0.0, 0);
        for i in 0..n {
            let x = stretch(i);
            if i + 1 < n {
                real::prefetch_all(stretch(i + 1));
            }
            count += x.len();
            for chunk in x.chunks(CHUNK) {
                total += sums::plain(chunk).wide();
            }
        }
        let near = T::of(total / count as f64);
        let (mut rest, mut squares) = (0.0, 0.0);
        // Backwards: what was read last is still in the cache.
        for i in (0..n).rev() {
            for chunk in stretch(i).chunks(CHUNK) {
                let (sum, square) = sums::about(chunk, near);
                rest += sum.wide();
                squares += square.wide();
            }
        }
        if !squares.is_finite() {
            return Self::wide(n, stretch);
        }
        let shift = rest / count as f64;
        // `max` would turn NaN into 0.
        let var = squares / count as f64 - shift * shift;
        Self { mean: near.wide() + shift, var: if var < 0.0 { 0.0 } else { var } }
    }

    /// [`Moments::of`] in f64 throughout, for numbers whose squares are beyond `T`.
    #[cold]
    fn wide<'a, T: Real>(n: usize, stretch: impl Fn(usize) -> &'a [T]) -> Self {
        let all = || (0..n).flat_map(|i| stretch(i).iter().map(|x| x.wide()));
        let count = all().count() as f64;
        let mean = all().sum::<f64>() / count;
        Self { mean, var: all().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count }
    }
}

/// y = (x - mean) scale + shift, and then ReLU where `relu` is set.
#[derive(Debug, Clone, Copy, Default)]
struct Line<T> {
    mean: T,
    scale: T,
    shift: T,
    relu: bool,
}

impl<T: Real> Line<T> {
    #[inline(always)]
    fn at(&self, x: T) -> T {
        (x - self.mean).mul_add(self.scale, self.shift)
    }

    #[inline(always)]
    fn forward(self, x: &[T], y: &mut [T]) {
        if self.relu {
            y.iter_mut().zip(x).for_each(|(y, &x)| {
                let value = self.at(x);
                // This way round, NaN stays NaN.
                *y = if value <= T::ZERO { T::ZERO } else { value };
            });
        } else {
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = self.at(x));
        }
    }

    /// The gradient before the ReLU. The sign of its value is found again from `x`, by the same operations.
    #[inline(always)]
    fn before_relu(self, g: T, x: T) -> T {
        if self.at(x) > T::ZERO { g } else { T::ZERO }
    }

    /// Σ g and Σ g (x - mean).
    #[inline(always)]
    fn sums(self, g: &[T], x: &[T]) -> (f64, f64) {
        let (mut plain, mut with_x) = (0.0, 0.0);
        for (g, x) in g.chunks(CHUNK).zip(x.chunks(CHUNK)) {
            let (a, b) = sums::of_gradient(self, g, x);
            plain += a.wide();
            with_x += b.wide();
        }
        (plain, with_x)
    }

    /// dx = scale g - (constant + slope (x - mean)): the statistics depend on x as well.
    #[inline(always)]
    fn backward(self, g: &[T], x: &[T], constant: T, slope: T, dx: &mut [T]) {
        let of = |g: T, x: T| g.mul_add(self.scale, -(x - self.mean).mul_add(slope, constant));
        if self.relu {
            for ((dx, &g), &x) in dx.iter_mut().zip(g).zip(x) {
                *dx = of(self.before_relu(g, x), x);
            }
        } else {
            for ((dx, &g), &x) in dx.iter_mut().zip(g).zip(x) {
                *dx = of(g, x);
            }
        }
    }
}

/// The numbers of an optional parameter, or `n` times what stands for it.
fn numbers<T: Real>(parameter: Option<&Tensor>, n: usize, default: T) -> Result<Vec<T>> {
    match parameter {
        Some(parameter) => Ok(values::<T>(&contiguous(parameter)?)?.to_vec()),
        None => Ok(vec![default; n]),
    }
}

/// Gradients of x, the scale and the shift, in the order of the operation's inputs, which are x and those of the
/// parameters that there are.
fn gradients<T: Real>(
    inputs: &[Tensor],
    (has_weight, has_bias): (bool, bool),
    dx: Option<Vec<T>>,
    dweight: Vec<T>,
    dbias: Vec<T>,
) -> Result<Vec<Option<Tensor>>> {
    let all = [dx, has_weight.then_some(dweight), has_bias.then_some(dbias)];
    let present = [true, has_weight, has_bias];
    let there = all.into_iter().zip(present).filter(|(_, present)| *present);
    let tensor = |((data, _), like): ((Option<Vec<T>>, bool), &Tensor)| match data {
        Some(data) => Ok(Some(Tensor::from_vec(data, like.shape(), like.device())?)),
        None => Ok(None),
    };
    there.zip(inputs).map(tensor).collect()
}
