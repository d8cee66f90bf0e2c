//! SARSA.

use super::env::{Environment, Step};
use super::q_table::entry;
use super::tabular::Learner;
use super::{QTable, TabularConfig, TabularRun};
use crate::Result;
use crate::rng::Rng;

/// SARSA: learns the values of the policy by which it acts, its exploring included (on-policy).
///
/// ```text
/// Q(S, A) ← Q(S, A) + α [ R + γ Q(S', A') - Q(S, A) ]      A' is what it does next; 0 for Q(S', A') if S' ended the episode
/// ```
///
/// With an ε that stays it approaches the best ε-soft policy, [`best_epsilon_soft`](super::best_epsilon_soft), not the optimal
/// one. After a truncated step A' is drawn too, but not taken. Named after S, A, R, S', A'. Rummery and Niranjan (1994); Sutton
/// and Barto (2018), section 6.4.
///
/// # Errors
/// As [`q_learning`](super::q_learning).
///
/// ```
/// use candlelight::rl::{TabularConfig, TabularEnv, cliff_walking, sarsa};
/// use candlelight::rng::seeded;
/// # fn main() -> candlelight::Result<()> {
/// let mut env = TabularEnv::new(cliff_walking(false)?);
/// let config = TabularConfig { gamma: 1., ..Default::default() };
/// let run = sarsa(&mut env, &config, &mut seeded(0))?;
/// assert!(run.returns[400..].iter().sum::<f64>() / 100. > -40.); // keeps away from the cliff
/// # Ok(()) }
/// ```
pub fn sarsa(
    env: &mut dyn Environment<Observation = usize>,
    config: &TabularConfig,
    rng: &mut Rng,
) -> Result<TabularRun> {
    let mut learner = Learner::new(env, config, rng)?;
    while learner.goes_on() {
        let mut state = learner.reset(env)?;
        let mut action = learner.act(state, rng);
        while learner.goes_on() {
            let step = env.step(action)?;
            learner.took(state, action, step.reward);
            let next_action = if step.terminated { 0 } else { learner.act(step.observation, rng) };
            let alpha = learner.alpha(state, action);
            sarsa_update(&mut learner.run.q, state, action, &step, next_action, alpha, config.gamma)?;
            (state, action) = (step.observation, next_action);
            if step.ended() {
                learner.ended();
                break;
            }
        }
    }
    Ok(learner.run)
}

/// One update of [`sarsa`], for what the `action` brought in `state`, where `next_action` comes next (which counts for nothing if
/// the step terminated). Returns the temporal-difference error before it.
///
/// # Errors
/// A state or an action that there is not.
///
/// ```
/// use candlelight::rl::{QTable, Step, sarsa_update};
/// # fn main() -> candlelight::Result<()> {
/// let mut q = QTable::from_fn(2, 2, |_, action| 4. * action as f64)?;
/// let step = Step { observation: 1, reward: 1., terminated: false, truncated: false };
/// assert_eq!(sarsa_update(&mut q, 0, 1, &step, 0, 0.5, 0.5)?, 1. + 0.5 * 0. - 4.);
/// # Ok(()) }
/// ```
pub fn sarsa_update(
    q: &mut QTable,
    state: usize,
    action: usize,
    step: &Step<usize>,
    next_action: usize,
    alpha: f64,
    gamma: f64,
) -> Result<f64> {
    let future = if step.terminated { 0.0 } else { entry(q, step.observation, next_action)? };
    q.nudge(state, action, alpha, step.reward + gamma * future)
}
