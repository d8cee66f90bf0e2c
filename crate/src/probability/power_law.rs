//! Exponents of laws such as "the error falls as 1/√n".

use crate::{Error, Result};

/// y = c xᵏ, fitted to points by least squares on the logarithms: a straight line on log-log axes, whose slope is k.
///
/// ```text
/// ln y = ln c + k ln x
/// ```
///
/// ```
/// use candlelight::probability::PowerLaw;
/// # fn main() -> candlelight::Result<()> {
/// let n = [10.0, 100.0, 1000.0];
/// let law = PowerLaw::fit(&n, &n.map(|n: f64| 3.0 / n.sqrt()))?;
/// assert!((law.exponent + 0.5).abs() < 1e-12 && (law.factor - 3.0).abs() < 1e-12);
/// assert!((law.at(4.0) - 1.5).abs() < 1e-12);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerLaw {
    /// The exponent k.
    pub exponent: f64,
    /// The factor c, the value at x = 1.
    pub factor: f64,
    /// Standard error of the exponent, from the scatter of the points about the line; 0 for two points.
    pub exponent_error: f64,
}

impl PowerLaw {
    /// Through the points (xᵢ, yᵢ).
    ///
    /// # Errors
    /// [`Error::Shape`] if there are not as many x as y; [`Error::Setting`] if a value is not positive and finite, or if
    /// there are not two different x.
    pub fn fit(x: &[f64], y: &[f64]) -> Result<Self> {
        if x.len() != y.len() {
            return Err(Error::shape("y", format!("[{}], as x", x.len()), &[y.len()]));
        }
        for (name, values) in [("x", x), ("y", y)] {
            if let Some(value) = values.iter().find(|value| !(**value > 0.0 && value.is_finite())) {
                return Err(Error::setting(name, "positive and finite, to have a logarithm", value));
            }
        }
        let n = x.len() as f64;
        let logarithms = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<f64>>();
        let (x, y) = (logarithms(x), logarithms(y));
        let (x_mean, y_mean) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
        let xx: f64 = x.iter().map(|x| (x - x_mean).powi(2)).sum();
        if x.len() < 2 || xx == 0.0 {
            return Err(Error::setting("x", "at least two different values", x.len()));
        }
        let exponent = x.iter().zip(&y).map(|(x, y)| (x - x_mean) * (y - y_mean)).sum::<f64>() / xx;
        let intercept = y_mean - exponent * x_mean;
        let squares: f64 = x.iter().zip(&y).map(|(x, y)| (y - intercept - exponent * x).powi(2)).sum();
        let exponent_error = if x.len() == 2 { 0.0 } else { (squares / (n - 2.0) / xx).sqrt() };
        Ok(Self { exponent, factor: intercept.exp(), exponent_error })
    }

    /// The law at `x`.
    pub fn at(&self, x: f64) -> f64 {
        self.factor * x.powf(self.exponent)
    }
}
