//! Value iteration.

use candlelight_base::range;

use super::bellman::{bellman_sweep, q_values};
use crate::rl::q_table::distance;
use crate::rl::{Mdp, QTable};
use crate::{Error, Result, interrupt};

/// How [`value_iteration`] runs.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueIterationConfig {
    /// The discount γ, in [0, 1]. Default: 0.99.
    pub gamma: f64,
    /// It stops after the first sweep that changes no value by more, at least 0. Default: 1e-12.
    pub tolerance: f64,
    /// The most sweeps, after which it is an error not to have stopped. Default: 1 000 000.
    pub max_sweeps: usize,
    /// The first values; zeros if there are none. Default: none.
    pub start: Option<Vec<f64>>,
}

impl Default for ValueIterationConfig {
    fn default() -> Self {
        Self { gamma: 0.99, tolerance: 1e-12, max_sweeps: 1_000_000, start: None }
    }
}

/// What [`value_iteration`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueIteration {
    /// V, one for each state.
    pub values: Vec<f64>,
    /// Q of these values: its greedy policy is the one that was found.
    pub q: QTable,
    /// ‖Vₖ₊₁ - Vₖ‖∞ of each sweep: the Bellman residual of Vₖ, each at most γ times the one before.
    pub residuals: Vec<f64>,
}

/// Vₖ₊₁ = T Vₖ, until a sweep changes nothing any more: see [`bellman_sweep`].
///
/// ```text
/// ‖Vₖ - V*‖∞ ≤ γᵏ ‖V₀ - V*‖∞      ‖Vₖ₊₁ - V*‖∞ ≤ γ / (1 - γ) ‖Vₖ₊₁ - Vₖ‖∞
/// ```
///
/// The second says how near V* is when it stops. Both need γ < 1; with γ = 1 it converges where the total reward of the best
/// policy is finite and the start fits (zeros do where rewards are all ≥ 0, or where every state can end its episode). Bellman
/// (1957); Sutton and Barto (2018), section 4.4, except that all states are swept at once, not in place.
///
/// # Errors
/// A setting outside its range, or more sweeps than allowed.
///
/// ```
/// use candlelight::rl::{FrozenLakeConfig, GridMap, ValueIterationConfig, frozen_lake, value_iteration};
/// # fn main() -> candlelight::Result<()> {
/// let mdp = frozen_lake(&GridMap::frozen_lake_4x4(), &FrozenLakeConfig::default())?;
/// let solved = value_iteration(&mdp, &ValueIterationConfig { gamma: 1., ..Default::default() })?;
/// assert!((mdp.start_value(&solved.values) - 0.8235).abs() < 1e-4);
/// # Ok(()) }
/// ```
pub fn value_iteration(mdp: &Mdp, config: &ValueIterationConfig) -> Result<ValueIteration> {
    range::share("gamma", config.gamma)?;
    range::not_negative("tolerance", config.tolerance)?;
    let mut values = config.start.clone().unwrap_or_else(|| vec![0.0; mdp.states()]);
    for &value in &values {
        range::finite("start", value)?;
    }
    let mut residuals = Vec::new();
    loop {
        interrupt::check()?;
        if residuals.len() == config.max_sweeps {
            let left = residuals.last().unwrap_or(&f64::INFINITY);
            let given = format!("{}, which leave {left:e}", config.max_sweeps);
            return Err(Error::setting("max_sweeps", "enough to reach the tolerance", given));
        }
        let next = bellman_sweep(mdp, &values, config.gamma)?;
        let residual = distance(&next, &values);
        residuals.push(residual);
        values = next;
        if residual <= config.tolerance {
            break;
        }
    }
    let q = q_values(mdp, &values, config.gamma)?;
    Ok(ValueIteration { values, q, residuals })
}
