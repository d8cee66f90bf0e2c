//! Which states and policies there are to choose from.

use super::bellman::check_values;
use crate::Result;
use crate::rl::{Mdp, QTable};

/// The states in which an agent can ever have to act: those that can be reached from the beginning before the episode ends.
///
/// ```
/// use candlelight::rl::{cliff_walking, reachable};
/// # fn main() -> candlelight::Result<()> {
/// // Neither on the cliff, from which one falls at once, nor at the goal, where the episode has ended.
/// assert_eq!(reachable(&cliff_walking(false)?).iter().filter(|reached| **reached).count(), 48 - 10 - 1);
/// # Ok(()) }
/// ```
pub fn reachable(mdp: &Mdp) -> Vec<bool> {
    let mut reached: Vec<bool> = mdp.initial().iter().map(|&p| p > 0.0).collect();
    let mut open: Vec<usize> = (0..mdp.states()).filter(|&state| reached[state]).collect();
    while let Some(state) = open.pop() {
        for outcome in (0..mdp.actions()).flat_map(|action| mdp.outcomes(state, action)) {
            if outcome.probability > 0.0 && !outcome.terminated && !reached[outcome.next] {
                reached[outcome.next] = true;
                open.push(outcome.next);
            }
        }
    }
    reached
}

/// log₁₀ of the number of greedy policies of a table: the product of the numbers of best actions, over the [`reachable`] states.
///
/// Of Q* it is the number of optimal deterministic policies. Actions count as equally good if they differ by at most `tolerance`,
/// which should be above the rounding of `q` and below what a worse action loses.
///
/// # Errors
/// A table of other sizes than the process.
///
/// ```
/// use candlelight::rl::{cliff_walking, log10_greedy_policies, policy_iteration};
/// # fn main() -> candlelight::Result<()> {
/// let mdp = cliff_walking(false)?;
/// // Two ways, right or down, lead on from 22 cells; only one from the others.
/// let count = log10_greedy_policies(&mdp, &policy_iteration(&mdp, 1.)?.q, 1e-9)?;
/// assert!((count - 22. * 2_f64.log10()).abs() < 1e-9);
/// # Ok(()) }
/// ```
pub fn log10_greedy_policies(mdp: &Mdp, q: &QTable, tolerance: f64) -> Result<f64> {
    check_values(mdp, &q.values())?;
    let met = reachable(mdp);
    let counts = (0..mdp.states()).filter(|&state| met[state]).map(|state| q.best_actions(state, tolerance).len());
    Ok(counts.map(|count| (count as f64).log10()).sum())
}
