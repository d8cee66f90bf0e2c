//! Channels of one place: columns of a matrix, taken side by side.

use super::after::{After, for_kind};
use super::channels::{Channel, Size, Sums};
use crate::Real;
use crate::normalization::Moments;
use crate::values::Parts;

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
    let (mean, scale, shift) = lines.slices(channels.len());
    for image in 0..size.n {
        let start = size.plane(image, first);
        // SAFETY: the caller's promise.
        let y = unsafe { y.part(start, channels.len()) };
        let x = &x[start..start + channels.len()];
        for_kind!(lines.after, after => {
            for (((y, &x), &mean), (&scale, &shift)) in y.iter_mut().zip(x).zip(mean).zip(scale.iter().zip(shift)) {
                *y = after.value((x - mean).mul_add(scale, shift));
            }
        });
    }
}

#[inline(always)]
pub(super) fn sums<T: Real>(g: &[T], x: &[T], size: Size, first: usize, channels: &[Channel<T>], sums: &mut [Sums]) {
    let (lines, count) = (Lines::of(channels), channels.len());
    let (mean, ..) = lines.slices(count);
    let (mut plain, mut with_x, mut before) = (vec![0.0; count], vec![0.0; count], vec![T::ZERO; count]);
    for image in 0..size.n {
        let start = size.plane(image, first);
        let x = &x[start..start + count];
        let g = lines.before(&g[start..start + count], x, &mut before);
        for (((plain, with_x), (&g, &x)), &mean) in plain.iter_mut().zip(&mut with_x).zip(g.iter().zip(x)).zip(mean) {
            *plain += g.wide();
            *with_x += (g * (x - mean)).wide();
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
    let (mean, scale, _) = lines.slices(count);
    let (constant, slope): (Vec<T>, Vec<T>) = shares.iter().copied().unzip();
    let mut before = vec![T::ZERO; count];
    for image in 0..size.n {
        let start = size.plane(image, first);
        let x = &x[start..start + count];
        let g = lines.before(&g[start..start + count], x, &mut before);
        // SAFETY: the caller's promise.
        let dx = unsafe { dx.part(start, count) };
        let line = mean.iter().zip(scale).zip(constant.iter().zip(&slope));
        for ((dx, (&g, &x)), ((&mean, &scale), (&constant, &slope))) in dx.iter_mut().zip(g.iter().zip(x)).zip(line) {
            *dx = g.mul_add(scale, -(x - mean).mul_add(slope, constant));
        }
    }
}

/// The channels' lines, each kind of number in a vector of its own.
struct Lines<T> {
    mean: Vec<T>,
    scale: Vec<T>,
    shift: Vec<T>,
    after: After<T>,
}

impl<T: Real> Lines<T> {
    fn of(channels: &[Channel<T>]) -> Self {
        let each = |f: fn(&Channel<T>) -> T| channels.iter().map(f).collect();
        Self {
            mean: each(|channel| channel.line.mean),
            scale: each(|channel| channel.line.scale),
            shift: each(|channel| channel.line.shift),
            // The same for all channels.
            after: channels.first().map_or(After::Nothing, |channel| channel.line.after),
        }
    }

    #[inline(always)]
    fn slices(&self, count: usize) -> (&[T], &[T], &[T]) {
        (&self.mean[..count], &self.scale[..count], &self.shift[..count])
    }

    /// The gradients of a row before what comes after, in `before`; `g` itself if that is nothing.
    #[inline(always)]
    fn before<'a>(&self, g: &'a [T], x: &[T], before: &'a mut [T]) -> &'a [T] {
        if matches!(self.after, After::Nothing) {
            return g;
        }
        let (mean, scale, shift) = self.slices(g.len());
        for_kind!(self.after, after => {
            let line = mean.iter().zip(scale).zip(shift);
            for ((before, (&g, &x)), ((&mean, &scale), &shift)) in before.iter_mut().zip(g.iter().zip(x)).zip(line) {
                *before = after.before((x - mean).mul_add(scale, shift), g);
            }
        });
        before
    }
}
