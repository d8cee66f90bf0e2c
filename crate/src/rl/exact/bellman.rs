//! Bellman's equation.

use candlelight_base::range;

use crate::rl::{Mdp, QTable, TabularPolicy};
use crate::{Error, Result};

/// One sweep of value iteration: the Bellman operator T.
///
/// ```text
/// (T V)(s) = max_a Σ p(s', r | s, a) [ r + γ V(s') ]      V(s') = 0 where the episode ends
/// ```
///
/// ‖T V - T W‖∞ ≤ γ ‖V - W‖∞: a contraction if γ < 1, so that V = T V has one solution, and sweeps from anywhere lead to it.
/// Sutton and Barto (2018), equation 4.10.
///
/// # Errors
/// A number of values that is not that of the states, or γ outside [0, 1].
///
/// ```
/// use candlelight::rl::{FrozenLakeConfig, GridMap, bellman_sweep, frozen_lake};
/// # fn main() -> candlelight::Result<()> {
/// let mdp = frozen_lake(&GridMap::frozen_lake_4x4(), &FrozenLakeConfig::default())?;
/// // After one sweep, only the cell beside the goal knows of it: one of three directions leads there.
/// let values = bellman_sweep(&mdp, &[0.; 16], 0.99)?;
/// assert!((values[14] - 1. / 3.).abs() < 1e-12 && values.iter().sum::<f64>() == values[14]);
/// # Ok(()) }
/// ```
pub fn bellman_sweep(mdp: &Mdp, values: &[f64], gamma: f64) -> Result<Vec<f64>> {
    check_values(mdp, values)?;
    range::share("gamma", gamma)?;
    Ok((0..mdp.states()).map(|state| best(mdp, state, values, gamma)).collect())
}

/// Q(s, a) = Σ p(s', r | s, a) [ r + γ V(s') ], for every pair.
///
/// # Errors
/// As [`bellman_sweep`].
///
/// ```
/// use candlelight::rl::{cliff_walking, q_values};
/// # fn main() -> candlelight::Result<()> {
/// let q = q_values(&cliff_walking(false)?, &[0.; 48], 1.)?;
/// assert_eq!(q.row(36), [-1., -100., -1., -1.]); // to the right is the cliff
/// # Ok(()) }
/// ```
pub fn q_values(mdp: &Mdp, values: &[f64], gamma: f64) -> Result<QTable> {
    check_values(mdp, values)?;
    range::share("gamma", gamma)?;
    QTable::from_fn(mdp.states(), mdp.actions(), |state, action| mdp.backup(state, action, values, gamma))
}

/// max_a Q(s, a).
pub(super) fn best(mdp: &Mdp, state: usize, values: &[f64], gamma: f64) -> f64 {
    (0..mdp.actions()).map(|action| mdp.backup(state, action, values, gamma)).fold(f64::NEG_INFINITY, f64::max)
}

pub(super) fn check_values(mdp: &Mdp, values: &[f64]) -> Result<()> {
    if values.len() != mdp.states() {
        let given = format!("{} for {} states", values.len(), mdp.states());
        return Err(Error::setting("values", "one for each state", given));
    }
    Ok(())
}

pub(super) fn check_policy(mdp: &Mdp, policy: &TabularPolicy) -> Result<()> {
    if (policy.states(), policy.actions()) != (mdp.states(), mdp.actions()) {
        let given = format!("{} × {}, not {} × {}", policy.states(), policy.actions(), mdp.states(), mdp.actions());
        return Err(Error::setting("policy", "of the states and actions of the process", given));
    }
    Ok(())
}
