//! Matrix products.
//!
//! A product of m × k by k × n takes 2mkn operations. Large ones go to the `gemm` crate, which copies both matrices
//! into an order of its own first; for the small ones of a training step (64 × 784 by 784 × 256) the copy costs as much
//! as the product, so those are taken as they lie: either a row of the right matrix at a time, or as dot products where
//! the right one is transposed.

use pulp::{Simd, WithSimd};

use super::dots::{self, Dots, TILE_OF_DOTS, WithDots, lanes, tile_of_dots};
use super::real::{load, store};
use super::tiles::{DEPTH, Source, TILE_ROWS, Target, Tile, tile_vectors, tiles};
use super::{Real, real, threads};

/// A matrix somewhere in memory: element (i, j) is at `i * row + j * col`.
#[derive(Clone, Copy)]
pub struct View<'a, T> {
    data: &'a [T],
    row: usize,
    col: usize,
}

impl<'a, T> View<'a, T> {
    /// A matrix in rows of `width`.
    pub fn rows(data: &'a [T], width: usize) -> Self {
        Self { data, row: width, col: 1 }
    }

    /// The transposed matrix.
    pub fn t(self) -> Self {
        Self { data: self.data, row: self.col, col: self.row }
    }

    fn source(self) -> Source<T> {
        Source { start: self.data.as_ptr(), row: self.row, col: self.col }
    }

    /// Whether an m × n matrix lies inside.
    fn holds(&self, m: usize, n: usize) -> bool {
        m == 0 || n == 0 || (m - 1) * self.row + (n - 1) * self.col < self.data.len()
    }
}

/// Sizes of a product: m × k by k × n.
#[derive(Clone, Copy)]
pub struct Size {
    /// Rows of a and c.
    pub m: usize,
    /// Columns of a, rows of b.
    pub k: usize,
    /// Columns of b and c.
    pub n: usize,
}

/// Multiplications of a piece of a product that threads share: about 20 µs.
const SHARED: usize = 1 << 20;
/// Multiplications from which the `gemm` crate takes over: about 400³.
const LARGE: usize = 1 << 26;
/// Length of a dot product below which adding up the lanes of its register costs too much.
const SHORT: usize = 48;

/// c ← a b, or c ← c + a b if `add`, on all threads; c is m × n with rows `pitch` apart.
///
/// Each element is a sum in one fixed order, whatever the number of threads.
pub fn matmul<T: Real>(size: Size, a: View<T>, b: View<T>, c: &mut [T], pitch: usize, add: bool) {
    let Size { m, k, n } = size;
    check(size, a, b, c, pitch);
    let pieces = (m * k * n / SHARED).clamp(1, 16);
    // Pieces of rows where there are many; else of columns, a multiple of every tile's.
    let (rows, columns) = match m >= n {
        true => (m.div_ceil(pieces).next_multiple_of(12), n),
        false => (m, n.div_ceil(pieces).next_multiple_of(64)),
    };
    let (down, across) = (m.div_ceil(rows), n.div_ceil(columns));
    let target = &Target { start: c.as_mut_ptr(), row: pitch };
    threads::run(down * across, |task| {
        let (i, j) = (task / across * rows, task % across * columns);
        let part = Size { m: rows.min(m - i), k, n: columns.min(n - j) };
        // SAFETY: the parts tile the matrix, which `check` found to be inside its slices.
        unsafe {
            product(part, a.source().from(i, 0), b.source().from(0, j), target.from(i, j), add, m * k * n >= LARGE);
        }
    });
}

fn check<T: Real>(size: Size, a: View<T>, b: View<T>, c: &[T], pitch: usize) {
    let Size { m, k, n } = size;
    assert!(
        a.holds(m, k) && b.holds(k, n) && View::rows(c, pitch).holds(m, n) && pitch >= n,
        "a product outside its matrices"
    );
}

/// # Safety
/// The three matrices lie in memory that may be read (written, for c), and c overlaps neither.
unsafe fn product<T: Real>(size: Size, a: Source<T>, b: Source<T>, c: Target<T>, add: bool, large: bool) {
    // SAFETY: as the caller promises.
    unsafe {
        if !large && b.col == 1 {
            real::dispatch(ByRows { size, a, b, c, add });
        } else if !large && a.col == 1 && b.row == 1 && size.k >= SHORT {
            dots::dispatch(ByDots { size, a, b, c, add });
        } else {
            let Size { m, k, n } = size;
            let beta = T::ONE;
            gemm::gemm(
                m,
                n,
                k,
                c.start,
                1,
                c.row as isize,
                add,
                a.start,
                a.col as isize,
                a.row as isize,
                b.start,
                b.col as isize,
                b.row as isize,
                T::ONE,
                beta,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    }
}

/// Rows of a from which copying a panel of b pays.
const COPIED: usize = 24;

/// A tile of c is a sum over rows of b, each times a column of a.
struct ByRows<T> {
    size: Size,
    a: Source<T>,
    /// In whole rows.
    b: Source<T>,
    c: Target<T>,
    add: bool,
}

impl<T: Real> WithSimd for ByRows<T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { size: Size { m, k, n }, a, b, c, add } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let width = tile_vectors::<T, S>() * lanes;
        if k == 0 {
            return clear(self.size, c, add);
        }
        let mut copy = vec![T::ZERO; DEPTH.min(k) * width];
        for start in (0..k).step_by(DEPTH) {
            let depth = DEPTH.min(k - start);
            let add = add || start > 0;
            for j in (0..n).step_by(width) {
                let columns = width.min(n - j);
                // SAFETY: rows i to i + rows of a and c, columns j to j + `columns` of b and c, and `depth` steps of k
                // from `start` lie inside; the copy holds `depth` rows of `width`.
                unsafe {
                    let mut panel = b.from(start, j);
                    // A panel that is used often enough is copied together; so is one that does not fill a tile.
                    if m >= COPIED || columns < width {
                        for (p, to) in copy.chunks_exact_mut(width).take(depth).enumerate() {
                            let from = panel.from(p, 0).start;
                            if columns == width {
                                for v in (0..width).step_by(lanes) {
                                    store::<T, S>(to.as_mut_ptr().add(v), load::<T, S>(from.add(v)));
                                }
                            } else {
                                to[..columns].copy_from_slice(std::slice::from_raw_parts(from, columns));
                            }
                        }
                        panel = Source::rows(copy.as_ptr(), width);
                    }
                    let mut i = 0;
                    for rows in tiles(m, TILE_ROWS) {
                        let (a, c) = (a.from(i, start), c.from(i, j));
                        Tile { rows, depth, columns, a, b: panel, c, add }.run(simd);
                        i += rows;
                    }
                }
            }
        }
    }
}

/// A tile of c is 4 rows by 3 registers of dot products.
struct ByDots<T> {
    size: Size,
    /// In whole rows.
    a: Source<T>,
    /// In whole columns.
    b: Source<T>,
    c: Target<T>,
    add: bool,
}

impl<T: Real> WithDots<T> for ByDots<T> {
    #[inline(always)]
    fn with_dots<D: Dots<T>>(self, dots: D) {
        let Self { size: Size { m, k, n }, a, b, c, add } = self;
        let width = TILE_OF_DOTS.1 * D::TOGETHER;
        for j in (0..n).step_by(width) {
            for i in (0..m).step_by(TILE_OF_DOTS.0) {
                let columns = width.min(n - j);
                macro_rules! tile {
                    ($rows:literal, $registers:literal) => {
                        // SAFETY: rows of a, columns of b, and the tile of c, lie inside.
                        unsafe {
                            let (a, b, c) = (a.from(i, 0), b.from(0, j), c.from(i, j));
                            tile_by_dots::<T, D, $rows, $registers>(dots, (k, columns), a, b, c, add)
                        }
                    };
                }
                tile_of_dots!(TILE_OF_DOTS.0.min(m - i), columns.div_ceil(D::TOGETHER), tile)
            }
        }
    }
}

/// # Safety
/// ROWS rows of a and `columns` columns of b, enough for REGISTERS, of `k` numbers that lie together, may be read, and a
/// tile of c written.
#[inline(always)]
unsafe fn tile_by_dots<T: Real, D: Dots<T>, const ROWS: usize, const REGISTERS: usize>(
    dots: D,
    (k, columns): (usize, usize),
    a: Source<T>,
    b: Source<T>,
    c: Target<T>,
    add: bool,
) {
    let whole = k / lanes::<T>() * lanes::<T>();
    let mut sums = [[dots.zero(); REGISTERS]; ROWS];
    // SAFETY: the caller's promise.
    unsafe {
        // The last register may have a product too many: it is the one beside it once more.
        let column = |j: usize| b.start.add(j.min(columns - 1) * b.col);
        let right: [[*const T; 2]; REGISTERS] =
            std::array::from_fn(|r| [column(r * D::TOGETHER), column(r * D::TOGETHER + 1)]);
        let mut p = 0;
        while p < whole {
            let right: [D::Register; REGISTERS] =
                std::array::from_fn(|r| dots.own([right[r][0].add(p), right[r][1].add(p)]));
            for (i, sums) in sums.iter_mut().enumerate() {
                let left = dots.shared(a.start.add(i * a.row + p));
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = dots.fma(left, right, *sum);
                }
            }
            p += lanes::<T>();
        }
        for (i, sums) in sums.iter().enumerate() {
            for (r, &sum) in sums.iter().enumerate() {
                for (j, sum) in (r * D::TOGETHER..columns).zip(dots.sums(sum)).take(D::TOGETHER) {
                    let mut sum = sum;
                    for p in whole..k {
                        sum = (*a.start.add(i * a.row + p)).mul_add(*b.start.add(j * b.col + p), sum);
                    }
                    let to = c.from(i, j).start;
                    *to = if add { *to + sum } else { sum };
                }
            }
        }
    }
}

/// An empty sum.
fn clear<T: Real>(size: Size, c: Target<T>, add: bool) {
    for i in 0..if add { 0 } else { size.m } {
        for j in 0..size.n {
            // SAFETY: inside the matrix.
            unsafe {
                *c.from(i, j).start = T::ZERO;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(n: usize, seed: usize) -> Vec<f32> {
        (0..n).map(|i| (((i * 7919 + seed) % 1000) as f32 / 500.0) - 1.0).collect()
    }

    #[test]
    fn products_of_any_size_and_order_agree_with_the_sum() {
        for (m, k, n) in [(1, 1, 1), (7, 5, 3), (64, 784, 10), (6, 300, 16), (13, 17, 37), (5, 0, 4), (65, 300, 127)] {
            let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
            let at: Vec<f32> = (0..k * m).map(|i| a[i % m * k + i / m]).collect();
            let bt: Vec<f32> = (0..n * k).map(|i| b[i % k * n + i / k]).collect();
            let views = [View::rows(&a, k), View::rows(&at, m).t()];
            for left in views {
                for right in [View::rows(&b, n), View::rows(&bt, k).t()] {
                    for add in [false, true] {
                        let mut c = vec![0.5_f32; m * (n + 3)];
                        matmul(Size { m, k, n }, left, right, &mut c, n + 3, add);
                        for i in 0..m {
                            for j in 0..n {
                                let exact: f64 =
                                    (0..k).map(|p| f64::from(a[i * k + p]) * f64::from(b[p * n + j])).sum();
                                let expected = if add { exact + 0.5 } else { exact };
                                let actual = f64::from(c[i * (n + 3) + j]);
                                assert!((actual - expected).abs() < 1e-4, "{m} {k} {n} {add}: {actual} {expected}");
                            }
                            assert_eq!(c[i * (n + 3) + n..(i + 1) * (n + 3)], [0.5; 3]);
                        }
                    }
                }
            }
        }
    }
}
