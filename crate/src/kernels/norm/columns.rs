//! Channels of one place: columns of a matrix, taken side by side.

use super::batch::{Size, Sums};
use super::{Channel, Moments};
use crate::kernels::Real;
use crate::kernels::values::Parts;

/// About the first row, so that little cancels; in f64 all the rest is exact enough.
#[inline(always)]
pub(super) fn moments<T: Real>(x: &[T], size: Size, first: usize, moments: &mut [Moments]) {
    let count = moments.len();
    let (mut sums, mut squares) = (vec![0.0; count], vec![0.0; count]);
    let origin = &x[first..first + count];
    for image in 0..size.n {
        let row = &x[size.plane(image, first)..][..count];
        for (((sum, square), &x), &origin) in sums.iter_mut().zip(&mut squares).zip(row).zip(origin) {
            let distance = x.wide() - origin.wide();
            *sum += distance;
            *square += distance * distance;
        }
    }
    for (((moments, sum), square), origin) in moments.iter_mut().zip(sums).zip(squares).zip(origin) {
        let shift = sum / size.n as f64;
        let var = square / size.n as f64 - shift * shift;
        *moments = Moments { mean: origin.wide() + shift, var: if var < 0.0 { 0.0 } else { var } };
    }
}

/// # Safety
/// Nobody else has parts of these columns of `y`.
#[inline(always)]
pub(super) unsafe fn forward<T: Real>(x: &[T], size: Size, first: usize, channels: &[Channel<T>], y: &Parts<T>) {
    let lines = Lines::of(channels);
    for image in 0..size.n {
        let start = size.plane(image, first);
        // SAFETY: the caller's promise.
        let y = unsafe { y.part(start, channels.len()) };
        for (i, (y, &x)) in y.iter_mut().zip(&x[start..start + channels.len()]).enumerate() {
            let value = (x - lines.mean[i]).mul_add(lines.scale[i], lines.shift[i]);
            *y = if lines.relu && value <= T::ZERO { T::ZERO } else { value };
        }
    }
}

#[inline(always)]
pub(super) fn sums<T: Real>(g: &[T], x: &[T], size: Size, first: usize, channels: &[Channel<T>], sums: &mut [Sums]) {
    let (lines, count) = (Lines::of(channels), channels.len());
    let (mut plain, mut with_x) = (vec![0.0; count], vec![0.0; count]);
    for image in 0..size.n {
        let start = size.plane(image, first);
        let (g, x) = (&g[start..start + count], &x[start..start + count]);
        for (i, (plain, with_x)) in plain.iter_mut().zip(&mut with_x).enumerate() {
            let g = lines.before_relu(i, g[i], x[i]);
            *plain += g.wide();
            *with_x += (g * (x[i] - lines.mean[i])).wide();
        }
    }
    for (sums, total) in sums.iter_mut().zip(plain.into_iter().zip(with_x)) {
        *sums = total;
    }
}

/// # Safety
/// Nobody else has parts of these columns of `dx`.
#[inline(always)]
pub(super) unsafe fn backward<T: Real>(
    g: &[T],
    x: &[T],
    size: Size,
    first: usize,
    channels: &[Channel<T>],
    shares: &[(T, T)],
    dx: &Parts<T>,
) {
    let (lines, count) = (Lines::of(channels), channels.len());
    let (constant, slope): (Vec<T>, Vec<T>) = shares.iter().copied().unzip();
    for image in 0..size.n {
        let start = size.plane(image, first);
        let (g, x) = (&g[start..start + count], &x[start..start + count]);
        // SAFETY: the caller's promise.
        let dx = unsafe { dx.part(start, count) };
        for (i, dx) in dx.iter_mut().enumerate() {
            let g = lines.before_relu(i, g[i], x[i]);
            *dx = g.mul_add(lines.scale[i], -(x[i] - lines.mean[i]).mul_add(slope[i], constant[i]));
        }
    }
}

/// The channels' lines, each kind of number in a vector of its own.
struct Lines<T> {
    mean: Vec<T>,
    scale: Vec<T>,
    shift: Vec<T>,
    relu: bool,
}

impl<T: Real> Lines<T> {
    fn of(channels: &[Channel<T>]) -> Self {
        let each = |f: fn(&Channel<T>) -> T| channels.iter().map(f).collect();
        Self {
            mean: each(|channel| channel.line.mean),
            scale: each(|channel| channel.line.scale),
            shift: each(|channel| channel.line.shift),
            relu: channels.first().is_some_and(|channel| channel.line.relu),
        }
    }

    /// The gradient before the ReLU of column `i`, if there is one.
    #[inline(always)]
    fn before_relu(&self, i: usize, g: T, x: T) -> T {
        let positive = (x - self.mean[i]).mul_add(self.scale[i], self.shift[i]) > T::ZERO;
        if positive || !self.relu { g } else { T::ZERO }
    }
}
