//! Tiles of sums of moved images: some channels by some registers of pixels.

use std::marker::PhantomData;
use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::real::{load, store};
use crate::tiles::{many_registers, tiles};
use crate::{Real, real, threads};

/// The most rows of a tile: 6 × 2 sums, or 12 × 2 where there are 32 registers.
#[inline(always)]
pub(super) const fn most_rows<T: Real, S: Simd>() -> usize {
    if many_registers::<T, S>() { 12 } else { 6 }
}

/// [`most_rows`] of the instruction set in use.
pub(super) fn most_rows_in_use<T: Real>() -> usize {
    struct Most<T>(PhantomData<T>);
    impl<T: Real> WithSimd for Most<T> {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            most_rows::<T, S>()
        }
    }
    real::dispatch(Most::<T>(PhantomData))
}

/// The target channels in ranges of whole tiles, so many that each thread has one where there are only a few `pieces` of a batch.
/// What is laid out is laid out for each of them.
pub(super) fn shares<T: Real>(targets: usize, pieces: usize) -> Vec<Range<usize>> {
    let heights: Vec<usize> = tiles(targets, most_rows_in_use::<T>()).collect();
    let count = threads::count().div_ceil(pieces).clamp(1, heights.len());
    let mut first = 0;
    let share = |heights: &[usize]| {
        let start = first;
        first += heights.iter().sum::<usize>();
        start..first
    };
    heights.chunks(heights.len().div_ceil(count)).map(share).collect()
}

/// The most registers in each of so many rows, so that the sums fill the registers.
#[inline(always)]
const fn most_vectors<T: Real, S: Simd>(rows: usize) -> usize {
    match (rows, many_registers::<T, S>()) {
        (1, _) | (2 | 3, true) => 6,
        (2, false) => 4,
        (3, false) | (4..=6, true) => 3,
        _ => 2,
    }
}

/// Sums for some channels over a row of pixels.
pub(super) struct Tiles<'a, T> {
    /// Where the number for the first pixel lies, for each weight of a channel.
    pub offsets: &'a [usize],
    /// Of all channels for the first offset, then for the next.
    pub weights: *const T,
    /// Channels, at most [`most_rows`].
    pub rows: usize,
    pub pixels: usize,
    pub from: *const T,
    /// The sums of a channel lie together, those of the next `pitch` further.
    pub to: *mut T,
    pub pitch: usize,
}

impl<T: Real> Tiles<'_, T> {
    /// Writes whole registers, the last of which may reach beyond the pixels.
    ///
    /// # Safety
    /// So many pixels, up to a whole register, may be read from `from` plus each offset and written at each row of `to`,
    /// and `rows` weights read for each offset.
    #[inline(always)]
    pub unsafe fn run<S: Simd>(self, simd: S) {
        // A function of its own: it is compiled once for all that use it.
        simd.vectorize(self);
    }
}

impl<T: Real> WithSimd for Tiles<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        macro_rules! row {
            ($rows:literal) => {
                self.row::<S, $rows>(simd)
            };
        }
        match self.rows {
            12 if many_registers::<T, S>() => row!(12),
            11 if many_registers::<T, S>() => row!(11),
            10 if many_registers::<T, S>() => row!(10),
            9 if many_registers::<T, S>() => row!(9),
            8 if many_registers::<T, S>() => row!(8),
            7 if many_registers::<T, S>() => row!(7),
            6 => row!(6),
            5 => row!(5),
            4 => row!(4),
            3 => row!(3),
            2 => row!(2),
            _ => row!(1),
        }
    }
}

impl<T: Real> Tiles<'_, T> {
    #[inline(always)]
    fn row<S: Simd, const ROWS: usize>(&self, simd: S) {
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let most = most_vectors::<T, S>(ROWS);
        let mut p = 0;
        while p < self.pixels {
            let left = (self.pixels - p).div_ceil(lanes);
            // SAFETY: as the caller of `run` promised.
            p += lanes
                * unsafe {
                    match () {
                        () if most == 6 && left >= 6 => tile::<T, S, ROWS, 6>(simd, self, p),
                        () if most == 4 && left >= 4 => tile::<T, S, ROWS, 4>(simd, self, p),
                        () if most >= 3 && left >= 3 => tile::<T, S, ROWS, 3>(simd, self, p),
                        () if left >= 2 => tile::<T, S, ROWS, 2>(simd, self, p),
                        () => tile::<T, S, ROWS, 1>(simd, self, p),
                    }
                };
        }
    }
}

/// `ROWS` by `VECTORS` registers from pixel `p` on; returns `VECTORS`.
///
/// # Safety
/// That of [`Tiles::run`].
#[inline(always)]
unsafe fn tile<T: Real, S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    tiles: &Tiles<T>,
    p: usize,
) -> usize {
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    let mut sums = [[T::splat(simd, T::ZERO); VECTORS]; ROWS];
    let mut weights = tiles.weights;
    // SAFETY: the caller's promise.
    unsafe {
        let (from, to) = (tiles.from.add(p), tiles.to.add(p));
        for &offset in tiles.offsets {
            let from = from.add(offset);
            let x: [T::Vector<S>; VECTORS] = std::array::from_fn(|v| load::<T, S>(from.add(v * lanes)));
            for (r, sums) in sums.iter_mut().enumerate() {
                let weight = T::splat(simd, *weights.add(r));
                for (sum, x) in sums.iter_mut().zip(x) {
                    *sum = T::fma(simd, weight, x, *sum);
                }
            }
            weights = weights.add(ROWS);
        }
        for (r, sums) in sums.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                store::<T, S>(to.add(r * tiles.pitch + v * lanes), sum);
            }
        }
    }
    VECTORS
}
