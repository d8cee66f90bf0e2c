//! Channels that lie in memory as one plane an image.

use super::channels::{Channel, Size, Sums};
use crate::normalization::Moments;
use crate::values::Parts;
use crate::{Real, real};

#[inline(always)]
pub(super) fn moments<T: Real>(x: &[T], size: Size, first: usize, moments: &mut [Moments]) {
    for (i, moments) in moments.iter_mut().enumerate() {
        *moments = Moments::of(
            size.n,
            #[inline(always)]
            |image| &x[size.plane(image, first + i)..][..size.s],
        );
    }
}

/// # Safety
/// Nobody else has parts of these channels of `y`.
#[inline(always)]
pub(super) unsafe fn forward<T: Real>(x: &[T], size: Size, first: usize, channels: &[Channel<T>], y: &Parts<T>) {
    for (i, channel) in channels.iter().enumerate() {
        for image in 0..size.n {
            let start = size.plane(image, first + i);
            // SAFETY: a plane belongs to one channel.
            channel.line.forward(&x[start..start + size.s], unsafe { y.part(start, size.s) });
        }
    }
}

#[inline(always)]
pub(super) fn sums<T: Real>(g: &[T], x: &[T], size: Size, first: usize, channels: &[Channel<T>], sums: &mut [Sums]) {
    for (i, (channel, sums)) in channels.iter().zip(sums).enumerate() {
        for image in 0..size.n {
            let start = size.plane(image, first + i);
            if image + 1 < size.n {
                let next = size.plane(image + 1, first + i);
                real::prefetch_all(&g[next..next + size.s]);
                real::prefetch_all(&x[next..next + size.s]);
            }
            let (plain, with_x) = channel.line.sums(&g[start..start + size.s], &x[start..start + size.s]);
            sums.0 += plain;
            sums.1 += with_x;
        }
    }
}

/// # Safety
/// Nobody else has parts of these channels of `dx`.
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
    for (i, (channel, &(constant, slope))) in channels.iter().zip(shares).enumerate() {
        // Backwards: what the sums read last is still in the cache.
        for image in (0..size.n).rev() {
            let start = size.plane(image, first + i);
            // SAFETY: a plane belongs to one channel.
            let dx = unsafe { dx.part(start, size.s) };
            channel.line.backward(&g[start..start + size.s], &x[start..start + size.s], constant, slope, dx);
        }
    }
}
