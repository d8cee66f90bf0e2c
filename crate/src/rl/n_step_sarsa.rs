//! n-step SARSA.

use std::collections::VecDeque;

use candlelight_base::range;

use super::env::Environment;
use super::q_table::entry;
use super::tabular::Learner;
use super::{TabularConfig, TabularRun};
use crate::Result;
use crate::rng::Rng;

/// n-step SARSA: looks n rewards ahead before it trusts its own table.
///
/// ```text
/// G = Rₜ₊₁ + γ Rₜ₊₂ + … + γⁿ⁻¹ Rₜ₊ₙ + γⁿ Q(Sₜ₊ₙ, Aₜ₊ₙ)      Q(Sₜ, Aₜ) ← Q(Sₜ, Aₜ) + α [ G - Q(Sₜ, Aₜ) ]
/// ```
///
/// G ends with the episode: after a terminated step nothing is added, after a truncated one γᵏ Q of the last state, with an action
/// that is drawn but not taken. n = 1 is [`sarsa`](super::sarsa), n above the length of episodes learns from whole returns (Monte
/// Carlo). It is on-policy: an off-policy form would need importance weights or tree backups. Pairs that `max_steps` cuts off
/// before their n-th reward are not updated. Sutton and Barto (2018), section 7.2.
///
/// # Errors
/// n = 0, and as [`q_learning`](super::q_learning).
///
/// ```
/// use candlelight::rl::{GridMap, GridWorldConfig, TabularConfig, TabularEnv, TimeLimit, grid_world, n_step_sarsa};
/// use candlelight::rng::seeded;
/// # fn main() -> candlelight::Result<()> {
/// // A single reward, at the end of a corridor: one episode teaches the last steps, not only the last.
/// let config = GridWorldConfig { step: 0., goal: 1., ..Default::default() };
/// let mdp = grid_world(&GridMap::new(&["S.......G"])?, &config)?;
/// let mut env = TimeLimit::new(TabularEnv::new(mdp), 10_000)?;
/// let one = TabularConfig { episodes: 1, ..Default::default() };
/// let mut known = |n| Ok::<_, candlelight::Error>(
///     n_step_sarsa(&mut env, n, &one, &mut seeded(0))?.q.values().iter().filter(|value| **value > 0.).count());
/// assert!(known(1)? == 1 && known(5)? > 2);
/// # Ok(()) }
/// ```
pub fn n_step_sarsa(
    env: &mut dyn Environment<Observation = usize>,
    n: usize,
    config: &TabularConfig,
    rng: &mut Rng,
) -> Result<TabularRun> {
    range::at_least_one("n", n)?;
    let mut learner = Learner::new(env, config, rng)?;
    // Steps whose pair waits for its update: (S, A, R).
    let mut waiting: VecDeque<(usize, usize, f64)> = VecDeque::new();
    while learner.goes_on() {
        waiting.clear();
        let mut state = learner.reset(env)?;
        let mut action = learner.act(state, rng);
        while learner.goes_on() {
            let step = env.step(action)?;
            learner.took(state, action, step.reward);
            waiting.push_back((state, action, step.reward));
            let next_action = if step.terminated { 0 } else { learner.act(step.observation, rng) };
            // The oldest has its n rewards; at the end of the episode the others have all that there are.
            while waiting.len() == n || (step.ended() && !waiting.is_empty()) {
                let future = if step.terminated { 0.0 } else { entry(&learner.run.q, step.observation, next_action)? };
                let target = waiting.iter().rev().fold(future, |g, (_, _, reward)| reward + config.gamma * g);
                let Some((state, action, _)) = waiting.pop_front() else { break };
                let alpha = learner.alpha(state, action);
                learner.run.q.nudge(state, action, alpha, target)?;
            }
            (state, action) = (step.observation, next_action);
            if step.ended() {
                learner.ended();
                break;
            }
        }
    }
    Ok(learner.run)
}
