//! Dot products of moved images with gradients, for few output channels: the lanes of a register are pixels.
//!
//! Adding up the lanes at the end costs as much as some hundred pixels, so a tile of products stays in registers over
//! several images.

use crate::Real;
use crate::dots::{Dots, TILE_OF_DOTS, WithDots, lanes, tile_of_dots};
use crate::tiles::Source;

/// Dot products of `count` images at each offset with the gradients of each output channel, added to `sums` [maps, offsets].
pub(in super::super) struct Correlations<'a, T> {
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

impl<T: Real> WithDots<T> for Correlations<'_, T> {
    #[inline(always)]
    fn with_dots<D: Dots<T>>(self, dots: D) {
        let Self { offsets, pixels, count, images, image, grads, maps, sums } = self;
        let furthest = offsets.iter().max().map_or(0, |&last| last);
        assert!(
            count > 0
                && pixels.is_multiple_of(lanes::<T>())
                && furthest + pixels <= image
                && count * image <= images.len()
                && count * maps * pixels <= grads.len()
                && maps * offsets.len() <= sums.len()
        );
        let width = TILE_OF_DOTS.1 * D::TOGETHER;
        for m in (0..maps).step_by(TILE_OF_DOTS.0) {
            for k in (0..offsets.len()).step_by(width) {
                let offsets_here = &offsets[k..offsets.len().min(k + width)];
                macro_rules! tile {
                    ($rows:literal, $registers:literal) => {{
                        // SAFETY: by the assertion above.
                        let tile = unsafe {
                            tile::<T, D, $rows, $registers>(
                                dots,
                                (count, pixels),
                                (Source::rows(images.as_ptr(), image), offsets_here),
                                Source::rows(grads.as_ptr().add(m * pixels), maps * pixels),
                            )
                        };
                        for (r, row) in tile.into_iter().enumerate() {
                            let sums = &mut sums[(m + r) * offsets.len() + k..][..offsets_here.len()];
                            for (sums, register) in sums.chunks_mut(D::TOGETHER).zip(row) {
                                sums.iter_mut().zip(dots.sums(register)).for_each(|(sum, dot)| *sum += dot);
                            }
                        }
                    }};
                }
                tile_of_dots!(TILE_OF_DOTS.0.min(maps - m), offsets_here.len().div_ceil(D::TOGETHER), tile)
            }
        }
    }
}

/// # Safety
/// `pixels` numbers may be read at each place of each image and of each gradient; gradients of one image lie `pixels`
/// apart, those of images a row of `grads`.
#[inline(always)]
unsafe fn tile<T: Real, D: Dots<T>, const ROWS: usize, const REGISTERS: usize>(
    dots: D,
    (count, pixels): (usize, usize),
    (images, offsets): (Source<T>, &[usize]),
    grads: Source<T>,
) -> [[D::Register; REGISTERS]; ROWS] {
    // The last register may have a product too many: it is the one beside it once more.
    let at = |c: usize| offsets[c.min(offsets.len() - 1)];
    let at: [[usize; 2]; REGISTERS] = std::array::from_fn(|r| [at(r * D::TOGETHER), at(r * D::TOGETHER + 1)]);
    let mut sums = [[dots.zero(); REGISTERS]; ROWS];
    // SAFETY: the caller's promise.
    unsafe {
        for i in 0..count {
            let image: [[*const T; 2]; REGISTERS] =
                std::array::from_fn(|r| [images.from(i, at[r][0]).start, images.from(i, at[r][1]).start]);
            let grad = grads.from(i, 0).start;
            for p in (0..pixels).step_by(lanes::<T>()) {
                let x: [D::Register; REGISTERS] =
                    std::array::from_fn(|r| dots.own([image[r][0].add(p), image[r][1].add(p)]));
                for (r, sums) in sums.iter_mut().enumerate() {
                    let g = dots.shared(grad.add(r * pixels + p));
                    for (sum, x) in sums.iter_mut().zip(x) {
                        *sum = dots.fma(g, x, *sum);
                    }
                }
            }
        }
    }
    sums
}
