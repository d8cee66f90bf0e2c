//! Tails that fall as a power.

use candlelight_base::range;
use rand::Rng as _;

use crate::Result;
use crate::rng::Rng;

/// The Pareto distribution: a tail that falls as a power α of x. The mean exists for α > 1 only, the variance for α > 2 only.
///
/// ```text
/// P(X > x) = (m/x)^α,    f(x) = α m^α / x^(α + 1),    x ≥ m
/// ```
///
/// ```
/// use candlelight::probability::Pareto;
/// # fn main() -> candlelight::Result<()> {
/// let distribution = Pareto::new(1.0, 1.5)?;
/// assert_eq!((distribution.mean(), distribution.variance()), (3.0, f64::INFINITY));
/// assert_eq!(distribution.cumulative(4.0), 0.875);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pareto {
    minimum: f64,
    shape: f64,
}

impl Pareto {
    /// `minimum` m and `shape` α, above 0 and finite.
    ///
    /// # Errors
    /// If one of them is outside its range.
    pub fn new(minimum: f64, shape: f64) -> Result<Self> {
        range::positive("minimum", minimum)?;
        range::positive("shape", shape)?;
        Ok(Self { minimum, shape })
    }

    /// The mean, α m / (α - 1), or ∞ for α ≤ 1.
    pub fn mean(&self) -> f64 {
        if self.shape > 1.0 { self.shape * self.minimum / (self.shape - 1.0) } else { f64::INFINITY }
    }

    /// The variance, α m² / ((α - 1)² (α - 2)), or ∞ for α ≤ 2.
    pub fn variance(&self) -> f64 {
        let a = self.shape;
        if a > 2.0 { a * self.minimum.powi(2) / ((a - 1.0).powi(2) * (a - 2.0)) } else { f64::INFINITY }
    }

    /// Probability per unit of x.
    #[doc(alias("pdf", "probability density"))]
    pub fn density(&self, x: f64) -> f64 {
        if x < self.minimum { 0.0 } else { self.shape / x * (self.minimum / x).powf(self.shape) }
    }

    /// The probability of at most `x`.
    #[doc(alias("cdf", "distribution function"))]
    pub fn cumulative(&self, x: f64) -> f64 {
        if x < self.minimum { 0.0 } else { 1.0 - (self.minimum / x).powf(self.shape) }
    }

    /// `n` independent draws: F⁻¹ of uniform ones.
    pub fn sample(&self, n: usize, rng: &mut Rng) -> Vec<f64> {
        // 1 - u is in (0, 1], so that no draw is infinite.
        let draw = |u: f64| self.minimum * (1.0 - u).powf(-1.0 / self.shape);
        (0..n).map(|_| draw(rng.random())).collect()
    }
}
