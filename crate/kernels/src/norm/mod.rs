//! Normalization: (x - mean) / √(variance + ε), then a scale and a shift.
//!
//! What is large is bound by memory. Statistics are taken and the result is written while a channel, a group or a row is in
//! the cache; the backward pass takes x̂ from the input again instead of keeping it. Sums go on in f64 after a chunk. What is
//! in the cache anyway is bound by how long a sum takes to be known: rows are taken some at once (`together`).

mod after;
pub mod batch;
mod channels;
mod columns;
pub mod group;
pub mod layer;
mod planes;
mod sums;
mod together;

use candle_core::Tensor;
use candlelight_base::Result;

use self::after::{After, for_kind};
use super::normalization::Moments;
use super::{Real, contiguous, real, values};

/// Numbers that are added in their own type before their sum is added in f64.
const CHUNK: usize = 2048;

impl Moments {
    /// Of `n` stretches of one length together, in two passes: the second is about the mean of the first, and mends it,
    /// so that equal numbers have exactly their value as mean and 0 as variance.
    #[inline(always)]
    fn of<'a, T: Real>(n: usize, stretch: impl Fn(usize) -> &'a [T]) -> Self {
        Self::about(Self::near(n, &stretch), n, &stretch)
    }

    /// [`Moments::of`] each of `ROWS` rows that lie one after another. A pass is made over all rows before the next one:
    /// a row by itself would wait for its own sums most of the time.
    #[inline(always)]
    fn of_rows<T: Real, const ROWS: usize>(rows: &[T]) -> [Self; ROWS] {
        // Loops: `array::from_fn` is not inlined, and so not compiled for the instruction set in use.
        let width = rows.len() / ROWS;
        let (mut near, mut moments) = ([T::ZERO; ROWS], [Self::default(); ROWS]);
        for (near, row) in near.iter_mut().zip(rows.chunks_exact(width)) {
            *near = Self::near(1, &|_| row);
        }
        for ((moments, near), row) in moments.iter_mut().zip(near).zip(rows.chunks_exact(width)) {
            *moments = Self::about(near, 1, &|_| row);
        }
        moments
    }

    /// The first pass: the mean, nearly.
    #[inline(always)]
    fn near<'a, T: Real>(n: usize, stretch: &impl Fn(usize) -> &'a [T]) -> T {
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
        T::of(total / count as f64)
    }

    /// The second pass, about a number near the mean.
    #[inline(always)]
    fn about<'a, T: Real>(near: T, n: usize, stretch: &impl Fn(usize) -> &'a [T]) -> Self {
        let (mut rest, mut squares, mut count) = (0.0, 0.0, 0);
        // Backwards: what was read last is still in the cache.
        for i in (0..n).rev() {
            let x = stretch(i);
            count += x.len();
            for chunk in x.chunks(CHUNK) {
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
    fn wide<'a, T: Real>(n: usize, stretch: &impl Fn(usize) -> &'a [T]) -> Self {
        let all = || (0..n).flat_map(|i| stretch(i).iter().map(|x| x.wide()));
        let count = all().count() as f64;
        let mean = all().sum::<f64>() / count;
        Self { mean, var: all().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count }
    }
}

/// y = (x - mean) scale + shift, and what comes after it.
#[derive(Debug, Clone, Copy, Default)]
struct Line<T> {
    mean: T,
    scale: T,
    shift: T,
    after: After<T>,
}

impl<T: Real> Line<T> {
    #[inline(always)]
    fn at(&self, x: T) -> T {
        (x - self.mean).mul_add(self.scale, self.shift)
    }

    #[inline(always)]
    fn forward(self, x: &[T], y: &mut [T]) {
        // The choice is made outside the loops, which then become vector code.
        for_kind!(self.after, after => y.iter_mut().zip(x).for_each(|(y, &x)| *y = after.value(self.at(x))));
    }

    /// Σ g and Σ g (x - mean), with the gradient before what comes after.
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

    /// dx = scale g - (constant + slope (x - mean)): the statistics depend on x as well. The sign of the value that what
    /// comes after has seen is found again from `x`, by the same operations.
    #[inline(always)]
    fn backward(self, g: &[T], x: &[T], constant: T, slope: T, dx: &mut [T]) {
        for_kind!(self.after, after => {
            for ((dx, &g), &x) in dx.iter_mut().zip(g).zip(x) {
                let g = after.before(self.at(x), g);
                *dx = g.mul_add(self.scale, -(x - self.mean).mul_add(slope, constant));
            }
        });
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
