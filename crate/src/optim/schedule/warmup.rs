use candlelight_base::range;

use super::{Schedule, check_positive};
use crate::Result;

/// The rate changes along a line, then stays.
///
/// ```text
/// ηₜ = η₀ (s + (e - s) min(t, total_iters) / total_iters)    for start_factor s and end_factor e
/// ```
///
/// ```
/// use candlelight::optim::schedule::{LinearLr, Schedule};
/// # fn main() -> candlelight::Result<()> {
/// let schedule = LinearLr::new(0.5, 1., 4)?;
/// assert_eq!([0, 2, 4, 9].map(|step| schedule.rate(1., step)), [0.5, 0.75, 1., 1.]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[doc(alias = "LinearLR")]
pub struct LinearLr {
    start_factor: f64,
    end_factor: f64,
    total_iters: u64,
}

impl LinearLr {
    /// `start_factor`, `end_factor`: finite and at least 0 (1/3 and 1 in PyTorch by default, where the first must be
    /// above 0); `total_iters`: steps from one to the other, at least 1 (5 in PyTorch by default).
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(start_factor: f64, end_factor: f64, total_iters: u64) -> Result<Self> {
        range::not_negative("start_factor", start_factor)?;
        range::not_negative("end_factor", end_factor)?;
        check_positive("total_iters", total_iters)?;
        Ok(Self { start_factor, end_factor, total_iters })
    }
}

impl Schedule for LinearLr {
    fn rate(&self, base_lr: f64, step: u64) -> f64 {
        let share = step.min(self.total_iters) as f64 / self.total_iters as f64;
        base_lr * (self.start_factor + (self.end_factor - self.start_factor) * share)
    }
}

/// A linear warm-up before another schedule, which starts when the warm-up ends.
///
/// ```text
/// ηₜ = η₀ (s + (1 - s) t / total_iters)    for t < total_iters and start_factor s
/// ηₜ = then(η₀, t - total_iters)           after that
/// ```
///
/// PyTorch's `SequentialLR([LinearLR(s, 1, total_iters), then], milestones=[total_iters])`.
///
/// ```
/// use candlelight::optim::schedule::{CosineAnnealingLr, Schedule, Warmup};
/// # fn main() -> candlelight::Result<()> {
/// let schedule = Warmup::new(0.1, 9, CosineAnnealingLr::new(91, 0.)?)?;
/// assert_eq!([0, 9, 100].map(|step| schedule.rate(1., step)), [0.1, 1., 0.]);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Warmup {
    start_factor: f64,
    total_iters: u64,
    then: Box<dyn Schedule>,
}

impl Warmup {
    /// `start_factor`: in [0, 1] (0 makes the first step one of length 0); `total_iters`: steps of the warm-up, at least 1;
    /// `then`: the schedule that follows.
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(start_factor: f64, total_iters: u64, then: impl Schedule + 'static) -> Result<Self> {
        range::share("start_factor", start_factor)?;
        check_positive("total_iters", total_iters)?;
        Ok(Self { start_factor, total_iters, then: Box::new(then) })
    }
}

impl Schedule for Warmup {
    fn rate(&self, base_lr: f64, step: u64) -> f64 {
        match step.checked_sub(self.total_iters) {
            Some(step) => self.then.rate(base_lr, step),
            None => {
                let share = step as f64 / self.total_iters as f64;
                base_lr * (self.start_factor + (1.0 - self.start_factor) * share)
            }
        }
    }
}
