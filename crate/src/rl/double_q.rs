//! Double Q-learning.

use rand::Rng as _;

use super::env::{Environment, Step};
use super::q_table::{argmax_at_random, entry, row};
use super::tabular::Learner;
use super::{QTable, TabularConfig, TabularRun};
use crate::Result;
use crate::rng::Rng;

/// Double Q-learning: two tables, of which one chooses the best next action and the other says what it is worth.
///
/// ```text
/// by a fair coin:   Q₁(S, A) ← Q₁(S, A) + α [ R + γ Q₂(S', argmax_a Q₁(S', a)) - Q₁(S, A) ]      or with Q₁ and Q₂ exchanged
/// ```
///
/// The maximum of noisy estimates is too large on average, because it takes the noise for value; the noise of the other table does
/// not know which action was chosen. It acts by Q₁ + Q₂, and returns the mean of both. Step sizes go by the visits of a pair, of
/// which each table gets half. The argmax breaks ties at random. Van Hasselt (2010); Sutton and Barto (2018), section 6.7.
///
/// # Errors
/// As [`q_learning`](super::q_learning).
///
/// ```
/// use candlelight::rl::{TabularConfig, TabularEnv, cliff_walking, double_q};
/// use candlelight::rng::seeded;
/// # fn main() -> candlelight::Result<()> {
/// let mut env = TabularEnv::new(cliff_walking(false)?);
/// let config = TabularConfig { gamma: 1., ..Default::default() };
/// let run = double_q(&mut env, &config, &mut seeded(0))?;
/// assert!(run.returns[400..].iter().sum::<f64>() > 2. * run.returns[..100].iter().sum::<f64>());
/// # Ok(()) }
/// ```
pub fn double_q(
    env: &mut dyn Environment<Observation = usize>,
    config: &TabularConfig,
    rng: &mut Rng,
) -> Result<TabularRun> {
    let mut learner = Learner::new(env, config, rng)?;
    // The table of the learner is kept at their mean, which has the same greedy actions as their sum.
    let mut tables = [learner.run.q.clone(), learner.run.q.clone()];
    while learner.goes_on() {
        let mut state = learner.reset(env)?;
        while learner.goes_on() {
            let action = learner.act(state, rng);
            let step = env.step(action)?;
            learner.took(state, action, step.reward);
            let alpha = learner.alpha(state, action);
            let [first, second] = &mut tables;
            let (updated, other) = if rng.random() { (first, &*second) } else { (second, &*first) };
            double_q_update(updated, other, state, action, &step, alpha, config.gamma, rng)?;
            let mean = (tables[0].row(state)[action] + tables[1].row(state)[action]) / 2.0;
            learner.run.q.row_mut(state)[action] = mean;
            state = step.observation;
            if step.ended() {
                learner.ended();
                break;
            }
        }
    }
    Ok(learner.run)
}

/// One update of [`double_q`]: `updated` chooses the next action, `other` says what it is worth. Returns the temporal-difference
/// error before it. `rng` breaks ties.
///
/// # Errors
/// A state or an action that there is not.
///
/// ```
/// use candlelight::{rl::{QTable, Step, double_q_update}, rng::seeded};
/// # fn main() -> candlelight::Result<()> {
/// let mut updated = QTable::from_fn(2, 2, |_, action| action as f64)?;
/// let other = QTable::filled(2, 2, -4.)?;
/// let step = Step { observation: 1, reward: 1., terminated: false, truncated: false };
/// let error = double_q_update(&mut updated, &other, 0, 0, &step, 0.5, 0.5, &mut seeded(0))?;
/// assert_eq!(error, 1. + 0.5 * -4. - 0.);
/// # Ok(()) }
/// ```
#[allow(clippy::too_many_arguments)]
pub fn double_q_update(
    updated: &mut QTable,
    other: &QTable,
    state: usize,
    action: usize,
    step: &Step<usize>,
    alpha: f64,
    gamma: f64,
    rng: &mut Rng,
) -> Result<f64> {
    let future = if step.terminated {
        0.0
    } else {
        let values = row(updated, step.observation)?;
        let best = argmax_at_random(values.len(), |action| values[action], rng);
        entry(other, step.observation, best)?
    };
    updated.nudge(state, action, alpha, step.reward + gamma * future)
}
