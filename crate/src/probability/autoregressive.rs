//! Draws that remember.

use rand_distr::{Distribution, StandardNormal};

use crate::rng::Rng;
use crate::{Error, Result};

/// A stationary autoregressive chain of order 1: each draw is a part φ of the one before it, and new noise. All draws are of
/// the distribution N(0, 1), but they are not independent.
///
/// ```text
/// xₜ = φ xₜ₋₁ + √(1 - φ²) εₜ,    εₜ ~ N(0, 1)        Cov(xₛ, xₜ) = φ^|t - s|
/// ```
///
/// Box, Jenkins and Reinsel (2008), section 3.2.3.
///
/// ```
/// use candlelight::probability::Autoregressive;
/// # fn main() -> candlelight::Result<()> {
/// let chain = Autoregressive::new(0.5)?;
/// assert_eq!(chain.variance_of_mean(2), 0.75); // (1 + 1 + 2 · 0.5) / 4, where independent draws have 0.5
/// assert_eq!(chain.variance_factor(), 3.0);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[doc(alias = "AR(1)")]
pub struct Autoregressive {
    phi: f64,
}

impl Autoregressive {
    /// `phi` φ, in (-1, 1); 0 makes the draws independent.
    ///
    /// # Errors
    /// If `phi` is outside its range: the chain has no stationary distribution.
    pub fn new(phi: f64) -> Result<Self> {
        if phi.abs() < 1.0 { Ok(Self { phi }) } else { Err(Error::setting("phi", "in (-1, 1)", phi)) }
    }

    /// `n` consecutive draws; the first is of the stationary distribution.
    pub fn sample(&self, n: usize, rng: &mut Rng) -> Vec<f64> {
        let fresh = (1.0 - self.phi * self.phi).sqrt();
        let mut values: Vec<f64> = Vec::with_capacity(n);
        for _ in 0..n {
            let noise: f64 = StandardNormal.sample(rng);
            values.push(values.last().map_or(noise, |last| self.phi * last + fresh * noise));
        }
        values
    }

    /// Variance of the mean of `n` consecutive draws.
    ///
    /// ```text
    /// 1/n² Σₛ Σₜ φ^|t - s| = 1/n (1 + 2 Σₖ (1 - k/n) φᵏ),    k = 1, …, n - 1
    /// ```
    pub fn variance_of_mean(&self, n: usize) -> f64 {
        let length = n as f64;
        let (mut power, mut sum) = (1.0, 0.0);
        for k in 1..n {
            power *= self.phi;
            sum += (1.0 - k as f64 / length) * power;
        }
        (1.0 + 2.0 * sum) / length
    }

    /// By how much that variance exceeds the 1/n of independent draws, for large n: (1 + φ)/(1 - φ). n draws tell about the
    /// mean what n / factor independent ones do.
    pub fn variance_factor(&self) -> f64 {
        (1.0 + self.phi) / (1.0 - self.phi)
    }
}
