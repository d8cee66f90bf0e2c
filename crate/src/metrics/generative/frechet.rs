//! The distance of two Gaussians: one number for two sets of features.

use candle_core::Tensor;
use ndarray::{Array1, Array2, Axis};

use super::{points, two_sets};
use crate::eigen::{SymmetricEigen, symmetric_eigen, symmetric_eigenvalues};
use crate::{Error, Result};

/// Fréchet distance d² of the Gaussians that fit two sets of features.
///
/// ```text
/// d² = ‖μ₁ - μ₂‖² + tr(Σ₁ + Σ₂ - 2 (Σ₁Σ₂)^½)
/// ```
///
/// With the features of an Inception net this is the FID; with those of another net it is a number of its own, to be compared
/// only with others of that net. It sees means and covariances alone, and is the square of a Wasserstein-2 distance.
///
/// **Small samples make it too large**: estimated means and covariances scatter. Two sets of N samples of one and the same
/// standard Gaussian in 64 dimensions are some 2230/N apart, for N well above 64, and the true distance is 0. So fix N, and
/// show the distance of two real sets of that N beside.
///
/// # Shapes
/// `x` [N, d], `y` [M, d], of F32 or F64; at least two of each, better more than d: below, covariances are singular.
///
/// # Errors
/// Other shapes, or a number that is not finite.
///
/// Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter (2017), eq. 6; Dowson and Landau (1982). Covariances divide by N - 1,
/// as numpy's `cov` does in their program.
///
/// ```
/// use candlelight::metrics::generative::frechet_distance;
/// use candlelight::prelude::*;
/// # fn main() -> candlelight::Result<()> {
/// // On a line: (difference of the means)² + (difference of the standard deviations)².
/// let x = Tensor::new(&[[-1f64], [1.]], &Device::Cpu)?;
/// let y = ((&x * 3.)? + 1.)?;
/// assert!((frechet_distance(&x, &y)? - (1. + (2. * 2f64.sqrt()).powi(2))).abs() < 1e-12);
/// # Ok(()) }
/// ```
#[doc(alias("fid", "Frechet inception distance"))]
pub fn frechet_distance(x: &Tensor, y: &Tensor) -> Result<f64> {
    two_sets(("x", x), ("y", y), 2)?;
    FeatureStatistics::new(x)?.frechet_distance(&FeatureStatistics::new(y)?)
}

/// Mean and covariance of a set of features: what is kept of the real ones, to compare many generated sets with.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureStatistics {
    /// μ `[d]`.
    pub mean: Array1<f64>,
    /// Σ [d, d], with N - 1 in the denominator.
    pub covariance: Array2<f64>,
}

impl FeatureStatistics {
    /// Of `features` [N, d], N at least 2.
    ///
    /// # Errors
    /// Another shape, or a number that is not finite.
    pub fn new(features: &Tensor) -> Result<Self> {
        let rows = points("features", features, 2)?;
        let n = rows.nrows() as f64;
        let mean = rows.sum_axis(Axis(0)) / n;
        let centered = rows - &mean;
        Ok(Self { covariance: centered.t().dot(&centered) / (n - 1.0), mean })
    }

    /// [`frechet_distance`] of the two Gaussians.
    ///
    /// tr (Σ₁Σ₂)^½ is the sum of the roots of the eigenvalues of the symmetric Σ₁^½ Σ₂ Σ₁^½, which are those of Σ₁Σ₂.
    ///
    /// # Errors
    /// If they are of different dimensions.
    pub fn frechet_distance(&self, other: &Self) -> Result<f64> {
        if self.mean.len() != other.mean.len() {
            let expected = format!("[{}], as those of the other set", self.mean.len());
            return Err(Error::shape("features", expected, &[other.mean.len()]));
        }
        let root = root(&self.covariance)?;
        let product = root.dot(&other.covariance).dot(&root);
        // Symmetric but for rounding, which may also leave eigenvalues a little below 0.
        let eigenvalues = symmetric_eigenvalues(&((&product + &product.t()) / 2.0))?;
        let cross: f64 = eigenvalues.iter().map(|value| value.max(0.0).sqrt()).sum();
        let means = (&self.mean - &other.mean).mapv(|difference| difference * difference).sum();
        let spread = self.covariance.diag().sum() + other.covariance.diag().sum() - 2.0 * cross;
        Ok(means + spread.max(0.0))
    }
}

/// Σ^½ = Q diag(√λ) Qᵀ
fn root(covariance: &Array2<f64>) -> Result<Array2<f64>> {
    let SymmetricEigen { values, vectors } = symmetric_eigen(covariance)?;
    Ok((&vectors * &values.mapv(|value| value.max(0.0).sqrt())).dot(&vectors.t()))
}
