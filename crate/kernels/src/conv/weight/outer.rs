//! Sums over pixels of moved images times gradients, for many output channels: the lanes of a register are output channels.

use pulp::{Simd, WithSimd};

use crate::Real;
use crate::real::{load, store};
use crate::tiles::{most_rows, tile_of, tiles};

/// Output channels whose gradients lie beside one another.
pub(in super::super) const PANEL: usize = 16;
/// Pixels after which the next images are taken, so that a panel of gradients stays in the first cache.
const BLOCK: usize = 256;

/// Lays gradients [maps, rows, columns] out by panel, pixel along the pitch, channel; panels are `pixels` times
/// [`PANEL`] apart. The numbers between rows, and those of channels that are not there, are left as they are.
#[inline(always)]
pub(in super::super) fn panels<T: Real>(
    g: &[T],
    [rows, columns]: [usize; 2],
    pitch: usize,
    pixels: usize,
    to: &mut [T],
) {
    let image = rows * columns;
    for (g, to) in g.chunks(PANEL * image).zip(to.chunks_exact_mut(pixels * PANEL)) {
        for r in 0..rows {
            let to = to[r * pitch * PANEL..][..columns * PANEL].chunks_exact_mut(PANEL);
            if g.len() == PANEL * image {
                let row: [&[T]; PANEL] = std::array::from_fn(|m| &g[m * image + r * columns..][..columns]);
                for (x, to) in to.enumerate() {
                    let all: [T; PANEL] = std::array::from_fn(|m| row[m][x]);
                    to.copy_from_slice(&all);
                }
            } else {
                for (x, to) in to.enumerate() {
                    for (to, g) in to.iter_mut().zip(g.chunks_exact(image)) {
                        *to = g[r * columns + x];
                    }
                }
            }
        }
    }
}

/// For each offset and output channel, the sum over pixels of image times gradient, added to `sums` [offsets, panels].
pub(in super::super) struct Outer<'a, T> {
    pub offsets: &'a [usize],
    pub pixels: usize,
    pub images: &'a [T],
    pub grads: &'a [T],
    /// Pixels from one panel to the next.
    pub apart: usize,
    pub sums: &'a mut [T],
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
        let Self { offsets, pixels, images, grads: all_grads, apart, sums } = self;
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
        let vectors = width / lanes;
        for start in (0..pixels).step_by(BLOCK) {
            let count = BLOCK.min(pixels - start);
            for vector in (0..vectors).step_by(2) {
                // Where register `v` of the channels lies in their panel.
                let grads = |v: usize| ((v * lanes / PANEL) * apart + start) * PANEL + v * lanes % PANEL;
                let mut first = 0;
                for rows in tiles(offsets.len(), most_rows::<T, S>()) {
                    macro_rules! tile {
                        ($rows:literal) => {{
                            let at = std::array::from_fn(|r| offsets[first + r] + start);
                            // SAFETY: by the assertion.
                            unsafe {
                                let g = |v| all_grads.as_ptr().add(grads(vector + v));
                                let to = (sums.as_mut_ptr().add(first * width + vector * lanes), width);
                                match vector + 1 < vectors {
                                    true => {
                                        tile::<T, S, $rows, 2>(simd, count, (images.as_ptr(), at), [g(0), g(1)], to);
                                    }
                                    false => tile::<T, S, $rows, 1>(simd, count, (images.as_ptr(), at), [g(0)], to),
                                }
                            }
                        }};
                    }
                    tile_of!(rows, most_rows::<T, S>(), tile);
                    first += rows;
                }
            }
        }
    }
}

/// # Safety
/// `pixels` numbers may be read at each place of the images, and from each of `grads` on a register for each pixel, `PANEL`
/// apart; and as many registers read and written at each of `ROWS` places of the sums, which are `to.1` apart.
#[inline(always)]
unsafe fn tile<T: Real, S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    pixels: usize,
    (images, at): (*const T, [usize; ROWS]),
    grads: [*const T; VECTORS],
    to: (*mut T, usize),
) {
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    let mut sums = [[T::splat(simd, T::ZERO); VECTORS]; ROWS];
    // SAFETY: the caller's promise.
    unsafe {
        let images: [*const T; ROWS] = std::array::from_fn(|r| images.add(at[r]));
        for p in 0..pixels {
            let g = grads.map(|grads| load::<T, S>(grads.add(p * PANEL)));
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
                store::<T, S>(to, T::fma(simd, one, load::<T, S>(to), sum));
            }
        }
    }
}
