//! Rewards of several steps at once.

use std::collections::VecDeque;

use candlelight_base::range;

use super::{Step, Transition};
use crate::Result;

/// Makes one-step transitions into transitions over n steps.
///
/// ```text
/// G = Rₜ₊₁ + γ Rₜ₊₂ + … + γⁿ⁻¹ Rₜ₊ₙ;    target = G + γⁿ · value of Sₜ₊ₙ
/// ```
///
/// At the end of an episode the returns that are on their way end with it, after k ≤ n steps: with discount γᵏ where it was
/// truncated, as what would have followed still has its value, and 0 where it terminated. n = 1 is the usual transition.
///
/// Between t and t + n the agent may have explored, or acted by an older network: what it learns is then no longer the value
/// of the greedy policy alone. As in Rainbow, nothing corrects for that.
///
/// Sutton and Barto (2018), section 7.1; Hessel et al. (2018), "Rainbow", section 3.
///
/// ```
/// use candlelight::rl::{NStepReturns, Step};
/// # fn main() -> candlelight::Result<()> {
/// let mut returns = NStepReturns::new(2, 0.5)?;
/// let mut found = Vec::new();
/// for t in 0..3 {
///     let step = Step { observation: [f64::from(t + 1)], reward: 1., terminated: false, truncated: t == 2 };
///     returns.push([f64::from(t)], 0, &step, |transition| {
///         found.push((transition.observation[0], transition.reward, transition.next_observation[0], transition.discount));
///         Ok(())
///     })?;
/// }
/// assert_eq!(found, [(0., 1.5, 2., 0.25), (1., 1.5, 3., 0.25), (2., 1., 3., 0.5)]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct NStepReturns<O> {
    n: usize,
    gamma: f64,
    pub(super) waiting: VecDeque<Waiting<O>>,
}

/// A return on its way.
#[derive(Debug, Clone)]
pub(super) struct Waiting<O> {
    pub observation: O,
    pub action: usize,
    /// Σ γⁱ R so far.
    pub reward: f64,
    /// γᵏ after k rewards.
    pub discount: f64,
}

impl<O: AsRef<[f64]>> NStepReturns<O> {
    /// Over `n` steps, at least 1, with γ in [0, 1].
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(n: usize, gamma: f64) -> Result<Self> {
        range::at_least_one("n", n)?;
        range::share("gamma", gamma)?;
        Ok(Self { n, gamma, waiting: VecDeque::with_capacity(n) })
    }

    /// Takes what `action` in `observation` brought, and hands out the transitions that are now complete, oldest first.
    ///
    /// # Errors
    /// Those of `complete`.
    pub fn push(
        &mut self,
        observation: O,
        action: usize,
        step: &Step<O>,
        mut complete: impl FnMut(Transition) -> Result<()>,
    ) -> Result<()> {
        self.waiting.push_back(Waiting { observation, action, reward: 0.0, discount: 1.0 });
        for waiting in &mut self.waiting {
            waiting.reward += waiting.discount * step.reward;
            waiting.discount *= self.gamma;
        }
        while (step.ended() || self.waiting.len() == self.n)
            && let Some(first) = self.waiting.pop_front()
        {
            complete(Transition {
                observation: first.observation.as_ref(),
                action: first.action,
                reward: first.reward,
                next_observation: step.observation.as_ref(),
                discount: if step.terminated { 0.0 } else { first.discount },
            })?;
        }
        Ok(())
    }

    /// Forgets the returns that are on their way, as before an episode that is begun early.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }
}
