//! Sums over pixels of moved images times gradients, for many output channels: the lanes of a register are output channels.

use pulp::{Simd, WithSimd};

use super::panels::PANEL;
use crate::Real;
use crate::real::{load, store};
use crate::tiles::{many_registers, tiles};

/// Pixels after which the next images are taken, so that a panel of gradients stays in the first cache.
const BLOCK: usize = 256;

/// For each offset and output channel, the sum over pixels of image times gradient, in or added to `sums` [offsets, panels].
pub(in super::super) struct Outer<'a, T> {
    pub offsets: &'a [usize],
    pub pixels: usize,
    pub images: &'a [T],
    pub grads: &'a [T],
    /// Pixels from one panel to the next.
    pub apart: usize,
    pub sums: &'a mut [T],
    /// Whether what `sums` holds is added to.
    pub add: bool,
}

impl<T: Real> Outer<'_, T> {
    /// Whether so many output channels fill the panels fairly well.
    pub fn fits(maps: usize) -> bool {
        5 * maps >= 3 * maps.next_multiple_of(PANEL)
    }
}

impl<T: Real> WithSimd for Outer<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { offsets, pixels, images, grads: all_grads, apart, sums, add } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let furthest = offsets.iter().max().map_or(0, |&last| last);
        let width = sums.len() / offsets.len();
        assert!(
            furthest + pixels <= images.len()
                && pixels <= apart
                && sums.len() == width * offsets.len()
                && width.is_multiple_of(PANEL)
                && width * apart <= all_grads.len()
                && PANEL.is_multiple_of(lanes)
        );
        let (all, most) = (width / lanes, if many_registers::<T, S>() { 4 } else { 2 });
        for start in (0..pixels).step_by(BLOCK) {
            let count = BLOCK.min(pixels - start);
            for first in (0..all).step_by(most) {
                // Where registers of the channels lie in their panels.
                let grads = |v: usize| {
                    let (panel, part) = ((first + v) * lanes / PANEL, (first + v) * lanes % PANEL);
                    // SAFETY: by the assertion.
                    unsafe { all_grads.as_ptr().add((panel * apart + start) * PANEL + part) }
                };
                let vectors = most.min(all - first);
                let mut row = 0;
                // One register needs more rows, or each addition would wait for the one before.
                for rows in tiles(offsets.len(), if many_registers::<T, S>() && vectors == 1 { 12 } else { 6 }) {
                    macro_rules! tile {
                        ($rows:literal, $vectors:literal) => {{
                            let images = std::array::from_fn(|r| images[offsets[row + r] + start..].as_ptr());
                            let grads = std::array::from_fn(grads);
                            // SAFETY: by the assertion.
                            unsafe {
                                let to = (sums.as_mut_ptr().add(row * width + first * lanes), width);
                                tile::<T, S, $rows, $vectors>(simd, count, images, grads, to, add || start > 0);
                            }
                        }};
                    }
                    macro_rules! tile_of_vectors {
                        ($rows:literal) => {
                            match vectors {
                                4 if many_registers::<T, S>() => tile!($rows, 4),
                                3 if many_registers::<T, S>() => tile!($rows, 3),
                                2 => tile!($rows, 2),
                                _ => tile!($rows, 1),
                            }
                        };
                    }
                    match rows {
                        12 if many_registers::<T, S>() => tile!(12, 1),
                        11 if many_registers::<T, S>() => tile!(11, 1),
                        10 if many_registers::<T, S>() => tile!(10, 1),
                        9 if many_registers::<T, S>() => tile!(9, 1),
                        8 if many_registers::<T, S>() => tile!(8, 1),
                        7 if many_registers::<T, S>() => tile!(7, 1),
                        6 => tile_of_vectors!(6),
                        5 => tile_of_vectors!(5),
                        4 => tile_of_vectors!(4),
                        3 => tile_of_vectors!(3),
                        2 => tile_of_vectors!(2),
                        _ => tile_of_vectors!(1),
                    }
                    row += rows;
                }
            }
        }
    }
}

/// # Safety
/// `pixels` numbers may be read from each of `images` on, and from each of `grads` on a register for each pixel, `PANEL`
/// apart; and as many registers read and written at each of `ROWS` places of the sums, which are `to.1` apart.
#[inline(always)]
unsafe fn tile<T: Real, S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    pixels: usize,
    images: [*const T; ROWS],
    grads: [*const T; VECTORS],
    to: (*mut T, usize),
    add: bool,
) {
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    let mut sums = [[T::splat(simd, T::ZERO); VECTORS]; ROWS];
    // SAFETY: the caller's promise.
    unsafe {
        for p in 0..pixels {
            let g: [T::Vector<S>; VECTORS] = std::array::from_fn(|v| load::<T, S>(grads[v].add(p * PANEL)));
            for (sums, image) in sums.iter_mut().zip(images) {
                let x = T::splat(simd, *image.add(p));
                for (sum, g) in sums.iter_mut().zip(g) {
                    *sum = T::fma(simd, x, g, *sum);
                }
            }
        }
        let one = T::splat(simd, T::ONE);
        for (r, sums) in sums.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                let to = to.0.add(r * to.1 + v * lanes);
                store::<T, S>(to, if add { T::fma(simd, one, load::<T, S>(to), sum) } else { sum });
            }
        }
    }
}
