//! Sums over pixels of moved images times gradients, for many output channels: the lanes of a register are output channels.

use pulp::{Simd, WithSimd};

use super::super::direct::tiles;
use crate::Real;
use crate::real::{load, store};

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
        let Self { offsets, pixels, images, grads, apart, sums } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let furthest = offsets.iter().max().map_or(0, |&last| last);
        let width = sums.len() / offsets.len();
        assert!(
            furthest + pixels <= images.len()
                && pixels <= apart
                && sums.len() == width * offsets.len()
                && width.is_multiple_of(PANEL)
                && width * apart <= grads.len()
                && PANEL.is_multiple_of(2 * lanes)
        );
        for panel in 0..width / PANEL {
            for start in (0..pixels).step_by(BLOCK) {
                let count = BLOCK.min(pixels - start);
                for part in (0..PANEL).step_by(2 * lanes) {
                    let mut first = 0;
                    for rows in tiles(offsets.len()) {
                        macro_rules! tile {
                            ($rows:literal) => {{
                                let at = std::array::from_fn(|r| offsets[first + r] + start);
                                // SAFETY: by the assertion.
                                unsafe {
                                    tile::<T, S, $rows>(
                                        simd,
                                        count,
                                        (images.as_ptr(), at),
                                        grads.as_ptr().add((panel * apart + start) * PANEL + part),
                                        (sums.as_mut_ptr().add(first * width + panel * PANEL + part), width),
                                    );
                                }
                            }};
                        }
                        match rows {
                            6 => tile!(6),
                            5 => tile!(5),
                            4 => tile!(4),
                            3 => tile!(3),
                            2 => tile!(2),
                            _ => tile!(1),
                        }
                        first += rows;
                    }
                }
            }
        }
    }
}

/// # Safety
/// `pixels` numbers may be read at each place of the images, two registers of gradients for each pixel, `PANEL` apart;
/// and two registers read and written at each of `ROWS` places of the sums, which are `to.1` apart.
#[inline(always)]
unsafe fn tile<T: Real, S: Simd, const ROWS: usize>(
    simd: S,
    pixels: usize,
    (images, at): (*const T, [usize; ROWS]),
    grads: *const T,
    to: (*mut T, usize),
) {
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    let mut sums = [[T::splat(simd, T::ZERO); 2]; ROWS];
    // SAFETY: the caller's promise.
    unsafe {
        let images: [*const T; ROWS] = std::array::from_fn(|r| images.add(at[r]));
        for p in 0..pixels {
            let grads = grads.add(p * PANEL);
            let g = [load::<T, S>(grads), load::<T, S>(grads.add(lanes))];
            for (sums, image) in sums.iter_mut().zip(images) {
                let x = T::splat(simd, *image.add(p));
                sums[0] = T::fma(simd, x, g[0], sums[0]);
                sums[1] = T::fma(simd, x, g[1], sums[1]);
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
