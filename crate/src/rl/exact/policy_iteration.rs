//! Policy iteration, also among policies that explore.

use candlelight_base::range;

use super::bellman::q_values;
use super::evaluation::policy_evaluation;
use crate::rl::{Mdp, QTable, TabularPolicy};
use crate::{Error, Result, interrupt};

/// What [`policy_iteration`] and [`best_epsilon_soft`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyIteration {
    /// The best policy, among those that were asked for.
    pub policy: TabularPolicy,
    /// V of this policy.
    pub values: Vec<f64>,
    /// Q of this policy.
    pub q: QTable,
    /// The improvements it took, with the last one, that changed nothing.
    pub improvements: usize,
}

/// The optimal policy, by turns: what is the policy worth, and which action would be better?
///
/// ```text
/// V ← V of π, by policy_evaluation      π(s) ← argmax_a Q(s, a), but only where it is better than before, by more than rounding
/// ```
///
/// Begins with all actions alike. Each policy is at least as good as the one before, and there are finitely many: it ends, after
/// a handful of turns. Howard (1960); Sutton and Barto (2018), section 4.3.
///
/// # Errors
/// γ outside [0, 1]; a process for which [`policy_evaluation`] has no answer.
///
/// ```
/// use candlelight::rl::{policy_iteration, taxi};
/// # fn main() -> candlelight::Result<()> {
/// let mdp = taxi()?;
/// let solved = policy_iteration(&mdp, 1.)?;
/// assert!((mdp.start_value(&solved.values) - 7.93).abs() < 1e-9);
/// # Ok(()) }
/// ```
pub fn policy_iteration(mdp: &Mdp, gamma: f64) -> Result<PolicyIteration> {
    best_epsilon_soft(mdp, 0.0, gamma)
}

/// The best of the policies that explore: with probability ε they take any action, all alike.
///
/// ```text
/// V(s) = (1 - ε) max_a Q(s, a) + ε/A Σ_a Q(s, a)
/// ```
///
/// On-policy methods, such as SARSA with a constant ε, approach its Q. Q-learning approaches Q*, and its ε-greedy policy is then
/// `TabularPolicy::greedy(&q).epsilon_soft(epsilon)`, which [`policy_evaluation`] evaluates: never better. Sutton and Barto
/// (2018), section 5.4.
///
/// # Errors
/// ε or γ outside [0, 1]; a process for which [`policy_evaluation`] has no answer.
///
/// ```
/// use candlelight::rl::{best_epsilon_soft, cliff_walking};
/// # fn main() -> candlelight::Result<()> {
/// let mdp = cliff_walking(false)?;
/// let careful = best_epsilon_soft(&mdp, 0.1, 1.)?;
/// assert!((mdp.start_value(&careful.values) + 20.7).abs() < 0.05); // -13 without exploration
/// # Ok(()) }
/// ```
pub fn best_epsilon_soft(mdp: &Mdp, epsilon: f64, gamma: f64) -> Result<PolicyIteration> {
    range::share("epsilon", epsilon)?;
    let (states, actions) = (mdp.states(), mdp.actions());
    let mut choices: Option<Vec<usize>> = None;
    let mut policy = TabularPolicy::uniform(states, actions)?;
    // Far beyond what any process of this size takes.
    for improvements in 1..=10_000 {
        interrupt::check()?;
        let values = policy_evaluation(mdp, &policy, gamma)?;
        let q = q_values(mdp, &values, gamma)?;
        let improved: Vec<usize> = (0..states).map(|state| better(&q, state, choices.as_deref())).collect();
        if choices.as_ref() == Some(&improved) {
            return Ok(PolicyIteration { policy, values, q, improvements });
        }
        policy = TabularPolicy::deterministic(&improved, actions)?.epsilon_soft(epsilon)?;
        choices = Some(improved);
    }
    Err(Error::setting("process", "one whose policies can be ordered to rounding", format!("{states} states")))
}

/// The best action of a state; the one before, if it is as good to rounding.
fn better(q: &QTable, state: usize, before: Option<&[usize]>) -> usize {
    let best = q.greedy(state);
    match before {
        Some(before) => {
            let (row, kept) = (q.row(state), before[state]);
            let rounding = 1e-10 * row.iter().filter(|q| q.is_finite()).fold(1.0, |a: f64, q| a.max(q.abs()));
            if row[best] > row[kept] + rounding { best } else { kept }
        }
        None => best,
    }
}
