use ndarray::{Array1, Array2, s};

use crate::eigen::{check_finite, square};
use crate::{Error, Result};

/// The lower triangle L of a symmetric, positive definite A = L Lᵀ, or `None` if A is not positive definite. Only the lower
/// triangle of A is read.
///
/// ```text
/// Lⱼⱼ = √(Aⱼⱼ - Σₖ Lⱼₖ²),   Lᵢⱼ = (Aᵢⱼ - Σₖ Lᵢₖ Lⱼₖ) / Lⱼⱼ    for k < j < i
/// ```
///
/// P³/3 operations.
///
/// # Errors
/// A matrix that is not square, or holds a number that is not finite.
///
/// ```
/// use candlelight::{ndarray::array, optim::newton::cholesky};
/// # fn main() -> candlelight::Result<()> {
/// assert_eq!(cholesky(&array![[4., 2.], [2., 5.]])?, Some(array![[2., 0.], [1., 2.]]));
/// assert_eq!(cholesky(&array![[1., 2.], [2., 1.]])?, None);
/// # Ok(()) }
/// ```
pub fn cholesky(a: &Array2<f64>) -> Result<Option<Array2<f64>>> {
    check_finite("matrix", a)?;
    factor(a)
}

/// [`cholesky`] of what may have overflowed on the way: it is not positive definite then.
pub(super) fn factor(a: &Array2<f64>) -> Result<Option<Array2<f64>>> {
    let n = square(a)?;
    let mut l = Array2::zeros((n, n));
    for i in 0..n {
        for j in 0..=i {
            let rest: f64 = a[[i, j]] - l.slice(s![i, ..j]).dot(&l.slice(s![j, ..j]));
            if i > j {
                l[[i, j]] = rest / l[[j, j]];
            } else if rest > 0.0 && rest.is_finite() {
                l[[i, i]] = rest.sqrt();
            } else {
                return Ok(None);
            }
        }
    }
    Ok(Some(l))
}

/// x of L Lᵀ x = b, for the L of [`cholesky`].
///
/// # Errors
/// Shapes that do not fit.
///
/// ```
/// use candlelight::{ndarray::array, optim::newton::cholesky_solve};
/// # fn main() -> candlelight::Result<()> {
/// assert_eq!(cholesky_solve(&array![[2., 0.], [1., 2.]], &array![8., 12.])?, array![1., 2.]);
/// # Ok(()) }
/// ```
pub fn cholesky_solve(l: &Array2<f64>, b: &Array1<f64>) -> Result<Array1<f64>> {
    let n = square(l)?;
    super::check_len("right-hand side", n, b)?;
    check_finite("factor", l)?;
    check_finite("right-hand side", b)?;
    let mut x = b.clone();
    for i in 0..n {
        let known: f64 = (0..i).map(|k| l[[i, k]] * x[k]).sum();
        x[i] = (x[i] - known) / l[[i, i]];
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| l[[k, i]] * x[k]).sum();
        x[i] = (x[i] - known) / l[[i, i]];
    }
    Ok(x)
}

/// x of A x = b for any regular A, by Gaussian elimination with row pivots: 2P³/3 operations.
///
/// # Errors
/// Shapes that do not fit, or [`Error::Singular`].
///
/// ```
/// use candlelight::{ndarray::array, optim::newton::solve};
/// # fn main() -> candlelight::Result<()> {
/// assert_eq!(solve(&array![[0., 2.], [1., 1.]], &array![4., 5.])?, array![3., 2.]);
/// # Ok(()) }
/// ```
pub fn solve(a: &Array2<f64>, b: &Array1<f64>) -> Result<Array1<f64>> {
    super::check_len("right-hand side", square(a)?, b)?;
    check_finite("right-hand side", b)?;
    let columns = b.clone().insert_axis(ndarray::Axis(1));
    Ok(eliminate(a, columns)?.column(0).to_owned())
}

/// A⁻¹ of any regular A, by the elimination of [`solve`].
///
/// # Errors
/// A matrix that is not square, or [`Error::Singular`].
///
/// ```
/// use candlelight::{ndarray::array, optim::newton::inverse};
/// # fn main() -> candlelight::Result<()> {
/// assert_eq!(inverse(&array![[2., 0.], [0., 4.]])?, array![[0.5, 0.], [0., 0.25]]);
/// # Ok(()) }
/// ```
pub fn inverse(a: &Array2<f64>) -> Result<Array2<f64>> {
    eliminate(a, Array2::eye(square(a)?))
}

/// X of A X = B, column by column.
fn eliminate(a: &Array2<f64>, mut x: Array2<f64>) -> Result<Array2<f64>> {
    let n = square(a)?;
    check_finite("matrix", a)?;
    let mut a = a.clone();
    let scale = a.iter().fold(0.0, |scale: f64, entry| scale.max(entry.abs()));
    for column in 0..n {
        let size = |row: &usize| a[[*row, column]].abs();
        let pivot = (column..n).max_by(|i, j| size(i).total_cmp(&size(j))).unwrap_or(column);
        // Below this, what is left of the column is rounding.
        if size(&pivot) <= scale * n as f64 * f64::EPSILON {
            return Err(Error::Singular { size: n, pivot: column });
        }
        for matrix in [&mut a, &mut x] {
            for k in 0..matrix.ncols() {
                matrix.swap([column, k], [pivot, k]);
            }
        }
        for row in column + 1..n {
            let factor = a[[row, column]] / a[[column, column]];
            subtract(&mut a, row, factor, column, column);
            subtract(&mut x, row, factor, column, 0);
        }
    }
    for row in (0..n).rev() {
        for known in row + 1..n {
            subtract(&mut x, row, a[[row, known]], known, 0);
        }
        x.row_mut(row).map_inplace(|entry| *entry /= a[[row, row]]);
    }
    Ok(x)
}

/// Subtracts `factor` times the row `other` from the row `row`, another one, from column `from` on.
fn subtract(a: &mut Array2<f64>, row: usize, factor: f64, other: usize, from: usize) {
    let (mut target, source) = a.multi_slice_mut((s![row, from..], s![other, from..]));
    target.scaled_add(-factor, &source);
}
