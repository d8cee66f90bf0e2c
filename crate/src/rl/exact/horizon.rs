//! Within a limited number of steps.

use candlelight_base::range;

use super::bellman::check_policy;
use super::chain::Chain;
use super::evaluation::sweep;
use crate::Result;
use crate::rl::{Mdp, TabularPolicy};

/// What [`finite_horizon`] found: the best that can be had, if one may look at the clock.
#[derive(Debug, Clone, PartialEq)]
pub struct FiniteHorizon {
    /// `values[k][s]`: the value of state s with k steps left, for k = 0 … H.
    pub values: Vec<Vec<f64>>,
    /// `policy[k - 1][s]`: the best action with k steps left, the first of several.
    pub policy: Vec<Vec<usize>>,
}

/// The optimal values and actions within `horizon` steps, by going backwards from the last one.
///
/// ```text
/// V₀ = 0      Vₖ(s) = max_a Σ p(s', r | s, a) [ r + γ Vₖ₋₁(s') ]
/// ```
///
/// The best action depends on how many steps are left: with few, one takes risks. A policy of the state alone cannot, so that
/// under a [`TimeLimit`](crate::rl::TimeLimit) this is an upper bound for every agent that does not see the time. Bellman (1957).
///
/// # Errors
/// γ outside [0, 1].
///
/// ```
/// use candlelight::rl::{FrozenLakeConfig, GridMap, finite_horizon, frozen_lake};
/// # fn main() -> candlelight::Result<()> {
/// let mdp = frozen_lake(&GridMap::frozen_lake_4x4(), &FrozenLakeConfig::default())?;
/// let within = finite_horizon(&mdp, 100, 1.)?;
/// assert!((mdp.start_value(&within.values[100]) - 0.7442).abs() < 1e-4);
/// # Ok(()) }
/// ```
pub fn finite_horizon(mdp: &Mdp, horizon: usize, gamma: f64) -> Result<FiniteHorizon> {
    range::share("gamma", gamma)?;
    Ok(within(mdp, horizon, gamma, &vec![None; mdp.states()]))
}

/// The same, where some states have a `fixed` action at all times.
pub(super) fn within(mdp: &Mdp, horizon: usize, gamma: f64, fixed: &[Option<usize>]) -> FiniteHorizon {
    let mut found = FiniteHorizon { values: vec![vec![0.0; mdp.states()]], policy: Vec::new() };
    for k in 0..horizon {
        let later = &found.values[k];
        let best = |state: usize| {
            let worth = |action| (action, mdp.backup(state, action, later, gamma));
            match fixed[state] {
                Some(action) => worth(action),
                None => (1..mdp.actions()).map(worth).fold(worth(0), |a, b| if b.1 > a.1 { b } else { a }),
            }
        };
        let (policy, values) = (0..mdp.states()).map(best).unzip();
        found.policy.push(policy);
        found.values.push(values);
    }
    found
}

/// V of a policy that is the same at all times, within `horizon` steps.
///
/// # Errors
/// A policy of other sizes than the process, or γ outside [0, 1].
///
/// ```
/// use candlelight::rl::{TabularPolicy, evaluate_within, taxi};
/// # fn main() -> candlelight::Result<()> {
/// let mdp = taxi()?;
/// let at_random = evaluate_within(&mdp, &TabularPolicy::uniform(500, 6)?, 200, 1.)?;
/// assert!(mdp.start_value(&at_random) < -700.);
/// # Ok(()) }
/// ```
pub fn evaluate_within(mdp: &Mdp, policy: &TabularPolicy, horizon: usize, gamma: f64) -> Result<Vec<f64>> {
    check_policy(mdp, policy)?;
    range::share("gamma", gamma)?;
    let chain = Chain::new(mdp, policy);
    Ok((0..horizon).fold(vec![0.0; mdp.states()], |values, _| sweep(&chain, &values, gamma)))
}
