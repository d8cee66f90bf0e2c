use ndarray::{Array1, Array2};

use super::linear::square;
use crate::Result;

/// Rounds of rotations after which the method stops; ten are enough for thousands of rows.
const ROUNDS: usize = 50;

/// The eigenvalues of a symmetric matrix, the least first. Only the lower triangle is read.
///
/// ```text
/// A v = λ v        A ← Gᵀ A G with rotations G, each of which makes one Aᵢⱼ zero, until A is diagonal
/// ```
///
/// All above 0: positive definite. The greatest over the least is the condition number. Jacobi's method, Golub and Van Loan
/// (2013), section 8.5; about 10 rounds of 3P³ multiplications.
///
/// # Errors
/// A matrix that is not square.
///
/// ```
/// use candlelight::{ndarray::array, optim::newton::symmetric_eigenvalues};
/// # fn main() -> candlelight::Result<()> {
/// let saddle = symmetric_eigenvalues(&array![[1., 2.], [2., 1.]])?;
/// assert!((saddle - array![-1., 3.]).iter().all(|error| error.abs() < 1e-15));
/// # Ok(()) }
/// ```
pub fn symmetric_eigenvalues(a: &Array2<f64>) -> Result<Array1<f64>> {
    let n = square(a)?;
    let mut a = Array2::from_shape_fn((n, n), |(i, j)| a[[i.max(j), i.min(j)]]);
    let size = a.iter().map(|entry| entry * entry).sum::<f64>();
    for _ in 0..ROUNDS {
        let mut rest = 0.0;
        for p in 1..n {
            for q in 0..p {
                rest += a[[p, q]] * a[[p, q]];
                rotate(&mut a, p, q);
            }
        }
        // Nothing but rounding is left beside the diagonal; a NaN ends it too.
        if rest <= size * f64::EPSILON * f64::EPSILON || rest.is_nan() {
            break;
        }
    }
    let mut eigenvalues = a.diag().to_vec();
    eigenvalues.sort_by(f64::total_cmp);
    Ok(eigenvalues.into())
}

/// The rotation of the axes p and q that makes A[p, q] zero.
fn rotate(a: &mut Array2<f64>, p: usize, q: usize) {
    if a[[p, q]] == 0.0 {
        return;
    }
    // The smaller of the two angles: t = tan φ solves t² + 2θt = 1.
    let theta = (a[[q, q]] - a[[p, p]]) / (2.0 * a[[p, q]]);
    let t = 1.0_f64.copysign(theta) / (theta.abs() + theta.hypot(1.0));
    let c = 1.0 / t.hypot(1.0);
    let s = t * c;
    for k in 0..a.nrows() {
        let (kp, kq) = (a[[k, p]], a[[k, q]]);
        (a[[k, p]], a[[k, q]]) = (c * kp - s * kq, s * kp + c * kq);
    }
    for k in 0..a.nrows() {
        let (pk, qk) = (a[[p, k]], a[[q, k]]);
        (a[[p, k]], a[[q, k]]) = (c * pk - s * qk, s * pk + c * qk);
    }
    (a[[p, q]], a[[q, p]]) = (0.0, 0.0);
}
