//! The products themselves.

use crate::counts;
use crate::memory::{self, Live};
use crate::number::Number;

/// A `cublasStatus_t`.
pub(super) type Status = i32;
pub(super) const SUCCESS: Status = 0;
pub(super) const INVALID_VALUE: Status = 7;
pub(super) const EXECUTION_FAILED: Status = 13;
pub(super) const NOT_SUPPORTED: Status = 15;

/// One of the matrices of a batch, on the device.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matrix {
    pub(super) address: u64,
    /// From one column to the next, and from one matrix to the next.
    pub(super) column: i32,
    pub(super) stride: i64,
    pub(super) transposed: bool,
}

/// A product of batches of matrices.
#[derive(Clone, Copy, Debug)]
pub(super) struct Product {
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    pub(super) batch: usize,
    pub(super) a: Matrix,
    pub(super) b: Matrix,
    pub(super) c: Matrix,
    pub(super) alpha: f64,
    pub(super) beta: f64,
}

impl Product {
    /// Computes it.
    pub(super) fn run<T: Number>(&self, name: &str) -> Status {
        counts::launch(name);
        let Self { m, n, k, batch, a, b, c, alpha, beta } = *self;
        if m * n * batch == 0 {
            return SUCCESS;
        }
        let live = memory::live();
        let (rows_a, columns_a) = if a.transposed { (k, m) } else { (m, k) };
        let (rows_b, columns_b) = if b.transposed { (n, k) } else { (k, n) };
        for (matrix, rows, columns) in [(a, rows_a, columns_a), (b, rows_b, columns_b), (c, m, n)] {
            if usize::try_from(matrix.column).unwrap_or(0) < rows.max(1)
                || !holds::<T>(&live, matrix, rows, columns, batch)
            {
                eprintln!(
                    "card: {name}: a matrix that is not allocated as a whole: {rows} × {columns}, {batch} of them, {matrix:?}"
                );
                return if k == 0 { INVALID_VALUE } else { EXECUTION_FAILED };
            }
        }
        let mut left = vec![0.0; m * k];
        let mut sums = vec![0.0; m];
        for index in 0..batch {
            for l in 0..k {
                for i in 0..m {
                    let (row, column) = if a.transposed { (l, i) } else { (i, l) };
                    left[l * m + i] = read::<T>(a, index, row, column);
                }
            }
            for j in 0..n {
                sums.fill(0.0);
                for (l, column) in left.chunks_exact(m).enumerate() {
                    let (row, place) = if b.transposed { (j, l) } else { (l, j) };
                    let factor = read::<T>(b, index, row, place);
                    for (sum, &value) in sums.iter_mut().zip(column) {
                        *sum += value * factor;
                    }
                }
                for (i, sum) in sums.iter().enumerate() {
                    // What is multiplied by a β of 0 is not read.
                    let before = if beta == 0.0 { 0.0 } else { beta * read::<T>(c, index, i, j) };
                    // SAFETY: the whole matrix was found allocated, and `live` keeps it so.
                    unsafe { place::<T>(c, index, i, j).write_unaligned(T::narrow(alpha * sum + before)) };
                }
            }
        }
        SUCCESS
    }
}

fn place<T>(matrix: Matrix, index: usize, row: usize, column: usize) -> *mut T {
    let offset = matrix.stride * index as i64 + i64::from(matrix.column) * column as i64 + row as i64;
    matrix.address.wrapping_add_signed(offset * size_of::<T>() as i64) as *mut T
}

/// A number of a matrix that was found allocated.
fn read<T: Number>(matrix: Matrix, index: usize, row: usize, column: usize) -> f64 {
    // SAFETY: `Product::run` has found the whole matrix allocated, and keeps it so.
    unsafe { place::<T>(matrix, index, row, column).read_unaligned() }.wide()
}

fn holds<T>(live: &Live, matrix: Matrix, rows: usize, columns: usize, batch: usize) -> bool {
    if rows * columns == 0 {
        return true;
    }
    (0..batch).all(|index| {
        let (first, last) =
            (place::<T>(matrix, index, 0, 0) as u64, place::<T>(matrix, index, rows - 1, columns - 1) as u64);
        live.holds(first, (last - first) as usize + size_of::<T>())
    })
}
