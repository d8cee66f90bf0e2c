//! What a policy is worth.

use candlelight_base::range;
use ndarray::{Array1, Array2};

use super::bellman::check_policy;
use super::chain::Chain;
use crate::optim::newton::solve;
use crate::rl::q_table::distance;
use crate::rl::{Mdp, TabularPolicy};
use crate::{Error, Result, interrupt};

/// V of a policy, exactly: the solution of Bellman's linear equations.
///
/// ```text
/// V = r_π + γ P_π V,   so   (I - γ P_π) V = r_π      one unknown for each state: 2S³/3 operations
/// ```
///
/// With γ = 1 a state may never end its episode. Then its total reward is 0 if nothing is earned from there on, +∞ or -∞ if
/// rewards of one sign never end, and NaN if those of both signs do. Sutton and Barto (2018), equation 4.4.
///
/// # Errors
/// A policy of other sizes than the process, γ outside [0, 1], or equations that are singular to rounding.
///
/// ```
/// use candlelight::rl::{FrozenLakeConfig, GridMap, TabularPolicy, frozen_lake, policy_evaluation};
/// # fn main() -> candlelight::Result<()> {
/// let mdp = frozen_lake(&GridMap::frozen_lake_4x4(), &FrozenLakeConfig::default())?;
/// let at_random = policy_evaluation(&mdp, &TabularPolicy::uniform(16, 4)?, 1.)?;
/// assert!((mdp.start_value(&at_random) - 0.0139).abs() < 1e-4);
/// # Ok(()) }
/// ```
pub fn policy_evaluation(mdp: &Mdp, policy: &TabularPolicy, gamma: f64) -> Result<Vec<f64>> {
    check_policy(mdp, policy)?;
    range::share("gamma", gamma)?;
    let chain = Chain::new(mdp, policy);
    let mut values = vec![0.0; mdp.states()];
    let open: Vec<usize> = match gamma < 1.0 {
        true => (0..mdp.states()).collect(),
        false => without_end(&chain, &mut values),
    };
    if open.is_empty() {
        return Ok(values);
    }
    let mut place = vec![None; mdp.states()];
    open.iter().enumerate().for_each(|(i, &state)| place[state] = Some(i));
    let mut matrix = Array2::eye(open.len());
    for (i, &state) in open.iter().enumerate() {
        for &(next, p) in &chain.next[state] {
            // What is not among the unknowns is worth 0.
            if let Some(j) = place[next] {
                matrix[[i, j]] -= gamma * p;
            }
        }
    }
    let rewards: Array1<f64> = open.iter().map(|&state| chain.reward[state]).collect();
    let solution = solve(&matrix, &rewards)?;
    open.iter().zip(&solution).for_each(|(&state, &value)| values[state] = value);
    Ok(values)
}

/// With γ = 1: sets the `values` that are known without equations, and returns the other states.
fn without_end(chain: &Chain, values: &mut [f64]) -> Vec<usize> {
    let n = values.len();
    let either: Vec<bool> = (0..n).map(|s| chain.loses[s] || chain.gains[s]).collect();
    let earns = chain.can_reach(&either);
    // An episode is over, for what it earns, when it ends or nothing is earned any more.
    let over: Vec<bool> = (0..n).map(|s| chain.ends[s] || !earns[s]).collect();
    let finishes = chain.can_reach(&over);
    // Where it is never over, each class of states in which it stays earns for ever.
    let never: Vec<bool> = finishes.iter().map(|finishes| !finishes).collect();
    let only = |signs: &[bool]| -> Vec<bool> { (0..n).map(|s| never[s] && signs[s]).collect() };
    let (down, up) = (chain.can_reach(&only(&chain.loses)), chain.can_reach(&only(&chain.gains)));
    let mut open = Vec::new();
    for state in 0..n {
        match (down[state], up[state]) {
            (true, true) => values[state] = f64::NAN,
            (true, false) => values[state] = f64::NEG_INFINITY,
            (false, true) => values[state] = f64::INFINITY,
            (false, false) if earns[state] => open.push(state),
            (false, false) => {}
        }
    }
    open
}

/// V of a policy by sweeps, V ← r_π + γ P_π V from zeros, until one changes no value by more than `tolerance`: returns V and
/// ‖Vₖ₊₁ - Vₖ‖∞ of each sweep.
///
/// Sutton and Barto (2018), section 4.1, except that all states are swept at once.
///
/// # Errors
/// As [`policy_evaluation`], or if it takes more than 1 000 000 sweeps.
///
/// ```
/// use candlelight::rl::{TabularPolicy, iterative_policy_evaluation, policy_evaluation, taxi};
/// # fn main() -> candlelight::Result<()> {
/// let (mdp, policy) = (taxi()?, TabularPolicy::uniform(500, 6)?);
/// let exact = policy_evaluation(&mdp, &policy, 0.9)?;
/// let (swept, changes) = iterative_policy_evaluation(&mdp, &policy, 0.9, 1e-9)?;
/// assert!(exact.iter().zip(&swept).all(|(a, b)| (a - b).abs() < 1e-8) && changes.len() > 100);
/// # Ok(()) }
/// ```
pub fn iterative_policy_evaluation(
    mdp: &Mdp,
    policy: &TabularPolicy,
    gamma: f64,
    tolerance: f64,
) -> Result<(Vec<f64>, Vec<f64>)> {
    check_policy(mdp, policy)?;
    range::share("gamma", gamma)?;
    range::not_negative("tolerance", tolerance)?;
    let chain = Chain::new(mdp, policy);
    let (mut values, mut changes) = (vec![0.0; mdp.states()], Vec::new());
    while changes.len() < 1_000_000 {
        interrupt::check()?;
        let next = sweep(&chain, &values, gamma);
        let change = distance(&next, &values);
        changes.push(change);
        values = next;
        if change <= tolerance {
            return Ok((values, changes));
        }
    }
    let left = changes.last().unwrap_or(&f64::INFINITY);
    Err(Error::setting("tolerance", "reached within 1000000 sweeps", format!("{tolerance:e}, with {left:e} left")))
}

/// r_π + γ P_π V.
pub(super) fn sweep(chain: &Chain, values: &[f64], gamma: f64) -> Vec<f64> {
    let of = |state: usize| {
        let future: f64 = chain.next[state].iter().map(|&(next, p)| p * values[next]).sum();
        chain.reward[state] + gamma * future
    };
    (0..values.len()).map(of).collect()
}
