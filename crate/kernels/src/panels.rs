//! Products with a right matrix that was copied into the order in which a tile reads it.
//!
//! As it lies, the columns of a tile are a row apart in memory; with rows of a power of two they fall into a few places
//! of the first cache and push one another out. In panels as wide as a tile, each in one piece, they do not. The copy
//! is worth while where the matrix is used again and again, such as the weight of a recurrence at every step, or where
//! the product is large.

use std::marker::PhantomData;

use pulp::{Simd, WithSimd};

use super::tiles::{self, DEPTH, Source, TILE_ROWS, Target, Tile, tile_vectors};
use super::values::unwritten;
use super::{Real, real, threads};

/// A k × n matrix in panels of columns.
pub(crate) struct Panels<T> {
    data: Vec<T>,
    /// Where the first panel starts: at a cache line.
    start: usize,
    width: usize,
    k: usize,
    n: usize,
}

impl<T: Real> Panels<T> {
    /// Copies the matrix whose rows are given by their number.
    pub(crate) fn of_rows<'a>((k, n): (usize, usize), row: impl Fn(usize) -> &'a [T] + Sync) -> Self {
        Self::filled((k, n), |first, width, to| {
            let columns = width.min(n - first);
            for (p, to) in to.chunks_exact_mut(width).enumerate() {
                let (to, rest) = to.split_at_mut(columns);
                to.copy_from_slice(&row(p)[first..first + columns]);
                rest.fill(T::ZERO);
            }
        })
    }

    /// Copies the matrix whose columns are given by their number.
    pub(crate) fn of_columns<'a>((k, n): (usize, usize), column: impl Fn(usize) -> &'a [T] + Sync) -> Self {
        Self::filled((k, n), |first, width, to| {
            let columns = width.min(n - first);
            if columns < width {
                to.fill(T::ZERO);
            }
            for j in 0..columns {
                for (to, &x) in to.chunks_exact_mut(width).zip(&column(first + j)[..k]) {
                    to[j] = x;
                }
            }
        })
    }

    /// `fill` is given the first column, the width and the memory of each panel, and writes all of it.
    fn filled((k, n): (usize, usize), fill: impl Fn(usize, usize, &mut [T]) + Sync) -> Self {
        assert!(k > 0 && n > 0, "an empty matrix");
        let width = real::dispatch(Width::<T>(PhantomData));
        let (line, size) = (64 / size_of::<T>(), n.div_ceil(width) * width * k);
        // SAFETY: `fill` writes all panels, and nothing else is read.
        let mut data: Vec<T> = unsafe { unwritten(size + line) };
        let start = data.as_ptr().align_offset(64).min(line);
        let length = width * k;
        threads::run_chunks(&mut data[start..][..size], length, |at, to| fill(at / length * width, width, to));
        Self { data, start, width, k, n }
    }

    /// `depth` rows of the panel that starts with column `j`.
    #[inline(always)]
    fn part(&self, j: usize, start: usize, depth: usize) -> &[T] {
        &self.data[self.start + j * self.k + start * self.width..][..depth * self.width]
    }

    /// c ← a b, or c ← c + a b if `add`, on the calling thread; a is m × k with rows `a.1` apart, c is m × n with rows
    /// `c.1` apart.
    pub(crate) fn multiply(&self, m: usize, a: (&[T], usize), c: (&mut [T], usize), add: bool) {
        let inside = |width: usize, pitch: usize, length: usize| (m - 1) * pitch + width <= length && width <= pitch;
        assert!(
            m > 0 && inside(self.k, a.1, a.0.len()) && inside(self.n, c.1, c.0.len()),
            "a product outside its matrices"
        );
        real::dispatch(Multiply { panels: self, m, a, c, add });
    }
}

/// The columns of a matrix as tiles of [`multiply_transposed`]: the first and how many.
pub(crate) fn tiles(columns: usize) -> Vec<(usize, usize)> {
    let mut first = 0;
    let tile = |width| {
        first += width;
        (first - width, width)
    };
    tiles::tiles(columns, TILE_ROWS).map(tile).collect()
}

/// Copies a tile's columns of rows `pitch` apart, for [`multiply_transposed`]; `from` starts with the first of them.
#[inline(always)]
pub(crate) fn copy_tile<T: Real>(from: &[T], pitch: usize, (columns, to): (usize, &mut [T])) {
    #[inline(always)]
    fn copy<T: Real, const COLUMNS: usize>(from: &[T], pitch: usize, to: &mut [T]) {
        for (p, to) in to.as_chunks_mut::<COLUMNS>().0.iter_mut().enumerate() {
            to.copy_from_slice(&from[p * pitch..][..COLUMNS]);
        }
    }
    match columns {
        6 => copy::<T, 6>(from, pitch, to),
        5 => copy::<T, 5>(from, pitch, to),
        4 => copy::<T, 4>(from, pitch, to),
        3 => copy::<T, 3>(from, pitch, to),
        2 => copy::<T, 2>(from, pitch, to),
        _ => copy::<T, 1>(from, pitch, to),
    }
}

/// c ← aᵀ b for each (b, c), on the calling thread; a is k × m, in consecutive [`tiles`] of it, each in rows of its
/// own; each c is m × n in rows of n.
pub(crate) fn multiply_transposed<'a, T: Real>(
    a: &[T],
    tiles: &[(usize, usize)],
    products: &mut [(&'a Panels<T>, &'a mut [T])],
) {
    let (Some(k), Some(&(first, _))) = (products.first().map(|(b, _)| b.k), tiles.first()) else { return };
    let m: usize = tiles.iter().map(|(_, columns)| columns).sum();
    assert!(a.len() == m * k, "a product outside its matrices");
    assert!(products.iter().all(|(b, c)| b.k == k && c.len() == m * b.n), "a product outside its matrices");
    assert!(
        tiles
            .iter()
            .all(|&(i, columns)| (1..=TILE_ROWS).contains(&columns) && (first..=first + m - columns).contains(&i))
    );
    real::dispatch(MultiplyTransposed { a, k, first, tiles, products });
}

/// Columns of a tile.
struct Width<T>(PhantomData<T>);

impl<T: Real> WithSimd for Width<T> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        tile_vectors::<T, S>() * size_of::<T::Vector<S>>() / size_of::<T>()
    }
}

struct Multiply<'a, T> {
    panels: &'a Panels<T>,
    m: usize,
    a: (&'a [T], usize),
    c: (&'a mut [T], usize),
    add: bool,
}

impl<T: Real> WithSimd for Multiply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { panels, m, a, c, add } = self;
        let (a, c) = (Source::rows(a.0.as_ptr(), a.1), Target { start: c.0.as_mut_ptr(), row: c.1 });
        let &Panels { width, k, n, .. } = panels;
        assert_eq!(width, tile_vectors::<T, S>() * size_of::<T::Vector<S>>() / size_of::<T>());
        for start in (0..k).step_by(DEPTH) {
            let depth = DEPTH.min(k - start);
            for j in (0..n).step_by(width) {
                let b = Source::rows(panels.part(j, start, depth).as_ptr(), width);
                let mut i = 0;
                for rows in tiles::tiles(m, TILE_ROWS) {
                    // SAFETY: rows i to i + rows of a and c from column `start` and j on lie inside, as the caller
                    // asserted, and `depth` rows of the panel.
                    unsafe {
                        let (a, c) = (a.from(i, start), c.from(i, j));
                        Tile { rows, depth, columns: width.min(n - j), a, b, c, add: add || start > 0 }.run(simd);
                    }
                    i += rows;
                }
            }
        }
    }
}

struct MultiplyTransposed<'a, 'b, T> {
    a: &'a [T],
    k: usize,
    first: usize,
    tiles: &'a [(usize, usize)],
    products: &'a mut [(&'b Panels<T>, &'b mut [T])],
}

impl<T: Real> WithSimd for MultiplyTransposed<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { a, k, first, tiles, products } = self;
        for start in (0..k).step_by(DEPTH) {
            let depth = DEPTH.min(k - start);
            for (panels, c) in &mut *products {
                let &Panels { width, n, .. } = *panels;
                assert_eq!(width, tile_vectors::<T, S>() * size_of::<T::Vector<S>>() / size_of::<T>());
                let c = Target { start: c.as_mut_ptr(), row: n };
                for j in (0..n).step_by(width) {
                    let b = Source::rows(panels.part(j, start, depth).as_ptr(), width);
                    for &(i, rows) in tiles {
                        let i = i - first;
                        // SAFETY: a tile has k rows, the panel `depth`, and c is m × n, as the caller asserted.
                        unsafe {
                            let a = Source { start: a.as_ptr().add(i * k + start * rows), row: 1, col: rows };
                            let (c, columns, add) = (c.from(i, j), width.min(n - j), start > 0);
                            Tile { rows, depth, columns, a, b, c, add }.run(simd);
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_any_size_agree_with_the_sum() {
        let numbers = |n: usize, seed: usize| -> Vec<f32> {
            (0..n).map(|i| (((i * 7919 + seed) % 1000) as f32 / 500.0) - 1.0).collect()
        };
        for (m, k, n) in [(1, 1, 1), (8, 5, 3), (7, 300, 16), (14, 600, 37), (20, 257, 64)] {
            let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
            let at: Vec<f32> = (0..k * m).map(|i| a[i % m * k + i / m]).collect();
            let bt: Vec<f32> = (0..n * k).map(|i| b[i % k * n + i / k]).collect();
            let rows = Panels::of_rows((k, n), |p| &b[p * n..(p + 1) * n]);
            let columns = Panels::of_columns((k, n), |j| &bt[j * k..]);
            let sum =
                |i: usize, j: usize| -> f64 { (0..k).map(|p| f64::from(a[i * k + p]) * f64::from(b[p * n + j])).sum() };
            let check = |c: &[f32], start: f64| {
                for (at, &c) in c.iter().enumerate() {
                    let expected = sum(at / n, at % n) + start;
                    assert!((f64::from(c) - expected).abs() < 1e-4, "{m} {k} {n}: {c} {expected}");
                }
            };
            for panels in [&rows, &columns] {
                for add in [false, true] {
                    let mut c = vec![0.5; m * n];
                    panels.multiply(m, (&a, k), (&mut c, n), add);
                    check(&c, if add { 0.5 } else { 0.0 });
                }
            }
            let (mut c, mut d) = (vec![0.5; m * n], vec![0.5; m * n]);
            let (mut copy, tiles) = (vec![0.0; m * k], tiles(m));
            for &(i, width) in &tiles {
                copy_tile(&at[i..], m, (width, &mut copy[i * k..(i + width) * k]));
            }
            multiply_transposed(&copy, &tiles, &mut [(&rows, &mut c), (&columns, &mut d)]);
            check(&c, 0.0);
            check(&d, 0.0);
        }
    }
}
