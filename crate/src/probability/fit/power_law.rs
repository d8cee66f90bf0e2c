//! Exponents of laws such as "the error falls as 1/√n".

use super::line::{Line, check_positive};
use crate::Result;
use crate::probability::student;

/// y = c xᵏ, fitted to points by least squares on the logarithms: a straight line on log-log axes, whose slope is k.
///
/// ```text
/// ln y = ln c + k ln x
/// ```
///
/// ```
/// use candlelight::probability::fit::PowerLaw;
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
    /// Half the width of the exponent's 95 % confidence interval, for normal errors of ln y: t · standard error, with t
    /// of n - 2 degrees of freedom as for a [`Summary`](crate::probability::Summary); infinite for two points, through
    /// which a line always goes.
    pub exponent_margin: f64,
}

impl PowerLaw {
    /// Through the points (xᵢ, yᵢ).
    ///
    /// # Errors
    /// Not as many x as y, a value that is not positive and finite, or no two different x.
    pub fn fit(x: &[f64], y: &[f64]) -> Result<Self> {
        check_positive("x", x)?;
        check_positive("y", y)?;
        let logarithms = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<f64>>();
        let Line { slope, intercept, slope_error } = Line::fit(&logarithms(x), &logarithms(y))?;
        let exponent_margin = if x.len() == 2 { f64::INFINITY } else { student::t(x.len() - 2) * slope_error };
        Ok(Self { exponent: slope, factor: intercept.exp(), exponent_error: slope_error, exponent_margin })
    }

    /// The law at `x`.
    pub fn at(&self, x: f64) -> f64 {
        self.factor * x.powf(self.exponent)
    }
}

/// The exponent ± [its margin](PowerLaw::exponent_margin), with three decimals unless a precision is given.
impl std::fmt::Display for PowerLaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let decimals = f.precision().unwrap_or(3);
        write!(f, "{:.decimals$} ± {:.decimals$}", self.exponent, self.exponent_margin)
    }
}
