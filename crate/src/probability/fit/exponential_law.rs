//! Rates of laws such as "the gradient shrinks by a factor of 0.25 in each layer".

use super::line::{Line, check_positive};
use crate::{Error, Result};

/// y = c bˣ, fitted to points by least squares on the logarithm of y: a straight line where only the y axis is
/// logarithmic.
///
/// ```text
/// ln y = ln c + x ln b
/// ```
///
/// ```
/// use candlelight::probability::fit::ExponentialLaw;
/// # fn main() -> candlelight::Result<()> {
/// let layers = [1.0, 2.0, 3.0, 4.0];
/// let law = ExponentialLaw::fit(&layers, &layers.map(|layer: f64| 8.0 * 0.25_f64.powf(layer)))?;
/// assert!((law.base - 0.25).abs() < 1e-12 && (law.factor - 8.0).abs() < 1e-12);
/// assert!((law.at(5.0) - 8.0 / 1024.0).abs() < 1e-12);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExponentialLaw {
    /// The base b: what y is multiplied by when x grows by one. Below 1 it decays, above 1 it grows.
    pub base: f64,
    /// The factor c, the value at x = 0.
    pub factor: f64,
    /// Standard error of b, from the scatter of the points about the line; 0 for two points.
    pub base_error: f64,
}

impl ExponentialLaw {
    /// Through the points (xᵢ, yᵢ).
    ///
    /// # Errors
    /// [`Error::Shape`] if there are not as many x as y; [`Error::Setting`] if an x is not finite, a y is not positive and
    /// finite, or if there are not two different x.
    pub fn fit(x: &[f64], y: &[f64]) -> Result<Self> {
        if let Some(value) = x.iter().find(|value| !value.is_finite()) {
            return Err(Error::setting("x", "finite", value));
        }
        check_positive("y", y)?;
        let y: Vec<f64> = y.iter().map(|value| value.ln()).collect();
        let Line { slope, intercept, slope_error } = Line::fit(x, &y)?;
        Ok(Self { base: slope.exp(), factor: intercept.exp(), base_error: slope.exp() * slope_error })
    }

    /// The law at `x`.
    pub fn at(&self, x: f64) -> f64 {
        self.factor * self.base.powf(x)
    }
}
