//! The tiles that products are made of: their sizes, and where they lie.

use pulp::{Simd, WithSimd};

use crate::Real;
use crate::real::{load, store};

/// A matrix in memory that is not checked: element (i, j) is at `start + i * row + j * col`.
#[derive(Clone, Copy)]
pub(crate) struct Source<T> {
    pub start: *const T,
    pub row: usize,
    pub col: usize,
}

impl<T> Source<T> {
    /// Rows that lie together, `row` apart.
    #[inline(always)]
    pub fn rows(start: *const T, row: usize) -> Self {
        Self { start, row, col: 1 }
    }

    /// The part from (i, j) on.
    ///
    /// # Safety
    /// It is inside.
    #[inline(always)]
    pub unsafe fn from(self, i: usize, j: usize) -> Self {
        // SAFETY: the caller's promise.
        Self { start: unsafe { self.start.add(i * self.row + j * self.col) }, ..self }
    }
}

/// A matrix to write to, in rows `row` apart.
#[derive(Clone, Copy)]
pub(crate) struct Target<T> {
    pub start: *mut T,
    pub row: usize,
}

impl<T> Target<T> {
    /// The part from (i, j) on.
    ///
    /// # Safety
    /// It is inside.
    #[inline(always)]
    pub unsafe fn from(self, i: usize, j: usize) -> Self {
        // SAFETY: the caller's promise.
        Self { start: unsafe { self.start.add(i * self.row + j) }, ..self }
    }
}

// SAFETY: whoever shares one writes disjoint parts.
unsafe impl<T: Send> Sync for Target<T> {}

/// The most rows of a tile of a product.
pub(crate) const TILE_ROWS: usize = 6;
/// The most columns of a tile.
const MOST_COLUMNS: usize = 64;
/// Rows of b that are gone through at a time.
pub(crate) const DEPTH: usize = 256;

/// Whether there are 32 registers, of 512 bits, and not 16.
#[inline(always)]
pub(crate) const fn many_registers<T: Real, S: Simd>() -> bool {
    size_of::<T::Vector<S>>() == 64
}

/// Registers in a row of a tile. 6 × 2 sums, 2 registers of b and one of a are 15 of 16; 6 × 4, 4 and one are 29 of 32.
#[inline(always)]
pub(crate) const fn tile_vectors<T: Real, S: Simd>() -> usize {
    if many_registers::<T, S>() { 4 } else { 2 }
}

/// `n` rows in tiles of at most so many, about as many in each: few rows do not keep the multipliers busy.
#[inline(always)]
pub(crate) fn tiles(n: usize, most: usize) -> impl Iterator<Item = usize> {
    let count = n.div_ceil(most);
    (0..count).map(move |i| n / count + usize::from(i < n % count))
}

/// Steps of a tile's loop that are written out: what counts and finds places costs as much as the products of a small
/// tile do. Of a large one LLVM would keep the sums in memory.
const fn unrolled(sums: usize) -> usize {
    if sums > 12 { 1 } else { 4 }
}

/// `rows` rows of c, at most [`TILE_ROWS`], and `columns` columns, at most those of a tile, as sums over `depth` rows of b,
/// each times a column of a.
pub(crate) struct Tile<T> {
    pub rows: usize,
    pub depth: usize,
    pub columns: usize,
    pub a: Source<T>,
    pub b: Source<T>,
    pub c: Target<T>,
    /// Whether the sums are added to c.
    pub add: bool,
}

impl<T: Real> Tile<T> {
    /// # Safety
    /// So much of a and b may be read, whole registers of b, and so much of c written.
    #[inline(always)]
    pub unsafe fn run<S: Simd>(self, simd: S) {
        // A function of its own: it is compiled once for all products, and what it needs is not worked out before.
        simd.vectorize(self);
    }
}

impl<T: Real> WithSimd for Tile<T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        macro_rules! tile {
            ($rows:literal) => {
                match self.columns.div_ceil(lanes) {
                    4 if many_registers::<T, S>() => sums::<T, S, $rows, 4>(simd, &self),
                    3 if many_registers::<T, S>() => sums::<T, S, $rows, 3>(simd, &self),
                    2 => sums::<T, S, $rows, 2>(simd, &self),
                    _ => sums::<T, S, $rows, 1>(simd, &self),
                }
            };
        }
        // SAFETY: as the caller of `run` promised.
        unsafe {
            match self.rows {
                6 => tile!(6),
                5 => tile!(5),
                4 => tile!(4),
                3 => tile!(3),
                2 => tile!(2),
                _ => tile!(1),
            }
        }
    }
}

/// # Safety
/// That of [`Tile::run`], for ROWS rows and VECTORS registers.
#[inline(always)]
unsafe fn sums<T: Real, S: Simd, const ROWS: usize, const VECTORS: usize>(simd: S, tile: &Tile<T>) {
    let &Tile { depth, columns, a, b, c, add, .. } = tile;
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    let zero = T::splat(simd, T::ZERO);
    let mut sums = [[zero; VECTORS]; ROWS];
    // SAFETY: the caller's promise.
    unsafe {
        let rows: [*const T; ROWS] = std::array::from_fn(|r| a.start.add(r * a.row));
        let mut right = b.start;
        macro_rules! step {
            ($p:expr) => {{
                let row: [T::Vector<S>; VECTORS] = std::array::from_fn(|v| load::<T, S>(right.add(v * lanes)));
                for (left, sums) in rows.iter().zip(&mut sums) {
                    let x = T::splat(simd, *left.add($p * a.col));
                    for (sum, y) in sums.iter_mut().zip(row) {
                        *sum = T::fma(simd, x, y, *sum);
                    }
                }
                right = right.add(b.row);
            }};
        }
        let unrolled = const { unrolled(ROWS * VECTORS) };
        let whole = depth / unrolled * unrolled;
        for p in (0..whole).step_by(unrolled) {
            for u in 0..unrolled {
                step!(p + u);
            }
        }
        for p in whole..depth {
            step!(p);
        }
        let one = T::splat(simd, T::ONE);
        for (r, sums) in sums.iter().enumerate() {
            let to = c.start.add(r * c.row);
            if columns == VECTORS * lanes {
                for (v, &sum) in sums.iter().enumerate() {
                    let to = to.add(v * lanes);
                    let sum = if add { T::fma(simd, one, load::<T, S>(to), sum) } else { sum };
                    store::<T, S>(to, sum);
                }
            } else {
                // A copy: with its address taken, `sums` itself would have to live in memory.
                let mut all = [T::ZERO; MOST_COLUMNS];
                for (v, &sum) in sums.iter().enumerate() {
                    store::<T, S>(all.as_mut_ptr().add(v * lanes), sum);
                }
                store_part(&all[..columns], to, add);
            }
        }
    }
}

/// Writes the columns of a row that do not fill a register.
///
/// # Safety
/// So many numbers may be read and written at `to`.
#[inline(never)]
unsafe fn store_part<T: Real>(sums: &[T], to: *mut T, add: bool) {
    for (j, &sum) in sums.iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe { *to.add(j) = if add { *to.add(j) + sum } else { sum } };
    }
}
