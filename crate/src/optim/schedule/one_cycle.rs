use std::f64::consts::PI;

use candlelight_base::range;

use super::{Schedule, check_positive};
use crate::{Error, Result};

/// How a phase of [`OneCycleLr`] goes from one rate to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AnnealStrategy {
    /// Along half a cosine.
    #[default]
    Cos,
    /// Along a line.
    Linear,
}

/// Settings of [`OneCycleLr`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OneCycleLrConfig {
    /// The highest rate, finite and at least 0; PyTorch has no default, here 0.01.
    pub max_lr: f64,
    /// Steps of the whole cycle, at least 1; PyTorch has no default, here 1000.
    pub total_steps: u64,
    /// Share of the steps that the rise takes, in [0, 1]; default 0.3.
    pub pct_start: f64,
    /// How the rate goes from one phase to the next; default [`AnnealStrategy::Cos`].
    pub anneal_strategy: AnnealStrategy,
    /// How many times the first rate goes into the highest, finite and above 0; default 25.
    pub div_factor: f64,
    /// How many times the last rate goes into the first, finite and above 0; default 10 000.
    pub final_div_factor: f64,
    /// Whether the fall to the first rate is a phase of its own; default false.
    pub three_phase: bool,
}

impl Default for OneCycleLrConfig {
    fn default() -> Self {
        Self {
            max_lr: 0.01,
            total_steps: 1000,
            pct_start: 0.3,
            anneal_strategy: AnnealStrategy::Cos,
            div_factor: 25.0,
            final_div_factor: 1e4,
            three_phase: false,
        }
    }
}

/// The 1cycle policy: the rate rises to a maximum, then falls far below where it started.
///
/// ```text
/// η₀ = max_lr / div_factor  →  max_lr  →  η₀ / final_div_factor
/// the maximum after pct_start · total_steps steps, the end after total_steps, both less one
/// ```
///
/// With `three_phase`, the fall to η₀ mirrors the rise, and only then the rate goes on falling. Smith and Topin (2018),
/// section 3; the phases as in PyTorch.
///
/// Deviations from PyTorch: all groups have one `max_lr`, whatever their own rates; the momentum is not cycled
/// (`cycle_momentum=False`); after the end the last rate stays, where PyTorch raises an error.
///
/// ```
/// use candlelight::optim::schedule::{OneCycleLr, OneCycleLrConfig, Schedule};
/// # fn main() -> candlelight::Result<()> {
/// let config = OneCycleLrConfig { max_lr: 1., total_steps: 10, pct_start: 0.4, ..OneCycleLrConfig::default() };
/// let schedule = OneCycleLr::new(config)?;
/// for (step, expected) in [(0, 1. / 25.), (3, 1.), (9, 1. / 25e4)] {
///     assert!((schedule.rate(0., step) - expected).abs() < 1e-15);
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[doc(alias = "OneCycleLR")]
pub struct OneCycleLr(OneCycleLrConfig);

impl OneCycleLr {
    /// A cycle of `config`.
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(config: OneCycleLrConfig) -> Result<Self> {
        range::not_negative("max_lr", config.max_lr)?;
        check_positive("total_steps", config.total_steps)?;
        range::share("pct_start", config.pct_start)?;
        for (name, value) in [("div_factor", config.div_factor), ("final_div_factor", config.final_div_factor)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::setting(name, "finite and above 0", value));
            }
        }
        Ok(Self(config))
    }
}

impl Schedule for OneCycleLr {
    fn rate(&self, _: f64, step: u64) -> f64 {
        let config = &self.0;
        let initial = config.max_lr / config.div_factor;
        let least = initial / config.final_div_factor;
        let rise = config.pct_start * config.total_steps as f64;
        let last = config.total_steps as f64 - 1.0;
        // The end of each phase, with the rate there.
        let phases: &[(f64, f64)] = match config.three_phase {
            true => &[(rise - 1.0, config.max_lr), (2.0 * rise - 2.0, initial), (last, least)],
            false => &[(rise - 1.0, config.max_lr), (last, least)],
        };
        let step = (step as f64).min(last);
        let (mut from, mut start) = (0.0, initial);
        for &(to, end) in phases {
            if step <= to {
                // A phase of no length is over at once.
                let share = if to > from { (step - from) / (to - from) } else { 1.0 };
                return config.anneal_strategy.between(start, end, share);
            }
            (from, start) = (to, end);
        }
        least
    }
}

impl AnnealStrategy {
    fn between(self, start: f64, end: f64, share: f64) -> f64 {
        match self {
            Self::Cos => end + (start - end) / 2.0 * ((PI * share).cos() + 1.0),
            Self::Linear => start + (end - start) * share,
        }
    }
}
