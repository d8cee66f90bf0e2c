use candlelight_base::range;

use crate::Result;

/// How far [`Lbfgs`](super::Lbfgs) goes along a direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LineSearch {
    /// By the learning rate.
    #[default]
    None,
    /// To a point that satisfies the strong Wolfe conditions; the learning rate is where the search starts.
    StrongWolfe,
}

/// Settings of [`Lbfgs`](super::Lbfgs).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LbfgsConfig {
    /// Learning rate, finite and at least 0; default 1.
    pub lr: f64,
    /// Iterations a step makes at most, at least 1; default 20.
    pub max_iter: usize,
    /// Evaluations of the loss after which a step ends, at least 1; default `None`, for 5/4 of `max_iter`.
    pub max_eval: Option<usize>,
    /// A step ends where no element of the gradient is greater; finite and at least 0; default 1e-7.
    pub tolerance_grad: f64,
    /// A step ends where loss and parameters change by less; finite and at least 0; default 1e-9.
    pub tolerance_change: f64,
    /// Changes that are remembered, at least 1; default 100.
    pub history_size: usize,
    /// How far a step goes along its direction; default [`LineSearch::None`].
    pub line_search_fn: LineSearch,
}

impl Default for LbfgsConfig {
    fn default() -> Self {
        Self {
            lr: 1.0,
            max_iter: 20,
            max_eval: None,
            tolerance_grad: 1e-7,
            tolerance_change: 1e-9,
            history_size: 100,
            line_search_fn: LineSearch::None,
        }
    }
}

impl LbfgsConfig {
    pub(super) fn check(&self) -> Result<()> {
        range::not_negative("lr", self.lr)?;
        range::not_negative("tolerance_grad", self.tolerance_grad)?;
        range::not_negative("tolerance_change", self.tolerance_change)?;
        let counts = [
            ("max_iter", self.max_iter),
            ("max_eval", self.max_eval.unwrap_or(1)),
            ("history_size", self.history_size),
        ];
        for (name, count) in counts {
            range::at_least_one(name, count)?;
        }
        Ok(())
    }
}
