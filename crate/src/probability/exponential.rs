//! Waiting times.

use candlelight_base::range;

use rand_distr::{Distribution, Exp1};

use crate::Result;
use crate::rng::Rng;

/// The exponential distribution: how long one waits for what happens at a constant rate λ. A skewed distribution with all moments.
///
/// ```text
/// f(x) = λ exp(-λx),    F(x) = 1 - exp(-λx),    x ≥ 0        mean = std = 1/λ,    skewness 2
/// ```
///
/// ```
/// use candlelight::probability::Exponential;
/// # fn main() -> candlelight::Result<()> {
/// let wait = Exponential::new(2.0)?;
/// assert_eq!((wait.mean(), wait.variance()), (0.5, 0.25));
/// assert!((wait.cumulative(2f64.ln() / 2.0) - 0.5).abs() < 1e-15); // the median is ln 2 / λ
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponential {
    rate: f64,
}

impl Exponential {
    /// `rate` λ, above 0 and finite.
    ///
    /// # Errors
    /// If the rate is outside its range.
    pub fn new(rate: f64) -> Result<Self> {
        range::positive("rate", rate)?;
        Ok(Self { rate })
    }

    /// The mean, 1/λ.
    pub fn mean(&self) -> f64 {
        1.0 / self.rate
    }

    /// The variance, 1/λ².
    pub fn variance(&self) -> f64 {
        self.mean().powi(2)
    }

    /// Probability per unit of x.
    #[doc(alias("pdf", "probability density"))]
    pub fn density(&self, x: f64) -> f64 {
        if x < 0.0 { 0.0 } else { self.rate * (-self.rate * x).exp() }
    }

    /// The probability of at most `x`.
    #[doc(alias("cdf", "distribution function"))]
    pub fn cumulative(&self, x: f64) -> f64 {
        if x < 0.0 { 0.0 } else { -(-self.rate * x).exp_m1() }
    }

    /// `n` independent draws.
    pub fn sample(&self, n: usize, rng: &mut Rng) -> Vec<f64> {
        (0..n).map(|_| Distribution::<f64>::sample(&Exp1, rng) / self.rate).collect()
    }
}
