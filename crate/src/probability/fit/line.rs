//! The straight line of least squares, below the laws that are straight on a logarithmic scale.

use crate::{Error, Result};

pub(super) struct Line {
    pub slope: f64,
    pub intercept: f64,
    /// Standard error of the slope, from the scatter of the points about the line; 0 for two points.
    pub slope_error: f64,
}

impl Line {
    pub fn fit(x: &[f64], y: &[f64]) -> Result<Self> {
        if x.len() != y.len() {
            return Err(Error::shape("y", format!("[{}], as x", x.len()), &[y.len()]));
        }
        let n = x.len() as f64;
        let (x_mean, y_mean) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
        let xx: f64 = x.iter().map(|x| (x - x_mean).powi(2)).sum();
        if x.len() < 2 || xx == 0.0 {
            return Err(Error::setting("x", "at least two different values", x.len()));
        }
        let slope = x.iter().zip(y).map(|(x, y)| (x - x_mean) * (y - y_mean)).sum::<f64>() / xx;
        let intercept = y_mean - slope * x_mean;
        let squares: f64 = x.iter().zip(y).map(|(x, y)| (y - intercept - slope * x).powi(2)).sum();
        let slope_error = if x.len() == 2 { 0.0 } else { (squares / (n - 2.0) / xx).sqrt() };
        Ok(Self { slope, intercept, slope_error })
    }
}

pub(super) fn check_positive(name: &'static str, values: &[f64]) -> Result<()> {
    match values.iter().find(|value| !(**value > 0.0 && value.is_finite())) {
        Some(value) => Err(Error::setting(name, "positive and finite, to have a logarithm", value)),
        None => Ok(()),
    }
}
