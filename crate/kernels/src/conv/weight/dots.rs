//! Dot products of moved images with gradients, for few output channels: the lanes of a register are pixels.
//!
//! Adding up the lanes at the end costs as much as some hundred pixels, so a tile of products stays in registers over
//! several images.

use pulp::{Simd, WithSimd};

use crate::Real;
use crate::real::load;
use crate::tiles::{DOTS, Source, tile_of_dots};

/// Dot products of `count` images at each offset with the gradients of each output channel, added to `sums` [maps, offsets].
pub(in super::super) struct Dots<'a, T> {
    pub offsets: &'a [usize],
    /// A multiple of 16.
    pub pixels: usize,
    pub count: usize,
    pub images: &'a [T],
    /// Numbers from one image to the next.
    pub image: usize,
    pub grads: &'a [T],
    pub maps: usize,
    pub sums: &'a mut [T],
}

impl<T: Real> WithSimd for Dots<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { offsets, pixels, count, images, image, grads, maps, sums } = self;
        let furthest = offsets.iter().max().map_or(0, |&last| last);
        assert!(
            count > 0
                && furthest + pixels <= image
                && count * image <= images.len()
                && count * maps * pixels <= grads.len()
                && maps * offsets.len() <= sums.len()
        );
        for m in (0..maps).step_by(DOTS.0) {
            for k in (0..offsets.len()).step_by(DOTS.1) {
                macro_rules! tile {
                    ($rows:literal, $columns:literal) => {{
                        let at = std::array::from_fn(|c| offsets[k + c]);
                        // SAFETY: by the assertion above.
                        let dots = unsafe {
                            dots::<T, S, $rows, $columns>(
                                simd,
                                (count, pixels),
                                (Source::rows(images.as_ptr(), image), at),
                                Source::rows(grads.as_ptr().add(m * pixels), maps * pixels),
                            )
                        };
                        for (r, row) in dots.into_iter().enumerate() {
                            for (c, dot) in row.into_iter().enumerate() {
                                sums[(m + r) * offsets.len() + k + c] += dot;
                            }
                        }
                    }};
                }
                tile_of_dots!(DOTS.0.min(maps - m), DOTS.1.min(offsets.len() - k), tile)
            }
        }
    }
}

/// # Safety
/// `pixels` numbers may be read at each place of each image and of each gradient; gradients of one image lie `pixels`
/// apart, those of images a row of `grads`.
#[inline(always)]
unsafe fn dots<T: Real, S: Simd, const ROWS: usize, const COLUMNS: usize>(
    simd: S,
    (count, pixels): (usize, usize),
    (images, at): (Source<T>, [usize; COLUMNS]),
    grads: Source<T>,
) -> [[T; COLUMNS]; ROWS] {
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    let mut sums = [[T::splat(simd, T::ZERO); COLUMNS]; ROWS];
    // SAFETY: the caller's promise.
    unsafe {
        for i in 0..count {
            let image: [*const T; COLUMNS] = std::array::from_fn(|c| images.from(i, at[c]).start);
            let grad = grads.from(i, 0).start;
            for p in (0..pixels).step_by(lanes) {
                let x: [T::Vector<S>; COLUMNS] = std::array::from_fn(|c| load::<T, S>(image[c].add(p)));
                for (r, sums) in sums.iter_mut().enumerate() {
                    let g = load::<T, S>(grad.add(r * pixels + p));
                    for (sum, x) in sums.iter_mut().zip(x) {
                        *sum = T::fma(simd, g, x, *sum);
                    }
                }
            }
        }
    }
    sums.map(|row| row.map(|sum| T::sum_lanes(simd, sum)))
}
