//! A distribution without a mean.

use std::f64::consts::PI;

use candlelight_base::range;
use rand::Rng as _;

use crate::Result;
use crate::rng::Rng;

/// The Cauchy distribution, whose tails are so heavy that it has no mean: the mean of n draws has the distribution of a single one.
///
/// ```text
/// f(x) = 1 / (π s (1 + z²)),    F(x) = 1/2 + arctan(z)/π,    z = (x - m)/s
/// ```
///
/// The location m is its median; half of the draws lie within the scale s of it. The quotient of two standard normal
/// draws is of this distribution, with m = 0 and s = 1.
///
/// ```
/// use candlelight::probability::Cauchy;
/// # fn main() -> candlelight::Result<()> {
/// let distribution = Cauchy::new(0.0, 1.0)?;
/// assert!((distribution.cumulative(1.0) - distribution.cumulative(-1.0) - 0.5).abs() < 1e-15);
/// assert!(distribution.cumulative(-100.0) > 0.003); // the standard normal has 10⁻²¹⁷³ there
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cauchy {
    location: f64,
    scale: f64,
}

impl Cauchy {
    /// `location` m, finite; `scale` s, above 0 and finite.
    ///
    /// # Errors
    /// If one of them is outside its range.
    pub fn new(location: f64, scale: f64) -> Result<Self> {
        range::finite("location", location)?;
        range::positive("scale", scale)?;
        Ok(Self { location, scale })
    }

    /// Probability per unit of x.
    #[doc(alias("pdf", "probability density"))]
    pub fn density(&self, x: f64) -> f64 {
        let z = (x - self.location) / self.scale;
        1.0 / (PI * self.scale * (1.0 + z * z))
    }

    /// The probability of at most `x`.
    #[doc(alias("cdf", "distribution function"))]
    pub fn cumulative(&self, x: f64) -> f64 {
        0.5 + ((x - self.location) / self.scale).atan() / PI
    }

    /// `n` independent draws: F⁻¹ of uniform ones.
    pub fn sample(&self, n: usize, rng: &mut Rng) -> Vec<f64> {
        let draw = |u: f64| self.location + self.scale * (PI * (u - 0.5)).tan();
        (0..n).map(|_| draw(rng.random())).collect()
    }
}
