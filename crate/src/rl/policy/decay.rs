//! A number that changes while an agent learns.

use candlelight_base::range;

use crate::Result;

/// A number as a function of the step t, counted from 0.
///
/// ```
/// use candlelight::rl::Decay;
/// let linear = Decay::Linear { start: 1., end: 0.1, steps: 90 };
/// assert!((linear.at(10) - 0.9).abs() < 1e-12 && linear.at(1000) == 0.1);
/// assert_eq!(Decay::Hyperbolic { start: 1., half: 100. }.at(100), 0.5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decay {
    /// Does not change.
    Constant(f64),
    /// From `start` by equal amounts to `end`, reached after so many steps.
    Linear {
        /// At step 0.
        start: f64,
        /// From step `steps` on.
        end: f64,
        /// How long it takes.
        steps: u64,
    },
    /// start / (1 + t / half): half of it at step `half`, and towards 0 so slowly that its sum over all steps is infinite. With
    /// ε so, every action is still taken for ever, while the policy becomes greedy ("greedy in the limit with infinite
    /// exploration", Singh et al. 2000).
    Hyperbolic {
        /// At step 0.
        start: f64,
        /// The step at which half of it is left, above 0.
        half: f64,
    },
}

impl Decay {
    /// The number at step t.
    pub fn at(&self, step: u64) -> f64 {
        match *self {
            Self::Constant(value) => value,
            Self::Linear { end, steps, .. } if step >= steps => end,
            Self::Linear { start, end, steps } => start + (end - start) * (step as f64 / steps as f64),
            Self::Hyperbolic { start, half } => start / (1.0 + step as f64 / half),
        }
    }

    /// `check(name, number)` of the numbers at its ends.
    pub(super) fn check(&self, name: &'static str, check: fn(&'static str, f64) -> Result<()>) -> Result<()> {
        match *self {
            Self::Constant(value) => check(name, value),
            Self::Linear { start, end, .. } => {
                check(name, start)?;
                check(name, end)
            }
            Self::Hyperbolic { start, half } => {
                check(name, start)?;
                range::positive("half", half)
            }
        }
    }
}

/// One that does not change.
impl From<f64> for Decay {
    fn from(value: f64) -> Self {
        Self::Constant(value)
    }
}
