//! A share, and how surely it is known.

use crate::{Error, Result};

/// How many of n independent trials succeeded, and what that says about the probability θ of success: an accuracy, a keep
/// rate, a share of heads.
///
/// ```
/// use candlelight::probability::Proportion;
/// # fn main() -> candlelight::Result<()> {
/// let heads = Proportion::new(52, 100)?;
/// assert_eq!(heads.share(), 0.52);
/// assert!((heads.standard_error() - 0.04996).abs() < 1e-5);
/// let (low, high) = heads.interval(1.96);
/// assert!((low - 0.423).abs() < 1e-3 && (high - 0.615).abs() < 1e-3);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proportion {
    /// How many succeeded.
    pub successes: u64,
    /// How many there were, at least 1.
    pub trials: u64,
}

impl Proportion {
    /// `successes` of `trials`.
    ///
    /// # Errors
    /// If there are no trials, or fewer than successes.
    pub fn new(successes: u64, trials: u64) -> Result<Self> {
        if trials == 0 || successes > trials {
            let actual = format!("{successes} of {trials}");
            return Err(Error::setting("successes", "at most as many as trials, of which there is one", actual));
        }
        Ok(Self { successes, trials })
    }

    /// The maximum-likelihood estimate of θ: successes / trials.
    pub fn share(&self) -> f64 {
        self.successes as f64 / self.trials as f64
    }

    /// √(share (1 - share) / n), from the curvature of the log-likelihood; 0 at the shares 0 and 1, where it says nothing.
    pub fn standard_error(&self) -> f64 {
        (self.share() * (1.0 - self.share()) / self.trials as f64).sqrt()
    }

    /// Wilson's interval: all θ from which the share is at most z standard deviations away. z = 1.96 covers θ with a
    /// probability of about 0.95, for small n and shares near 0 or 1 too.
    ///
    /// ```text
    /// |share - θ| ≤ z √(θ (1 - θ) / n)
    /// ```
    ///
    /// Wilson (1927); Brown, Cai and DasGupta (2001), section 3.1.1. The interval share ± z standard errors (Wald's)
    /// covers less than it promises there.
    #[doc(alias("Wilson", "confidence interval"))]
    pub fn interval(&self, z: f64) -> (f64, f64) {
        let (n, share, z2) = (self.trials as f64, self.share(), z * z);
        let center = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = z.abs() * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt() / (1.0 + z2 / n);
        ((center - half).max(0.0), (center + half).min(1.0))
    }
}

/// The share and its interval for z = 1.96, with three decimals unless a precision is given.
impl std::fmt::Display for Proportion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let decimals = f.precision().unwrap_or(3);
        let (low, high) = self.interval(1.96);
        write!(f, "{:.decimals$} [{low:.decimals$}, {high:.decimals$}]", self.share())
    }
}
