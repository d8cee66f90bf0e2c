use ndarray::{Array1, Array2};

use super::{cholesky, inverse, symmetric_eigenvalues};
use crate::eigen::square;
use crate::probability::Summary;
use crate::{Error, Result};

/// How far the inverses of mini-batch Hessians are, on average, from the inverse of the Hessian.
///
/// ```text
/// D = 1/n Σ H_B⁻¹ - H⁻¹     estimates     E[H_B⁻¹] - H⁻¹,   where E[H_B] = H
/// ```
///
/// The Hessian of a batch is unbiased, its inverse is not: with Δ = H_B - H,
///
/// ```text
/// H_B⁻¹ = H⁻¹ - H⁻¹ Δ H⁻¹ + (H⁻¹Δ) H_B⁻¹ (H⁻¹Δ)ᵀ
/// ```
///
/// The second term has mean 0 and the third is positive semidefinite: D tends to a positive definite matrix. It is quadratic
/// in Δ, so of order 1/B for batches of B samples.
///
/// ```
/// use candlelight::{ndarray::array, optim::newton::InverseBias};
/// # fn main() -> candlelight::Result<()> {
/// // Curvatures 1 and 3, in equal numbers: H = 2, and the mean of the inverses is 2/3 instead of 1/2.
/// let bias = InverseBias::new(&array![[2.]], &[array![[1.]], array![[3.]]])?;
/// assert!((bias.bias[[0, 0]] - 1. / 6.).abs() < 1e-15);
/// assert!((bias.relative.mean - 1. / 3.).abs() < 1e-15); // a step of Newton is a third too long
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct InverseBias {
    /// H⁻¹ [P, P]
    pub inverse: Array2<f64>,
    /// D [P, P]
    pub bias: Array2<f64>,
    /// tr(H H_B⁻¹) / P - 1 of the batches: by what share the inverse is too large, averaged over all directions. 0 without
    /// bias; the draws of the batches must be independent for its standard error.
    pub relative: Summary,
    /// L of H = L Lᵀ
    root: Array2<f64>,
}

impl InverseBias {
    /// `hessian`: H, the mean of all that a batch can be; `batches`: H_B of at least one batch.
    ///
    /// # Errors
    /// No batch, shapes that do not fit, an H that is not positive definite, or [`Error::Singular`] if an H_B has no inverse,
    /// as when the batch has fewer samples than there are parameters.
    pub fn new(hessian: &Array2<f64>, batches: &[Array2<f64>]) -> Result<Self> {
        let p = square(hessian)?;
        let root = cholesky(hessian)?
            .ok_or_else(|| Error::setting("hessian", "positive definite", "a matrix without Cholesky factor"))?;
        let inverse_hessian = inverse(hessian)?;
        let (mut sum, mut ratios) = (Array2::<f64>::zeros((p, p)), Vec::with_capacity(batches.len()));
        for batch in batches {
            if batch.dim() != (p, p) {
                return Err(Error::shape("Hessian of a batch", format!("[{p}, {p}]"), batch.shape()));
            }
            let inverse = inverse(batch)?;
            // Both are symmetric, so the trace of the product is the sum of the products of the entries.
            ratios.push((hessian * &inverse).sum() / p as f64 - 1.0);
            sum += &inverse;
        }
        let relative = Summary::new(&ratios)?;
        let bias = sum / batches.len() as f64 - &inverse_hessian;
        Ok(Self { inverse: inverse_hessian, bias, relative, root })
    }

    /// Eigenvalues of H D, the least first: the bias as a share of H⁻¹ along each of P directions. All above 0 if and only if
    /// D is positive definite.
    ///
    /// ```text
    /// eigenvalues of Lᵀ D L, where H = L Lᵀ
    /// ```
    ///
    /// The least one of a sample is on average below that of its expectation (it is a concave function of D), so a mean above
    /// 0 is evidence.
    ///
    /// # Errors
    /// None in practice: the shapes fit.
    pub fn eigenvalues(&self) -> Result<Array1<f64>> {
        let product = self.root.t().dot(&self.bias).dot(&self.root);
        // Rounding of an inverse may be far above that of the product.
        symmetric_eigenvalues(&((&product + &product.t()) / 2.0))
    }
}
