//! Sums in registers. LLVM makes vector code of a loop over elements, but seldom of one that adds them up in lanes.

use super::Line;
use super::after::After;
use crate::Real;
use crate::real::{Token, simd};

/// A register.
type Vector<T> = <T as Real>::Vector<Token>;

/// Two sums in the making.
type Sums<T> = (Vector<T>, Vector<T>);

/// Registers that each sum is spread over, so that an addition need not wait for the one before.
const SPREAD: usize = 4;

/// Σ x.
#[inline(always)]
pub(super) fn plain<T: Real>(x: &[T]) -> T {
    fold(
        [x],
        T::ZERO,
        #[inline(always)]
        |(sum, none), [x]| (T::plus(simd(), sum, x), none),
    )
    .0
}

/// Σ (x - m) and Σ (x - m)².
#[inline(always)]
pub(super) fn about<T: Real>(x: &[T], m: T) -> (T, T) {
    let centre = T::splat(simd(), m);
    fold(
        [x],
        m,
        #[inline(always)]
        |(sum, squares), [x]| {
            let distance = T::minus(simd(), x, centre);
            (T::plus(simd(), sum, distance), T::fma(simd(), distance, distance, squares))
        },
    )
}

/// Σ g and Σ g (x - mean), with the gradient before what comes after the line.
#[inline(always)]
pub(super) fn of_gradient<T: Real>(line: Line<T>, g: &[T], x: &[T]) -> (T, T) {
    let mean = T::splat(simd(), line.mean);
    let (scale, shift) = (T::splat(simd(), line.scale), T::splat(simd(), line.shift));
    match line.after {
        After::Nothing => fold(
            [g, x],
            T::ZERO,
            #[inline(always)]
            |sums, [g, x]| add_product::<T>(sums, g, T::minus(simd(), x, mean)),
        ),
        After::Relu => fold(
            [g, x],
            T::ZERO,
            #[inline(always)]
            |sums, [g, x]| {
                let distance = T::minus(simd(), x, mean);
                add_product::<T>(sums, T::where_positive(simd(), T::fma(simd(), distance, scale, shift), g), distance)
            },
        ),
        After::Leaky(slope) => {
            let (one, slope) = (T::splat(simd(), T::ONE), T::splat(simd(), slope));
            fold(
                [g, x],
                T::ZERO,
                #[inline(always)]
                |sums, [g, x]| {
                    let distance = T::minus(simd(), x, mean);
                    // 1 or 0; then 1 or the slope, both exactly.
                    let on = T::where_positive(simd(), T::fma(simd(), distance, scale, shift), one);
                    let factor = T::fma(simd(), slope, T::minus(simd(), one, on), on);
                    add_product::<T>(sums, T::times(simd(), g, factor), distance)
                },
            )
        }
    }
}

#[inline(always)]
fn add_product<T: Real>((sum, with_x): Sums<T>, g: Vector<T>, distance: Vector<T>) -> Sums<T> {
    (T::plus(simd(), sum, g), T::fma(simd(), g, distance, with_x))
}

/// Σ γ g and Σ γ g (x - mean).
#[inline(always)]
pub(super) fn of_scaled_gradient<T: Real>(gamma: &[T], g: &[T], x: &[T], mean: T) -> (T, T) {
    let mean = T::splat(simd(), mean);
    fold(
        [gamma, g, x],
        T::ZERO,
        #[inline(always)]
        |sums, [gamma, g, x]| {
            let g = T::times(simd(), gamma, g);
            add_product::<T>(sums, g, T::minus(simd(), x, mean))
        },
    )
}

/// The two sums that `add` makes of slices of one length; it adds nothing where all numbers are `rest`.
#[inline(always)]
fn fold<T: Real, const N: usize>(
    slices: [&[T]; N],
    rest: T,
    add: impl Fn(Sums<T>, [Vector<T>; N]) -> Sums<T>,
) -> (T, T) {
    let n = slices[0].len();
    for slice in slices {
        assert_eq!(slice.len(), n);
    }
    let lanes = size_of::<Vector<T>>() / size_of::<T>();
    let zero = T::splat(simd(), T::ZERO);
    let mut sums = [(zero, zero); SPREAD];
    let mut i = 0;
    while i + SPREAD * lanes <= n {
        for (spread, sums) in sums.iter_mut().enumerate() {
            let mut registers = [zero; N];
            for (register, slice) in registers.iter_mut().zip(slices) {
                // SAFETY: the register ends at i + SPREAD · lanes at most, which is inside.
                *register = unsafe { load(slice.as_ptr().add(i + spread * lanes)) };
            }
            *sums = add(*sums, registers);
        }
        i += SPREAD * lanes;
    }
    while i < n {
        let count = lanes.min(n - i);
        let missing = T::minus(simd(), T::splat(simd(), T::ONE), T::ones_part(simd(), count));
        let mut registers = [zero; N];
        for (register, slice) in registers.iter_mut().zip(slices) {
            *register = T::fma(simd(), missing, T::splat(simd(), rest), T::load_part(simd(), &slice[i..i + count]));
        }
        sums[0] = add(sums[0], registers);
        i += count;
    }
    let [a, b, c, d] = sums;
    let plus = T::plus::<Token>;
    let first = plus(simd(), plus(simd(), a.0, b.0), plus(simd(), c.0, d.0));
    let second = plus(simd(), plus(simd(), a.1, b.1), plus(simd(), c.1, d.1));
    (T::sum_lanes(simd(), first), T::sum_lanes(simd(), second))
}

/// # Safety
/// A register's worth may be read from there.
#[inline(always)]
unsafe fn load<T: Real>(from: *const T) -> Vector<T> {
    // SAFETY: the caller's promise.
    unsafe { crate::real::load::<T, Token>(from) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalization::Moments;
    use crate::real::{available, vectorized};

    /// What [`fold`] is to do, lane by lane: number i is added to sum i of SPREAD registers, and those of a rest to the first
    /// register.
    fn lane_by_lane<T: Real>(n: usize, add: impl Fn((T, T), usize) -> (T, T)) -> (T, T) {
        let lanes = size_of::<Vector<T>>() / size_of::<T>();
        let mut sums = vec![(T::ZERO, T::ZERO); SPREAD * lanes];
        let whole = n / sums.len() * sums.len();
        for i in 0..n {
            let lane = if i < whole { i % sums.len() } else { i % lanes };
            sums[lane] = add(sums[lane], i);
        }
        let joined = |of: fn(&(T, T)) -> T| {
            let at = |spread: usize, lane: usize| of(&sums[spread * lanes + lane]);
            let sum: Vec<T> = (0..lanes).map(|i| (at(0, i) + at(1, i)) + (at(2, i) + at(3, i))).collect();
            // SAFETY: it holds a register's worth.
            T::sum_lanes(simd(), unsafe { load(sum.as_ptr()) })
        };
        (joined(|sums| sums.0), joined(|sums| sums.1))
    }

    fn numbers<T: Real>(n: usize, seed: f64) -> Vec<T> {
        (0..n).map(|i| T::of((seed * i as f64).sin() * 3.0)).collect()
    }

    fn every_length<T: Real>() {
        for n in 1..120 {
            let (x, g, gamma) = (numbers::<T>(n, 1.7), numbers::<T>(n, 2.9), numbers::<T>(n, 0.6));
            let (mean, scale, shift, slope) = (T::of(0.3), T::of(-1.4), T::of(0.2), T::of(0.1));
            let product = |(sum, with_x): (T, T), g: T, i: usize| (sum + g, g.mul_add(x[i] - mean, with_x));
            assert!(plain(&x) == lane_by_lane(n, |(sum, none), i| (sum + x[i], none)).0, "{n}");
            let distances = lane_by_lane(n, |(sum, squares), i| {
                let distance = x[i] - mean;
                (sum + distance, distance.mul_add(distance, squares))
            });
            assert!(about(&x, mean) == distances, "{n}");
            let scaled = lane_by_lane(n, |sums, i| product(sums, gamma[i] * g[i], i));
            assert!(of_scaled_gradient(&gamma, &g, &x, mean) == scaled, "{n}");
            for after in [After::Nothing, After::Relu, After::Leaky(slope)] {
                let line = Line { mean, scale, shift, after };
                let before = lane_by_lane(n, |sums, i| product(sums, after.before(line.at(x[i]), g[i]), i));
                assert!(of_gradient(line, &g, &x) == before, "{n}");
            }
        }
    }

    #[test]
    fn sums_are_those_of_the_lanes() {
        if available() {
            vectorized(
                #[inline(always)]
                || {
                    every_length::<f32>();
                    every_length::<f64>();
                },
            );
        }
    }

    /// Whatever the statistics are taken of together.
    #[test]
    fn rows_have_the_moments_of_each_alone() {
        if !available() {
            return;
        }
        for width in [1, 7, 64, 100] {
            let mut rows = numbers::<f32>(4 * width, 1.3);
            // Squares beyond the type.
            rows[width] = 1e30;
            let together = Moments::of_rows::<f32, 4>(&rows);
            let alone = |row: usize| Moments::of(1, |_| &rows[row * width..(row + 1) * width]);
            assert_eq!(together, [alone(0), alone(1), alone(2), alone(3)], "{width}");
        }
    }
}
