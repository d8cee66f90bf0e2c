use super::{Schedule, check_gamma, check_positive};
use crate::{Error, Result};

/// The rate falls by a factor at regular intervals.
///
/// ```text
/// ηₜ = η₀ γ^⌊t / step_size⌋
/// ```
///
/// ```
/// use candlelight::optim::schedule::{Schedule, StepLr};
/// # fn main() -> candlelight::Result<()> {
/// assert_eq!(StepLr::new(2, 0.5)?.rate(1., 5), 0.25);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[doc(alias = "StepLR")]
pub struct StepLr {
    step_size: u64,
    gamma: f64,
}

impl StepLr {
    /// `step_size`: steps between two falls, at least 1; `gamma`: the factor γ, finite and at least 0 (0.1 in PyTorch
    /// by default).
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(step_size: u64, gamma: f64) -> Result<Self> {
        check_positive("step_size", step_size)?;
        check_gamma(gamma)?;
        Ok(Self { step_size, gamma })
    }
}

impl Schedule for StepLr {
    fn rate(&self, base_lr: f64, step: u64) -> f64 {
        base_lr * power(self.gamma, step / self.step_size)
    }
}

/// The rate falls by a factor at given steps.
///
/// ```text
/// ηₜ = η₀ γ^n,    n = how many milestones are at most t
/// ```
///
/// ```
/// use candlelight::optim::schedule::{MultiStepLr, Schedule};
/// # fn main() -> candlelight::Result<()> {
/// let schedule = MultiStepLr::new([3, 5], 0.5)?;
/// assert_eq!([2, 3, 5].map(|step| schedule.rate(1., step)), [1., 0.5, 0.25]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[doc(alias = "MultiStepLR")]
pub struct MultiStepLr {
    milestones: Vec<u64>,
    gamma: f64,
}

impl MultiStepLr {
    /// `milestones`: rising, at least one (one that is named twice counts twice); `gamma`: the factor γ, finite and at
    /// least 0 (0.1 in PyTorch by default).
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(milestones: impl Into<Vec<u64>>, gamma: f64) -> Result<Self> {
        let milestones = milestones.into();
        if milestones.is_empty() || !milestones.is_sorted() {
            return Err(Error::setting("milestones", "a rising list of at least one step", format!("{milestones:?}")));
        }
        check_gamma(gamma)?;
        Ok(Self { milestones, gamma })
    }
}

impl Schedule for MultiStepLr {
    fn rate(&self, base_lr: f64, step: u64) -> f64 {
        base_lr * power(self.gamma, self.milestones.iter().filter(|&&milestone| milestone <= step).count() as u64)
    }
}

/// The rate falls by a factor at each step.
///
/// ```text
/// ηₜ = η₀ γᵗ
/// ```
///
/// ```
/// use candlelight::optim::schedule::{ExponentialLr, Schedule};
/// # fn main() -> candlelight::Result<()> {
/// assert_eq!(ExponentialLr::new(0.5)?.rate(1., 3), 0.125);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[doc(alias = "ExponentialLR")]
pub struct ExponentialLr {
    gamma: f64,
}

impl ExponentialLr {
    /// `gamma`: the factor γ, finite and at least 0.
    ///
    /// # Errors
    /// A factor outside its range.
    pub fn new(gamma: f64) -> Result<Self> {
        check_gamma(gamma)?;
        Ok(Self { gamma })
    }
}

impl Schedule for ExponentialLr {
    fn rate(&self, base_lr: f64, step: u64) -> f64 {
        base_lr * power(self.gamma, step)
    }
}

fn power(gamma: f64, exponent: u64) -> f64 {
    gamma.powf(exponent as f64)
}
