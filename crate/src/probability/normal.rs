//! The bell curve.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use candle_core::cpu::erf::erfc_f64;
use candlelight_base::range;
use rand_distr::{Distribution, StandardNormal};

use super::Summary;
use crate::Result;
use crate::rng::Rng;

/// The normal (Gaussian) distribution N(μ, σ²).
///
/// ```text
/// f(x) = exp(-(x - μ)² / (2σ²)) / (σ √(2π))        F(x) = Φ((x - μ)/σ) = erfc(-(x - μ)/(σ√2)) / 2
/// ```
///
/// ```
/// use candlelight::probability::Normal;
/// # fn main() -> candlelight::Result<()> {
/// let standard = Normal::new(0.0, 1.0)?;
/// assert!((standard.cumulative(1.96) - standard.cumulative(-1.96) - 0.950_004).abs() < 1e-6);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[doc(alias = "Gaussian")]
pub struct Normal {
    mean: f64,
    std: f64,
}

impl Normal {
    /// `mean` μ, finite; `std` σ, above 0 and finite.
    ///
    /// # Errors
    /// If one of them is outside its range.
    pub fn new(mean: f64, std: f64) -> Result<Self> {
        range::finite("mean", mean)?;
        range::positive("std", std)?;
        Ok(Self { mean, std })
    }

    /// The normal distribution under which `values` are most likely.
    ///
    /// ```text
    /// μ = 1/n Σ xᵢ        σ² = 1/n Σ (xᵢ - μ)²
    /// ```
    ///
    /// The variance divides by n and is too small on average, by the factor (n - 1)/n; [`Summary`] has the unbiased one.
    ///
    /// # Errors
    /// If there are no values, or all are equal: the likelihood then grows without bound as σ → 0.
    ///
    /// ```
    /// use candlelight::probability::Normal;
    /// # fn main() -> candlelight::Result<()> {
    /// let distribution = Normal::fit(&[1.0, 3.0])?;
    /// assert!(distribution.mean() == 2.0 && (distribution.std() - 1.0).abs() < 1e-15); // the unbiased estimate would be √2
    /// # Ok(()) }
    /// ```
    #[doc(alias("mle", "maximum likelihood"))]
    pub fn fit(values: &[f64]) -> Result<Self> {
        let summary = Summary::new(values)?;
        let n = summary.n as f64;
        Self::new(summary.mean, summary.std * ((n - 1.0) / n).sqrt())
    }

    /// The mean μ.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The standard deviation σ.
    pub fn std(&self) -> f64 {
        self.std
    }

    /// Probability per unit of x.
    #[doc(alias("pdf", "probability density"))]
    pub fn density(&self, x: f64) -> f64 {
        self.log_density(x).exp()
    }

    /// Natural logarithm of the density.
    #[doc(alias("log_prob", "log-likelihood"))]
    pub fn log_density(&self, x: f64) -> f64 {
        -0.5 * ((x - self.mean) / self.std).powi(2) - self.std.ln() - 0.5 * (2.0 * PI).ln()
    }

    /// The probability of at most `x`, with all its digits in the lower tail.
    #[doc(alias("cdf", "distribution function"))]
    pub fn cumulative(&self, x: f64) -> f64 {
        0.5 * erfc_f64(-(x - self.mean) / self.std * FRAC_1_SQRT_2)
    }

    /// `n` independent draws.
    pub fn sample(&self, n: usize, rng: &mut Rng) -> Vec<f64> {
        (0..n).map(|_| self.mean + self.std * Distribution::<f64>::sample(&StandardNormal, rng)).collect()
    }
}
