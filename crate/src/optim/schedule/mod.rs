//! Learning-rate schedules.
//!
//! A schedule is a closed form, from the rate a run starts with and the number of steps made to the rate of the next
//! step; the [`LrScheduler`] counts the steps. What a step is, an update or an epoch, is up to the caller.
//! [`ReduceLrOnPlateau`] follows a measured quantity instead.

mod annealing;
mod one_cycle;
mod plateau;
mod scheduler;
mod stepwise;
mod warmup;

use candlelight_base::range;

use crate::Result;

pub use annealing::CosineAnnealingLr;
pub use one_cycle::{AnnealStrategy, OneCycleLr, OneCycleLrConfig};
pub use plateau::{PlateauMode, ReduceLrOnPlateau, ReduceLrOnPlateauConfig, ThresholdMode};
pub use scheduler::LrScheduler;
pub use stepwise::{ExponentialLr, MultiStepLr, StepLr};
pub use warmup::{LinearLr, Warmup};

/// A learning rate as a function of the number of steps made.
///
/// ```
/// use candlelight::optim::schedule::{Schedule, StepLr};
/// # fn main() -> candlelight::Result<()> {
/// let schedule = StepLr::new(30, 0.5)?;
/// assert_eq!([0, 29, 30, 60].map(|step| schedule.rate(0.1, step)), [0.1, 0.1, 0.05, 0.025]);
/// # Ok(()) }
/// ```
pub trait Schedule: std::fmt::Debug + Send + Sync {
    /// The learning rate after `step` steps, of a run that starts with `base_lr`.
    fn rate(&self, base_lr: f64, step: u64) -> f64;
}

impl Schedule for Box<dyn Schedule> {
    fn rate(&self, base_lr: f64, step: u64) -> f64 {
        self.as_ref().rate(base_lr, step)
    }
}

/// γ of a schedule that multiplies by it.
fn check_gamma(gamma: f64) -> Result<()> {
    range::not_negative("gamma", gamma)
}

fn check_positive(name: &'static str, value: u64) -> Result<()> {
    if value > 0 { Ok(()) } else { Err(crate::Error::setting(name, "at least 1", value)) }
}
