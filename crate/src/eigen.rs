//! Eigenvalues of symmetric matrices: the directions of a quadratic, and of a covariance.

use ndarray::{Array1, Array2};

use crate::{Error, Result};

/// Eigenvalues and eigenvectors of a symmetric matrix, A = Q diag(λ) Qᵀ, from [`symmetric_eigen`].
#[derive(Debug, Clone, PartialEq)]
pub struct SymmetricEigen {
    /// λ, from the least to the largest.
    pub values: Array1<f64>,
    /// Q: column i is the eigenvector of λᵢ, of length 1.
    pub vectors: Array2<f64>,
}

impl SymmetricEigen {
    /// κ = λ_max / λ_min of a positive definite matrix: how much longer than wide the level lines of its quadratic are, so
    /// that gradient descent takes some κ steps. Infinite if λ_min is 0 or below.
    pub fn condition(&self) -> f64 {
        match (self.values.first(), self.values.last()) {
            (Some(&least), Some(&largest)) if least > 0.0 => largest / least,
            _ => f64::INFINITY,
        }
    }
}

/// All eigenvalues and eigenvectors of a symmetric matrix A [P, P], by Jacobi's rotations.
///
/// ```text
/// A ← Rᵀ A R, with R the rotation of two axes that makes their entry off the diagonal 0; over all pairs, until none is left
/// ```
///
/// Some ten rounds of 6P³ operations, accurate to rounding relative to the largest eigenvalue. Of entries that differ by
/// rounding, those of the lower triangle are read.
///
/// # Errors
/// A matrix that is not square, not symmetric (to half of the digits of its largest entry), or holds a number that is not
/// finite.
///
/// Golub and Van Loan (2013), "Matrix Computations", section 8.5.
///
/// ```
/// use candlelight::optim::newton::symmetric_eigen;
/// use ndarray::array;
/// # fn main() -> candlelight::Result<()> {
/// let eigen = symmetric_eigen(&array![[2.0, 1.0], [1.0, 2.0]])?;
/// assert!((eigen.values[0] - 1.0).abs() < 1e-15 && (eigen.values[1] - 3.0).abs() < 1e-15);
/// assert!((eigen.condition() - 3.0).abs() < 1e-14);
/// // The second eigenvector is (1, 1) / √2, up to its sign.
/// assert!((eigen.vectors[[0, 1]] - eigen.vectors[[1, 1]]).abs() < 1e-15);
/// # Ok(()) }
/// ```
pub fn symmetric_eigen(a: &Array2<f64>) -> Result<SymmetricEigen> {
    let n = square(a)?;
    check_finite("matrix", a)?;
    let scale = a.iter().fold(0.0, |scale: f64, entry| scale.max(entry.abs()));
    for ((i, j), entry) in a.indexed_iter() {
        if (entry - a[[j, i]]).abs() > scale * f64::EPSILON.sqrt() {
            let apart = format!("{entry} in row {i} and {} in column {i} at {j}", a[[j, i]]);
            return Err(Error::setting("matrix", "symmetric", apart));
        }
    }
    let mut a = Array2::from_shape_fn((n, n), |(i, j)| a[[i.max(j), i.min(j)]]);
    let mut q = Array2::<f64>::eye(n);
    // It converges quadratically: ten rounds are usual for any size.
    for _ in 0..60 {
        let mut largest = 0.0_f64;
        for i in 1..n {
            for j in 0..i {
                largest = largest.max(a[[i, j]].abs());
                rotate(&mut a, &mut q, j, i);
            }
        }
        if largest <= scale * f64::EPSILON * 1e-3 {
            break;
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[[i, i]].total_cmp(&a[[j, j]]));
    let values = order.iter().map(|&i| a[[i, i]]).collect();
    Ok(SymmetricEigen { values, vectors: q.select(ndarray::Axis(1), &order) })
}

/// The eigenvalues of [`symmetric_eigen`] alone, the least first. All above 0: the matrix is positive definite.
///
/// # Errors
/// As [`symmetric_eigen`].
///
/// ```
/// use candlelight::{ndarray::array, optim::newton::symmetric_eigenvalues};
/// # fn main() -> candlelight::Result<()> {
/// let saddle = symmetric_eigenvalues(&array![[1., 2.], [2., 1.]])?;
/// assert!((saddle - array![-1., 3.]).iter().all(|error| error.abs() < 1e-15));
/// # Ok(()) }
/// ```
pub fn symmetric_eigenvalues(a: &Array2<f64>) -> Result<Array1<f64>> {
    Ok(symmetric_eigen(a)?.values)
}

/// Turns the axes i and j so that the entry (i, j) becomes 0.
fn rotate(a: &mut Array2<f64>, q: &mut Array2<f64>, i: usize, j: usize) {
    if a[[i, j]] == 0.0 {
        return;
    }
    let theta = (a[[j, j]] - a[[i, i]]) / (2.0 * a[[i, j]]);
    // The smaller root of t² + 2θt - 1 = 0, the tangent of the angle.
    let tangent = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    for k in 0..a.nrows() {
        for matrix in [&mut *a, &mut *q] {
            let (x, y) = (matrix[[k, i]], matrix[[k, j]]);
            matrix[[k, i]] = cosine * x - sine * y;
            matrix[[k, j]] = sine * x + cosine * y;
        }
    }
    for k in 0..a.ncols() {
        let (x, y) = (a[[i, k]], a[[j, k]]);
        a[[i, k]] = cosine * x - sine * y;
        a[[j, k]] = sine * x + cosine * y;
    }
    (a[[i, j]], a[[j, i]]) = (0.0, 0.0);
}

pub(crate) fn check_finite<'a>(name: &'static str, numbers: impl IntoIterator<Item = &'a f64>) -> Result<()> {
    match numbers.into_iter().find(|number| !number.is_finite()) {
        Some(number) => Err(Error::setting(name, "finite", number)),
        None => Ok(()),
    }
}

pub(crate) fn square(a: &Array2<f64>) -> Result<usize> {
    match a.dim() {
        (rows, columns) if rows == columns => Ok(rows),
        (rows, columns) => Err(Error::shape("matrix", "[P, P]", &[rows, columns])),
    }
}
