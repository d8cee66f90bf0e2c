//! Mean and spread of a sample.

use super::student;
use crate::{Error, Result};

/// Mean, spread and confidence interval of repeated measurements.
///
/// ```text
/// mean = 1/n Σ xᵢ      std² = 1/(n - 1) Σ (xᵢ - mean)²      standard error of the mean = std / √n
/// 95 % confidence interval = mean ± t · standard error
/// ```
///
/// t is the 0.975 quantile of Student's distribution with n - 1 degrees of freedom: 12.7 for two values, 4.30 for
/// three, 2.78 for five, and 1.96 for many. It is larger for few values because their spread is an estimate too. The
/// interval is exact for values that follow the normal distribution; they must be independent: the standard error of
/// correlated ones is larger.
///
/// Student (1908), *The probable error of a mean*, [doi:10.2307/2331554](https://doi.org/10.2307/2331554).
///
/// ```
/// use candlelight::probability::Summary;
/// # fn main() -> candlelight::Result<()> {
/// let accuracy = Summary::new(&[0.81, 0.84, 0.84, 0.87])?;
/// assert!((accuracy.mean - 0.84).abs() < 1e-12);
/// assert!((accuracy.standard_error() - 0.01225).abs() < 1e-5);
/// assert!((accuracy.margin() / accuracy.standard_error() - 3.1824).abs() < 1e-4);
/// assert_eq!(accuracy.to_string(), "0.840 ± 0.039");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many values.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, with n - 1 in the denominator; 0 for a single value.
    pub std: f64,
}

impl Summary {
    /// Of `values`, at least one of them.
    ///
    /// # Errors
    /// [`Error::Setting`] if there are none.
    pub fn new(values: &[f64]) -> Result<Self> {
        if values.is_empty() {
            return Err(Error::setting("values", "at least one", "none"));
        }
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Ok(Self { n: values.len(), mean, std: (squares / (n - 1.0).max(1.0)).sqrt() })
    }

    /// Of the differences `aᵢ - bᵢ` of two ways that were tried in the same circumstances (seed, split, initial weights).
    ///
    /// What the circumstances do to both cancels, so the interval is narrower than the two of the single ways suggest: those may
    /// overlap where this one [excludes](Self::excludes) 0.
    ///
    /// ```
    /// use candlelight::probability::Summary;
    /// # fn main() -> candlelight::Result<()> {
    /// let (a, b) = ([0.71, 0.84, 0.78], [0.69, 0.83, 0.76]);
    /// let difference = Summary::paired(&a, &b)?;
    /// assert!(difference.excludes(0.0) && Summary::new(&a)?.margin() > 0.1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] if there are none, or not equally many of both.
    pub fn paired(a: &[f64], b: &[f64]) -> Result<Self> {
        if a.len() != b.len() {
            return Err(Error::setting("b", "as long as a", format!("{} values for {}", b.len(), a.len())));
        }
        Self::new(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>())
    }

    /// Whether the 95 % confidence interval lies on one side of `value`.
    pub fn excludes(&self, value: f64) -> bool {
        (self.mean - value).abs() > self.margin()
    }

    /// Standard error of the mean, std / √n, in the unit of the values.
    #[doc(alias("sem", "standard error of the mean"))]
    pub fn standard_error(&self) -> f64 {
        self.std / (self.n as f64).sqrt()
    }

    /// Half the width of the 95 % confidence interval, in the unit of the values; infinite for a single value, whose spread is
    /// unknown.
    pub fn margin(&self) -> f64 {
        if self.n < 2 { f64::INFINITY } else { student::t(self.n - 1) * self.standard_error() }
    }

    /// The 95 % confidence interval, mean ± [margin](Self::margin).
    pub fn confidence_interval(&self) -> (f64, f64) {
        (self.mean - self.margin(), self.mean + self.margin())
    }

    /// The interval mean ± z · standard error, for another probability: it covers the true mean with probability 2 Φ(z) - 1 where
    /// n is large.
    pub fn interval(&self, z: f64) -> (f64, f64) {
        let half = z * self.standard_error();
        (self.mean - half, self.mean + half)
    }
}

/// Mean ± [margin](Summary::margin), with three decimals unless a precision is given.
impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let decimals = f.precision().unwrap_or(3);
        write!(f, "{:.decimals$} ± {:.decimals$}", self.mean, self.margin())
    }
}
