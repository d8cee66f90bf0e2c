//! How far an update goes.

use candlelight_base::range;

use crate::Result;

/// α: how far the n-th update of a pair of state and action goes towards its target.
///
/// ```text
/// Constant(α): α      SampleAverage: 1/n      Polynomial(ω): n^-ω
/// ```
///
/// Q-learning converges with probability 1 if every pair is updated for ever and Σ α = ∞, Σ α² < ∞ (Robbins and Monro 1951;
/// Watkins and Dayan 1992): for n^-ω that is 1/2 < ω ≤ 1. A constant step keeps a spread around the target instead, and
/// follows one that moves. 1/n is what Even-Dar and Mansour (2003) call linear: with it the steps that are needed grow
/// exponentially in 1 / (1 - γ), with ω < 1 as a polynomial.
///
/// ```
/// use candlelight::rl::StepSize;
/// assert_eq!(StepSize::SampleAverage.at(4), 0.25);
/// assert_eq!(StepSize::Polynomial(0.5).at(4), 0.5);
/// assert_eq!(StepSize::Constant(0.1).at(4), 0.1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StepSize {
    /// The same for all updates, in (0, 1].
    Constant(f64),
    /// 1/n: the entry is the mean of all its targets.
    SampleAverage,
    /// n^-ω, with ω above 0.
    Polynomial(f64),
}

impl StepSize {
    /// The size of the n-th update of an entry, counted from 1; 0 counts as 1.
    pub fn at(&self, n: u64) -> f64 {
        let n = n.max(1) as f64;
        match *self {
            Self::Constant(alpha) => alpha,
            Self::SampleAverage => 1.0 / n,
            Self::Polynomial(omega) => n.powf(-omega),
        }
    }

    /// Whether its number is in range.
    ///
    /// # Errors
    /// If it is not.
    pub fn check(&self) -> Result<()> {
        match *self {
            Self::Constant(alpha) => {
                range::positive("step size", alpha)?;
                range::share("step size", alpha)
            }
            Self::SampleAverage => Ok(()),
            Self::Polynomial(omega) => range::positive("exponent of the step size", omega),
        }
    }
}
