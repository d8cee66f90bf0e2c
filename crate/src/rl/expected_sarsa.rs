//! Expected SARSA.

use super::env::{Environment, Step};
use super::q_table::row;
use super::tabular::Learner;
use super::{QTable, TabularConfig, TabularRun};
use crate::rng::Rng;
use crate::{Error, Result};

/// Expected SARSA: as [`sarsa`](super::sarsa), with the mean over the next action instead of the one that is drawn.
///
/// ```text
/// Q(S, A) ← Q(S, A) + α [ R + γ Σ_a π(a | S') Q(S', a) - Q(S, A) ]      π is the policy by which it acts
/// ```
///
/// It approaches the same values, with less noise: larger steps are possible. With a greedy π it would be Q-learning. π is that
/// before the update. Van Seijen et al. (2009); Sutton and Barto (2018), section 6.6.
///
/// # Errors
/// As [`q_learning`](super::q_learning).
///
/// ```
/// use candlelight::rl::{StepSize, TabularConfig, TabularEnv, cliff_walking, expected_sarsa};
/// use candlelight::rng::seeded;
/// # fn main() -> candlelight::Result<()> {
/// let mut env = TabularEnv::new(cliff_walking(false)?);
/// let config = TabularConfig { gamma: 1., step_size: StepSize::Constant(1.), ..Default::default() };
/// let run = expected_sarsa(&mut env, &config, &mut seeded(0))?;
/// assert!(run.returns[400..].iter().sum::<f64>() / 100. > -40.);
/// # Ok(()) }
/// ```
pub fn expected_sarsa(
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
            let (next, alpha) = (learner.probabilities(step.observation), learner.alpha(state, action));
            expected_sarsa_update(&mut learner.run.q, state, action, &step, &next, alpha, config.gamma)?;
            state = step.observation;
            if step.ended() {
                learner.ended();
                break;
            }
        }
    }
    Ok(learner.run)
}

/// One update of [`expected_sarsa`], for what the `action` brought in `state`; `next` holds π(· | S'), one number for each action.
/// Returns the temporal-difference error before it.
///
/// # Errors
/// A state or an action that there is not, or a wrong number of probabilities.
///
/// ```
/// use candlelight::rl::{QTable, Step, expected_sarsa_update};
/// # fn main() -> candlelight::Result<()> {
/// let mut q = QTable::from_fn(2, 2, |_, action| 4. * action as f64)?;
/// let step = Step { observation: 1, reward: 1., terminated: false, truncated: false };
/// assert_eq!(expected_sarsa_update(&mut q, 0, 1, &step, &[0.75, 0.25], 0.5, 0.5)?, 1. + 0.5 * 1. - 4.);
/// # Ok(()) }
/// ```
pub fn expected_sarsa_update(
    q: &mut QTable,
    state: usize,
    action: usize,
    step: &Step<usize>,
    next: &[f64],
    alpha: f64,
    gamma: f64,
) -> Result<f64> {
    let future: f64 = if step.terminated {
        0.0
    } else {
        let values = row(q, step.observation)?;
        if next.len() != values.len() {
            let given = format!("{} for {} actions", next.len(), values.len());
            return Err(Error::setting("next", "one probability for each action", given));
        }
        values.iter().zip(next).map(|(q, p)| p * q).sum()
    };
    q.nudge(state, action, alpha, step.reward + gamma * future)
}
