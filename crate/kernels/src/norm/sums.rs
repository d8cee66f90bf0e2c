//! Sums in registers. LLVM makes vector code of a loop over elements, but seldom of one that adds them up in lanes.

use super::Line;
use crate::Real;
use crate::real::{Token, simd};

/// A register.
pub(super) type Vector<T> = <T as Real>::Vector<Token>;

/// Two sums in the making.
type Sums<T> = (Vector<T>, Vector<T>);

/// Registers that each sum is spread over, so that an addition need not wait for the one before.
const SPREAD: usize = 4;

/// The most numbers that a register holds.
const LONGEST: usize = 16;

/// Σ x.
#[inline(always)]
pub(super) fn plain<T: Real>(x: &[T]) -> T {
    fold(
        [x],
        [T::ZERO],
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
        [m],
        #[inline(always)]
        |(sum, squares), [x]| {
            let distance = T::minus(simd(), x, centre);
            (T::plus(simd(), sum, distance), T::fma(simd(), distance, distance, squares))
        },
    )
}

/// Σ g and Σ g (x - mean), where g is 0 if the line has a ReLU that is off at x.
#[inline(always)]
pub(super) fn of_gradient<T: Real>(line: Line<T>, g: &[T], x: &[T]) -> (T, T) {
    let mean = T::splat(simd(), line.mean);
    let (scale, shift) = (T::splat(simd(), line.scale), T::splat(simd(), line.shift));
    match line.relu {
        true => fold(
            [g, x],
            [T::ZERO; 2],
            #[inline(always)]
            |sums, [g, x]| {
                let distance = T::minus(simd(), x, mean);
                add_product::<T>(sums, T::where_positive(simd(), T::fma(simd(), distance, scale, shift), g), distance)
            },
        ),
        false => fold(
            [g, x],
            [T::ZERO; 2],
            #[inline(always)]
            |sums, [g, x]| add_product::<T>(sums, g, T::minus(simd(), x, mean)),
        ),
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
        [T::ZERO; 3],
        #[inline(always)]
        |sums, [gamma, g, x]| {
            let g = T::times(simd(), gamma, g);
            add_product::<T>(sums, g, T::minus(simd(), x, mean))
        },
    )
}

/// The two sums that `add` makes of slices of one length; it adds nothing for the numbers of `rest`.
#[inline(always)]
fn fold<T: Real, const N: usize>(
    slices: [&[T]; N],
    rest: [T; N],
    add: impl Fn(Sums<T>, [Vector<T>; N]) -> Sums<T>,
) -> (T, T) {
    const { assert!(size_of::<Vector<T>>() <= LONGEST * size_of::<T>()) };
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
        let mut registers = [zero; N];
        for ((register, slice), rest) in registers.iter_mut().zip(slices).zip(rest) {
            let mut padded = [rest; LONGEST];
            padded[..count].copy_from_slice(&slice[i..i + count]);
            // SAFETY: it holds a register's worth.
            *register = unsafe { load(padded.as_ptr()) };
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
pub(super) unsafe fn load<T: Real>(from: *const T) -> Vector<T> {
    // SAFETY: the caller's promise.
    unsafe { crate::real::load::<T, Token>(from) }
}

/// # Safety
/// A register's worth may be written there.
#[inline(always)]
pub(super) unsafe fn store<T: Real>(to: *mut T, x: Vector<T>) {
    // SAFETY: the caller's promise.
    unsafe { crate::real::store::<T, Token>(to, x) }
}
