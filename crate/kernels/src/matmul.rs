//! Matrix products.
//!
//! A product of m × k by k × n takes 2mkn operations. Large ones go to the `gemm` crate, which copies both matrices
//! into an order of its own first; for the small ones of a training step (64 × 784 by 784 × 256) the copy costs as much
//! as the product, so those are taken as they lie: either a row of the right matrix at a time, or as dot products where
//! the right one is transposed.

use pulp::{Simd, WithSimd};

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
    // Pieces of rows where there are many; else of columns, a multiple of a cache line.
    let (rows, columns) = match m >= n {
        true => (m.div_ceil(pieces).next_multiple_of(12), n),
        false => (m, n.div_ceil(pieces).next_multiple_of(16)),
    };
    let (down, across) = (m.div_ceil(rows), n.div_ceil(columns));
    let target = Target(c.as_mut_ptr());
    let target = &target;
    threads::run(down * across, |task| {
        let (i, j) = (task / across * rows, task % across * columns);
        let part = Size { m: rows.min(m - i), k, n: columns.min(n - j) };
        // SAFETY: the parts tile the matrix, which `check` found to be inside its slices.
        unsafe {
            product(
                part,
                (a.data.as_ptr().add(i * a.row), a.row, a.col),
                (b.data.as_ptr().add(j * b.col), b.row, b.col),
                (target.0.add(i * pitch + j), pitch),
                add,
                m * k * n >= LARGE,
            );
        }
    });
}

struct Target<T>(*mut T);
// SAFETY: tasks write disjoint parts.
unsafe impl<T: Send> Sync for Target<T> {}

fn check<T: Real>(size: Size, a: View<T>, b: View<T>, c: &[T], pitch: usize) {
    let Size { m, k, n } = size;
    assert!(
        a.holds(m, k) && b.holds(k, n) && View::rows(c, pitch).holds(m, n) && pitch >= n,
        "a product outside its matrices"
    );
}

/// # Safety
/// The three matrices lie in memory that may be read (written, for c), and c overlaps neither.
unsafe fn product<T: Real>(
    size: Size,
    a: (*const T, usize, usize),
    b: (*const T, usize, usize),
    c: (*mut T, usize),
    add: bool,
    large: bool,
) {
    // SAFETY: as the caller promises.
    unsafe {
        if !large && b.2 == 1 {
            real::dispatch(ByRows { size, a, b: (b.0, b.1), c, add });
        } else if !large && a.2 == 1 && b.1 == 1 && size.k >= SHORT {
            real::dispatch(ByDots { size, a: (a.0, a.1), b: (b.0, b.2), c, add });
        } else {
            let Size { m, k, n } = size;
            let beta = T::ONE;
            gemm::gemm(
                m,
                n,
                k,
                c.0,
                1,
                c.1 as isize,
                add,
                a.0,
                a.2 as isize,
                a.1 as isize,
                b.0,
                b.2 as isize,
                b.1 as isize,
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

/// Rows and registers of a tile: 12 sums, 2 registers of b and one of a are 15 of 16.
pub(super) const TILE_ROWS: usize = 6;
pub(super) const TILE_VECTORS: usize = 2;
/// Rows of b that are gone through at a time; with a tile's width, what stays in the first cache.
pub(super) const DEPTH: usize = 256;

/// Steps of a tile's loop that are written out: what counts and finds places costs as much as the products do.
const UNROLLED: usize = 4;

/// Rows of a from which copying a panel of b pays.
const COPIED: usize = 24;

/// A tile of c is a sum over rows of b, each times a column of a.
struct ByRows<T> {
    size: Size,
    a: (*const T, usize, usize),
    b: (*const T, usize),
    c: (*mut T, usize),
    add: bool,
}

impl<T: Real> WithSimd for ByRows<T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { size: Size { m, k, n }, a, b, c, add } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let width = TILE_VECTORS * lanes;
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
                    let mut panel = (b.0.add(start * b.1 + j), b.1);
                    // A panel that is used often enough is copied together; so is one that does not fill a tile.
                    if m >= COPIED || columns < width {
                        for (p, to) in copy.chunks_exact_mut(width).take(depth).enumerate() {
                            let from = panel.0.add(p * panel.1);
                            if columns == width {
                                for v in (0..width).step_by(lanes) {
                                    store::<T, S>(to.as_mut_ptr().add(v), load::<T, S>(from.add(v)));
                                }
                            } else {
                                to[..columns].copy_from_slice(std::slice::from_raw_parts(from, columns));
                            }
                        }
                        panel = (copy.as_ptr(), width);
                    }
                    let mut i = 0;
                    while i < m {
                        let from = (a.0.add(i * a.1 + start * a.2), a.1, a.2);
                        let to = (c.0.add(i * c.1 + j), c.1);
                        macro_rules! tile {
                            ($rows:literal) => {{
                                tile_by_rows::<T, S, $rows>(simd, depth, from, panel, to, columns, add);
                                i += $rows;
                            }};
                        }
                        match m - i {
                            TILE_ROWS.. => tile!(6),
                            5 => tile!(5),
                            4 => tile!(4),
                            3 => tile!(3),
                            2 => tile!(2),
                            _ => tile!(1),
                        }
                    }
                }
            }
        }
    }
}

/// # Safety
/// ROWS rows of a and c, `depth` whole rows of b and `columns` columns of c lie in memory that may be read (written, for c).
#[inline(always)]
pub(super) unsafe fn tile_by_rows<T: Real, S: Simd, const ROWS: usize>(
    simd: S,
    depth: usize,
    a: (*const T, usize, usize),
    b: (*const T, usize),
    c: (*mut T, usize),
    columns: usize,
    add: bool,
) {
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    let zero = T::splat(simd, T::ZERO);
    let mut sums = [[zero; TILE_VECTORS]; ROWS];
    // SAFETY: the caller's promise.
    unsafe {
        let rows: [*const T; ROWS] = std::array::from_fn(|r| a.0.add(r * a.1));
        let mut right = b.0;
        macro_rules! step {
            ($p:expr) => {{
                let row: [T::Vector<S>; TILE_VECTORS] = std::array::from_fn(|v| load::<T, S>(right.add(v * lanes)));
                for (left, sums) in rows.iter().zip(&mut sums) {
                    let x = T::splat(simd, *left.add($p * a.2));
                    for (sum, y) in sums.iter_mut().zip(row) {
                        *sum = T::fma(simd, x, y, *sum);
                    }
                }
                right = right.add(b.1);
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
            let to = c.0.add(r * c.1);
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

/// A tile of c is 4 × 3 dot products: 12 sums, 3 registers of b, one of a.
struct ByDots<T> {
    size: Size,
    a: (*const T, usize),
    b: (*const T, usize),
    c: (*mut T, usize),
    add: bool,
}

impl<T: Real> WithSimd for ByDots<T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { size: Size { m, k, n }, a, b, c, add } = self;
        let mut j = 0;
        while j < n {
            let columns = 3.min(n - j);
            let mut i = 0;
            while i < m {
                let rows = 4.min(m - i);
                macro_rules! tile {
                    ($rows:literal, $columns:literal) => {
                        // SAFETY: rows of a and b, and the tile of c, lie inside.
                        unsafe {
                            tile_by_dots::<T, S, $rows, $columns>(
                                simd,
                                k,
                                (a.0.add(i * a.1), a.1),
                                (b.0.add(j * b.1), b.1),
                                (c.0.add(i * c.1 + j), c.1),
                                add,
                            )
                        }
                    };
                }
                match (rows, columns) {
                    (4, 3) => tile!(4, 3),
                    (4, 2) => tile!(4, 2),
                    (4, _) => tile!(4, 1),
                    (3, 3) => tile!(3, 3),
                    (3, 2) => tile!(3, 2),
                    (3, _) => tile!(3, 1),
                    (2, 3) => tile!(2, 3),
                    (2, 2) => tile!(2, 2),
                    (2, _) => tile!(2, 1),
                    (_, 3) => tile!(1, 3),
                    (_, 2) => tile!(1, 2),
                    _ => tile!(1, 1),
                }
                i += rows;
            }
            j += columns;
        }
    }
}

#[inline(always)]
unsafe fn tile_by_dots<T: Real, S: Simd, const ROWS: usize, const COLUMNS: usize>(
    simd: S,
    k: usize,
    a: (*const T, usize),
    b: (*const T, usize),
    c: (*mut T, usize),
    add: bool,
) {
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    let whole = k / lanes * lanes;
    let mut sums = [[T::splat(simd, T::ZERO); COLUMNS]; ROWS];
    // SAFETY: the caller's promise.
    unsafe {
        let mut p = 0;
        while p < whole {
            let right: [T::Vector<S>; COLUMNS] = std::array::from_fn(|j| load::<T, S>(b.0.add(j * b.1 + p)));
            for (i, sums) in sums.iter_mut().enumerate() {
                let left = load::<T, S>(a.0.add(i * a.1 + p));
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = T::fma(simd, left, right, *sum);
                }
            }
            p += lanes;
        }
        for (i, sums) in sums.iter().enumerate() {
            for (j, &sum) in sums.iter().enumerate() {
                let mut sum = T::sum_lanes(simd, sum);
                for p in whole..k {
                    sum = (*a.0.add(i * a.1 + p)).mul_add(*b.0.add(j * b.1 + p), sum);
                }
                let to = c.0.add(i * c.1 + j);
                *to = if add { *to + sum } else { sum };
            }
        }
    }
}

/// An empty sum.
fn clear<T: Real>(size: Size, c: (*mut T, usize), add: bool) {
    for i in 0..if add { 0 } else { size.m } {
        for j in 0..size.n {
            // SAFETY: inside the matrix.
            unsafe {
                *c.0.add(i * c.1 + j) = T::ZERO;
            }
        }
    }
}

/// A register's worth of numbers.
///
/// # Safety
/// They may be read.
#[inline(always)]
pub(super) unsafe fn load<T: Real, S: Simd>(from: *const T) -> T::Vector<S> {
    // SAFETY: the caller's promise that a register's worth may be read.
    unsafe { from.cast::<T::Vector<S>>().read_unaligned() }
}

/// Writes a register's worth of numbers.
///
/// # Safety
/// They may be written.
#[inline(always)]
pub(super) unsafe fn store<T: Real, S: Simd>(to: *mut T, x: T::Vector<S>) {
    // SAFETY: the caller's promise that a register's worth may be written.
    unsafe { to.cast::<T::Vector<S>>().write_unaligned(x) }
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
