//! The tiles that products are made of: their sizes, and where they lie.

use pulp::Simd;

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

/// Rows and registers of a tile: 12 sums, 2 registers of b and one of a are 15 of 16.
pub(crate) const TILE_ROWS: usize = 6;
pub(crate) const TILE_VECTORS: usize = 2;
/// Rows of b that are gone through at a time; with a tile's width, what stays in the first cache.
pub(crate) const DEPTH: usize = 256;

/// Steps of a tile's loop that are written out: what counts and finds places costs as much as the products do.
const UNROLLED: usize = 4;

/// `rows` rows of c, 1 to 6, and `columns` columns, at most those of a tile, as sums over `depth` rows of b, each times a
/// column of a.
///
/// # Safety
/// So much of a and b may be read, whole tiles of b, and so much of c written.
#[inline(always)]
pub(crate) unsafe fn tile_of_rows<T: Real, S: Simd>(
    simd: S,
    (rows, depth, columns): (usize, usize, usize),
    a: Source<T>,
    b: Source<T>,
    c: Target<T>,
    add: bool,
) {
    // SAFETY: the caller's promise.
    unsafe {
        match rows {
            6 => tile_by_rows::<T, S, 6>(simd, depth, a, b, c, columns, add),
            5 => tile_by_rows::<T, S, 5>(simd, depth, a, b, c, columns, add),
            4 => tile_by_rows::<T, S, 4>(simd, depth, a, b, c, columns, add),
            3 => tile_by_rows::<T, S, 3>(simd, depth, a, b, c, columns, add),
            2 => tile_by_rows::<T, S, 2>(simd, depth, a, b, c, columns, add),
            _ => tile_by_rows::<T, S, 1>(simd, depth, a, b, c, columns, add),
        }
    }
}

/// # Safety
/// ROWS rows of a and c, `depth` whole rows of b and `columns` columns of c lie in memory that may be read (written, for c).
#[inline(always)]
unsafe fn tile_by_rows<T: Real, S: Simd, const ROWS: usize>(
    simd: S,
    depth: usize,
    a: Source<T>,
    b: Source<T>,
    c: Target<T>,
    columns: usize,
    add: bool,
) {
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    let zero = T::splat(simd, T::ZERO);
    let mut sums = [[zero; TILE_VECTORS]; ROWS];
    // SAFETY: the caller's promise.
    unsafe {
        let rows: [*const T; ROWS] = std::array::from_fn(|r| a.start.add(r * a.row));
        let mut right = b.start;
        macro_rules! step {
            ($p:expr) => {{
                let row: [T::Vector<S>; TILE_VECTORS] = std::array::from_fn(|v| load::<T, S>(right.add(v * lanes)));
                for (left, sums) in rows.iter().zip(&mut sums) {
                    let x = T::splat(simd, *left.add($p * a.col));
                    for (sum, y) in sums.iter_mut().zip(row) {
                        *sum = T::fma(simd, x, y, *sum);
                    }
                }
                right = right.add(b.row);
            }};
        }
        let whole = depth / UNROLLED * UNROLLED;
        for p in (0..whole).step_by(UNROLLED) {
            for u in 0..UNROLLED {
                step!(p + u);
            }
        }
        for p in whole..depth {
            step!(p);
        }
        let one = T::splat(simd, T::ONE);
        for (r, sums) in sums.iter().enumerate() {
            let to = c.start.add(r * c.row);
            if columns == TILE_VECTORS * lanes {
                for (v, &sum) in sums.iter().enumerate() {
                    let to = to.add(v * lanes);
                    let sum = if add { T::fma(simd, one, load::<T, S>(to), sum) } else { sum };
                    store::<T, S>(to, sum);
                }
            } else {
                // A copy: with its address taken, `sums` itself would have to live in memory.
                let sums = [sums[0], sums[1]];
                let all = sums.as_ptr().cast::<T>();
                for j in 0..columns {
                    *to.add(j) = if add { *to.add(j) + *all.add(j) } else { *all.add(j) };
                }
            }
        }
    }
}

/// Calls `$tile!(rows, columns)` with literals, for what is left of a matrix of dot products: at most 4 × 3, which are 12
/// sums, 3 registers of one matrix and one of the other.
macro_rules! tile_of_dots {
    ($rows:expr, $columns:expr, $tile:ident) => {
        match ($rows, $columns) {
            (4, 3) => $tile!(4, 3),
            (4, 2) => $tile!(4, 2),
            (4, _) => $tile!(4, 1),
            (3, 3) => $tile!(3, 3),
            (3, 2) => $tile!(3, 2),
            (3, _) => $tile!(3, 1),
            (2, 3) => $tile!(2, 3),
            (2, 2) => $tile!(2, 2),
            (2, _) => $tile!(2, 1),
            (_, 3) => $tile!(1, 3),
            (_, 2) => $tile!(1, 2),
            _ => $tile!(1, 1),
        }
    };
}
pub(crate) use tile_of_dots;

/// Rows and columns of the greatest tile of dot products.
pub(crate) const DOTS: (usize, usize) = (4, 3);
