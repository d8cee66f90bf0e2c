//! Images laid out as a plan wants them.

use pulp::{Simd, WithSimd};

use super::plan::Plan;
use crate::real::{load, store};
use crate::{Real, real};

/// Lays the images of `source` out in `buffer`, whose other numbers are and stay zero.
pub(super) fn lay_out<T: Real>(plan: &Plan, source: &[T], buffer: &mut [T]) {
    real::dispatch(LayOut { plan, source, buffer });
}

struct LayOut<'a, T> {
    plan: &'a Plan,
    source: &'a [T],
    buffer: &'a mut [T],
}

impl<T: Real> WithSimd for LayOut<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { plan, source, buffer } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let [height, width] = plan.source;
        assert!(source.len() / (height * width) * plan.channel + lanes <= buffer.len());
        let copies = (0..plan.channel / plan.plane).map(|copy| (plan.view(copy), plan.rows(copy), plan.columns(copy)));
        let copies: Vec<_> = copies.collect();
        // In the order of the buffer.
        for (c, image) in source.chunks_exact(height * width).enumerate() {
            for (copy, &([down, across], (top, bottom), (left, right))) in copies.iter().enumerate() {
                for r in top..bottom {
                    let from = &image[down.at(r).unwrap_or(height) * width..][..width];
                    let to = buffer.as_mut_ptr().wrapping_add(c * plan.channel + copy * plan.plane + r * plan.pitch);
                    let mut x = left;
                    while x < right {
                        // The last register reaches back, if there is a whole one.
                        let at = if right - left < lanes { x } else { x.min(right - lanes) };
                        let numbers = across.numbers(simd, from, at, lanes.min(right - at));
                        // SAFETY: a register from a column of a row of the buffer on, by the assertion. What is written beyond
                        // the row is zero, and the next row is written later.
                        unsafe { store::<T, S>(to.add(at), numbers) };
                        x = at + lanes;
                    }
                }
            }
        }
    }
}

impl super::plan::View {
    /// What `n` places from `r` on show of a line, at most a register of them, and zeros.
    #[inline(always)]
    pub fn numbers<T: Real, S: Simd>(self, simd: S, line: &[T], r: usize, n: usize) -> T::Vector<S> {
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let from = &line[self.at(r).unwrap_or(line.len())..];
        match self.step {
            1 if n == lanes => {
                let from = &from[..n];
                // SAFETY: a register's worth.
                unsafe { load::<T, S>(from.as_ptr()) }
            }
            1 => T::load_part(simd, &from[..n]),
            2 => {
                let from = &from[..2 * n - 1];
                let (low, high) = from.split_at(lanes.min(from.len()));
                T::evens(simd, T::load_part(simd, low), T::load_part(simd, high))
            }
            step => {
                let mut numbers = [T::ZERO; 16];
                numbers.iter_mut().zip(from.iter().step_by(step)).take(n).for_each(|(to, &x)| *to = x);
                T::load_part(simd, &numbers[..lanes])
            }
        }
    }
}
