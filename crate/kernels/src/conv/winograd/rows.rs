//! Bᵀ d, straight from the images.
//!
//! All of it is along columns, so a register holds the numbers of one row, as they lie or every second one for a stride of
//! two, and a row beyond the image is a register of zeros.

use std::marker::PhantomData;

use pulp::{Simd, WithSimd};

use super::super::plan::Plan;
use super::Layout;
use super::scheme::{MOST, ROWS, Scheme};
use crate::real::store;
use crate::{Real, real};

/// Lays out the rows of one copy of a channel of some images.
pub(super) struct Rows<'a, T, K> {
    pub layout: &'a Layout,
    pub plan: &'a Plan,
    /// Which copy.
    pub copy: usize,
    /// The line of the laid out image that the first row of the kernel sees at first.
    pub first: usize,
    /// Images of this channel, `apart` from one another.
    pub images: &'a [T],
    pub apart: usize,
    pub to: &'a mut [T],
    /// Numbers from one point to the next.
    pub point: usize,
    pub scheme: PhantomData<K>,
}

impl<T: Real, K: Scheme> Rows<'_, T, K> {
    pub fn run(self) {
        real::dispatch(self);
    }
}

impl<T: Real, K: Scheme> WithSimd for Rows<'_, T, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { layout, plan, copy, first, images, apart, to, point, .. } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let [height, width] = plan.source;
        let [down, across] = plan.view(copy);
        let (left, right) = plan.columns(copy);
        if left == right {
            return;
        }
        let count = images.len().div_ceil(apart);
        assert!(
            right <= layout.pitch
                && (K::POINTS - 1) * point + count * layout.image() + lanes <= to.len()
                && across.at(left).is_some_and(|at| at < width)
                && across.at(right - 1).is_some_and(|at| at < width)
        );
        // In place of rows beyond the image.
        let zeros = vec![T::ZERO; width];
        for (i, image) in images.chunks(apart).enumerate() {
            for u in 0..layout.down {
                let mut rows = [zeros.as_slice(); MOST];
                for (r, row) in rows.iter_mut().enumerate().take(K::POINTS) {
                    if let Some(line) = down.at(first + u * ROWS + r).filter(|&line| line < height) {
                        *row = &image[line * width..(line + 1) * width];
                    }
                }
                let to = to.as_mut_ptr().wrapping_add(i * layout.image() + u * layout.pitch);
                for x in (left..right).step_by(lanes) {
                    // The last register reaches back, if there is a whole one.
                    let x = if right - left < lanes { x } else { x.min(right - lanes) };
                    let n = lanes.min(right - x);
                    let mut d = [T::splat(simd, T::ZERO); MOST];
                    for (d, row) in d.iter_mut().zip(rows).take(K::POINTS) {
                        *d = across.numbers(simd, row, x, n);
                    }
                    let values = K::rows::<T, S>(simd, d);
                    for (p, &value) in values.iter().enumerate().take(K::POINTS) {
                        // SAFETY: by the assertion. What is written beyond the columns is zero; the next row is written later.
                        unsafe { store::<T, S>(to.add(p * point + x), value) };
                    }
                }
            }
        }
    }
}
