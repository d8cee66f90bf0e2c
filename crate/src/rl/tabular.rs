//! What the tabular agents share: their settings, what they return, and playing without learning.

use candlelight_base::range;
use rand::Rng as _;

use super::env::{Environment, Space};
use super::{Exploration, QTable, StepSize, TabularPolicy};
use crate::rng::Rng;
use crate::{Error, Result, interrupt};

/// How a tabular agent learns.
#[derive(Debug, Clone, PartialEq)]
pub struct TabularConfig {
    /// How many episodes, unless `max_steps` ends them before. Default: 500.
    pub episodes: usize,
    /// After so many steps in all it ends, within an episode too. Default: no limit.
    pub max_steps: usize,
    /// The discount γ, in [0, 1]. Default: 0.99.
    pub gamma: f64,
    /// α, by how often the pair was updated. Default: 0.1, constant.
    pub step_size: StepSize,
    /// How it acts meanwhile; what decays there does so by the step of the agent. Default: ε-greedy, ε = 0.1.
    pub exploration: Exploration,
    /// Where all entries begin, a finite number: above all returns it is an optimistic start. Default: 0.
    pub initial: f64,
    /// A copy of the table is kept after every so many episodes; none if 0. Default: 0.
    pub snapshot_every: usize,
}

impl Default for TabularConfig {
    fn default() -> Self {
        Self {
            episodes: 500,
            max_steps: usize::MAX,
            gamma: 0.99,
            step_size: StepSize::Constant(0.1),
            exploration: Exploration::epsilon_greedy(0.1),
            initial: 0.0,
            snapshot_every: 0,
        }
    }
}

impl TabularConfig {
    fn check(&self) -> Result<()> {
        range::share("gamma", self.gamma)?;
        self.step_size.check()?;
        self.exploration.check()
    }
}

/// What a tabular agent has learned, and how it went.
#[derive(Debug, Clone, PartialEq)]
pub struct TabularRun {
    /// The table.
    pub q: QTable,
    /// How often each pair was taken, at `s A + a`.
    pub visits: Vec<u64>,
    /// Steps in all.
    pub steps: usize,
    /// The return of each episode that came to its end, Σ R, not discounted.
    pub returns: Vec<f64>,
    /// The steps of each of these.
    pub lengths: Vec<usize>,
    /// Copies of the table.
    pub snapshots: Vec<Snapshot>,
}

/// A table on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// After so many episodes.
    pub episode: usize,
    /// After so many steps in all.
    pub steps: usize,
    /// The table then.
    pub q: QTable,
}

impl TabularRun {
    /// The share of the pairs of state and action that were ever taken.
    pub fn coverage(&self) -> f64 {
        self.visits.iter().filter(|&&n| n > 0).count() as f64 / self.visits.len() as f64
    }
}

/// The states of an environment whose observations are their numbers.
pub(super) fn states(env: &dyn Environment<Observation = usize>) -> Result<usize> {
    match env.observation_space() {
        Space::Discrete(states) => Ok(states),
        space => Err(Error::setting("observation space", "discrete", format!("{space:?}"))),
    }
}

/// An agent on its way: [`TabularRun`], and what it needs to go on.
// Agents take a `dyn` environment: they are compiled here, once and with optimization. As generic functions they would be compiled
// in the cell that calls them, without.
pub(super) struct Learner<'a> {
    pub run: TabularRun,
    config: &'a TabularConfig,
    seed: Option<u64>,
    return_: f64,
    length: usize,
}

impl<'a> Learner<'a> {
    /// Checks the settings; `rng` gives the environment its seed.
    pub fn new(env: &dyn Environment<Observation = usize>, config: &'a TabularConfig, rng: &mut Rng) -> Result<Self> {
        config.check()?;
        let q = QTable::filled(states(env)?, env.actions(), config.initial)?;
        let visits = vec![0; q.as_slice().len()];
        let run = TabularRun { q, visits, steps: 0, returns: vec![], lengths: vec![], snapshots: vec![] };
        Ok(Self { run, config, seed: Some(rng.random()), return_: 0.0, length: 0 })
    }

    /// Whether there is one more step to take.
    pub fn goes_on(&self) -> bool {
        self.run.returns.len() < self.config.episodes && self.run.steps < self.config.max_steps
    }

    /// Begins an episode, unless Ctrl-C was pressed.
    pub fn reset(&mut self, env: &mut dyn Environment<Observation = usize>) -> Result<usize> {
        interrupt::check()?;
        (self.return_, self.length) = (0.0, 0);
        env.reset(self.seed.take())
    }

    /// The action of the behaviour policy, by the values of its own table.
    pub fn act(&self, state: usize, rng: &mut Rng) -> usize {
        self.act_by(self.run.q.row(state), state, rng)
    }

    /// The action of the behaviour policy by other values.
    pub fn act_by(&self, values: &[f64], state: usize, rng: &mut Rng) -> usize {
        self.config.exploration.choose(values, self.visits(state), self.run.steps as u64, rng)
    }

    /// The probability of each action of the behaviour policy.
    pub fn probabilities(&self, state: usize) -> Vec<f64> {
        let values = self.run.q.row(state);
        self.config.exploration.probabilities(values, self.visits(state), self.run.steps as u64)
    }

    fn visits(&self, state: usize) -> &[u64] {
        let actions = self.run.q.actions();
        self.run.visits.get(state * actions..(state + 1) * actions).unwrap_or(&[])
    }

    /// Counts a step, before its update.
    pub fn took(&mut self, state: usize, action: usize, reward: f64) {
        if let Some(visits) = self.run.visits.get_mut(state * self.run.q.actions() + action) {
            *visits += 1;
        }
        self.run.steps += 1;
        self.return_ += reward;
        self.length += 1;
    }

    /// α of a pair that was just counted.
    pub fn alpha(&self, state: usize, action: usize) -> f64 {
        self.config.step_size.at(self.visits(state).get(action).copied().unwrap_or(0))
    }

    /// Counts an episode that came to its end.
    pub fn ended(&mut self) {
        self.run.returns.push(self.return_);
        self.run.lengths.push(self.length);
        let (episode, every) = (self.run.returns.len(), self.config.snapshot_every);
        if every > 0 && episode % every == 0 {
            self.run.snapshots.push(Snapshot { episode, steps: self.run.steps, q: self.run.q.clone() });
        }
    }
}

/// Plays episodes by a policy that does not learn, and gives the return of each, Σ R, not discounted.
///
/// `TabularPolicy::greedy(&q)` shows what a table is worth; the returns of its training also hold what exploring cost. The seed of
/// the environment is drawn from `rng`, once.
///
/// # Errors
/// A policy of other sizes than the environment, or what the environment refuses;
/// [`Error::Interrupted`](crate::Error::Interrupted) where Ctrl-C was pressed.
///
/// ```
/// use candlelight::rl::*;
/// use candlelight::rng::seeded;
/// # fn main() -> candlelight::Result<()> {
/// let optimal = policy_iteration(&taxi()?, 1.)?.policy;
/// let mut env = TimeLimit::new(TabularEnv::new(taxi()?), 200)?;
/// let returns = play(&mut env, &optimal, 1000, &mut seeded(0))?;
/// assert!((returns.iter().sum::<f64>() / 1000. - 7.93).abs() < 0.3); // its standard error is 0.08
/// # Ok(()) }
/// ```
pub fn play(
    env: &mut dyn Environment<Observation = usize>,
    policy: &TabularPolicy,
    episodes: usize,
    rng: &mut Rng,
) -> Result<Vec<f64>> {
    let sizes = (states(env)?, env.actions());
    if (policy.states(), policy.actions()) != sizes {
        let given = format!("{} × {}, not {} × {}", policy.states(), policy.actions(), sizes.0, sizes.1);
        return Err(Error::setting("policy", "of the states and actions of the environment", given));
    }
    let (mut seed, mut returns) = (Some(rng.random()), Vec::new());
    for _ in 0..episodes {
        interrupt::check()?;
        let (mut state, mut sum) = (env.reset(seed.take())?, 0.0);
        loop {
            let step = env.step(policy.sample(state, rng))?;
            sum += step.reward;
            state = step.observation;
            if step.ended() {
                break;
            }
        }
        returns.push(sum);
    }
    Ok(returns)
}
