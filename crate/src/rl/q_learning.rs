//! Q-learning.

use super::env::{Environment, Step};
use super::q_table::{max, row};
use super::tabular::Learner;
use super::{QTable, TabularConfig, TabularRun};
use crate::Result;
use crate::rng::Rng;

/// Q-learning: acts by the exploring policy, and learns the values of the greedy one (off-policy).
///
/// ```text
/// Q(S, A) ← Q(S, A) + α [ R + γ max_a Q(S', a) - Q(S, A) ]      without γ max_a Q(S', a) if S' ended the episode
/// ```
///
/// A truncated step is bootstrapped as any other: what would have followed has its usual value. Ties of the greedy action are
/// broken at random. The seed of the environment is drawn from `rng`, once: the same `rng`, the same run. Watkins (1989); Watkins
/// and Dayan (1992); Sutton and Barto (2018), section 6.5.
///
/// # Errors
/// A setting outside its range, observations that are not discrete, or what the environment refuses.
///
/// ```
/// use candlelight::rl::{TabularConfig, TabularEnv, cliff_walking, q_learning};
/// use candlelight::rng::seeded;
/// # fn main() -> candlelight::Result<()> {
/// let mut env = TabularEnv::new(cliff_walking(false)?);
/// let config = TabularConfig { gamma: 1., ..Default::default() };
/// let run = q_learning(&mut env, &config, &mut seeded(0))?;
/// assert_eq!(run.q.greedy(36), 0); // up, away from the cliff
/// assert!(run.returns[499] > run.returns[0]);
/// # Ok(()) }
/// ```
pub fn q_learning(
    env: &mut dyn Environment<Observation = usize>,
    config: &TabularConfig,
    rng: &mut Rng,
) -> Result<TabularRun> {
    let mut learner = Learner::new(env, config, rng)?;
    while learner.goes_on() {
        let mut state = learner.reset(env)?;
        while learner.goes_on() {
            let action = learner.act(state, rng);
            let step = env.step(action)?;
            learner.took(state, action, step.reward);
            let alpha = learner.alpha(state, action);
            q_learning_update(&mut learner.run.q, state, action, &step, alpha, config.gamma)?;
            state = step.observation;
            if step.ended() {
                learner.ended();
                break;
            }
        }
    }
    Ok(learner.run)
}

/// One update of [`q_learning`], for what the `action` brought in `state`. Returns the temporal-difference error before it.
///
/// # Errors
/// A state or an action that there is not.
///
/// ```
/// use candlelight::rl::{QTable, Step, q_learning_update};
/// # fn main() -> candlelight::Result<()> {
/// let mut q = QTable::filled(2, 2, 4.)?;
/// let step = Step { observation: 1, reward: 1., terminated: false, truncated: true };
/// let error = q_learning_update(&mut q, 0, 1, &step, 0.5, 0.5)?; // towards 1 + 0.5 · 4
/// assert_eq!((error, q.row(0)), (-1., &[4., 3.5][..]));
/// # Ok(()) }
/// ```
pub fn q_learning_update(
    q: &mut QTable,
    state: usize,
    action: usize,
    step: &Step<usize>,
    alpha: f64,
    gamma: f64,
) -> Result<f64> {
    let future = if step.terminated { 0.0 } else { max(row(q, step.observation)?) };
    q.nudge(state, action, alpha, step.reward + gamma * future)
}
