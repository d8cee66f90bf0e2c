//! An agent on many bandits.

use candlelight_base::range;

use super::testbed::{Testbed, TestbedConfig};
use crate::rl::{Exploration, StepSize};
use crate::rng::stream;
use crate::train::parallel_map;
use crate::{Result, interrupt};

/// An agent that keeps one estimate Q(a) for each arm.
///
/// ```text
/// Q(A) ← Q(A) + α [ R - Q(A) ]
/// ```
///
/// Sutton and Barto (2018), chapter 2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BanditConfig {
    /// How it chooses an arm. Default: ε-greedy, ε = 0.1.
    pub exploration: Exploration,
    /// α, by how often the arm was pulled. Default: the mean of its rewards.
    pub step_size: StepSize,
    /// Where the estimates begin, a finite number: far above 0 it is an optimistic start, which a mean forgets with the first
    /// reward, and a constant α slowly. Default: 0.
    pub initial: f64,
}

impl Default for BanditConfig {
    fn default() -> Self {
        Self { exploration: Exploration::epsilon_greedy(0.1), step_size: StepSize::SampleAverage, initial: 0.0 }
    }
}

/// The runs of one agent: means over the testbeds for each step, and what each run came to.
#[derive(Debug, Clone, PartialEq)]
pub struct BanditCurves {
    /// The mean reward of each step.
    pub reward: Vec<f64>,
    /// The share of the runs that pulled the best arm, at each step.
    pub optimal: Vec<f64>,
    /// The mean regret up to each step: Σ max q - q(A), of the values, not of the rewards that happened to come.
    pub regret: Vec<f64>,
    /// Of each run: the mean reward of the last steps, at most 100 of them.
    pub last_reward: Vec<f64>,
    /// Of each run: the share of the best arm among these.
    pub last_optimal: Vec<f64>,
    /// Of each run: the regret of all steps.
    pub total_regret: Vec<f64>,
}

/// Lets one agent play on `runs` testbeds, `steps` pulls on each, several at the same time.
///
/// Testbed i is the same for every agent (and walks the same way), as far as it is drawn from the same `seed`: differences of agents
/// are paired.
///
/// # Errors
/// A setting outside its range, no runs, or no steps.
///
/// ```
/// use candlelight::rl::{BanditConfig, Exploration, TestbedConfig, bandit};
/// # fn main() -> candlelight::Result<()> {
/// let with = |exploration| bandit(&TestbedConfig::default(), &BanditConfig { exploration, ..Default::default() }, 200, 1000, 0);
/// let (greedy, ucb) = (with(Exploration::greedy())?, with(Exploration::Ucb(1.))?);
/// assert!(ucb.regret[999] < 0.5 * greedy.regret[999]);
/// # Ok(()) }
/// ```
pub fn bandit(
    testbed: &TestbedConfig,
    agent: &BanditConfig,
    runs: usize,
    steps: usize,
    seed: u64,
) -> Result<BanditCurves> {
    testbed.check()?;
    agent.exploration.check()?;
    agent.step_size.check()?;
    range::finite("initial", agent.initial)?;
    range::at_least_one("runs", runs)?;
    range::at_least_one("steps", steps)?;
    // In chunks, so that a few curves are kept at a time, and always the same ones, so that sums do not depend on threads.
    let chunks = (0..runs).step_by(CHUNK).map(|from| from..runs.min(from + CHUNK));
    let parts = parallel_map(chunks, |chunk| {
        let mut part = BanditCurves::empty(steps);
        chunk.into_iter().try_for_each(|run| part.play(testbed, agent, seed, run))?;
        Ok(part)
    })?;
    let mut all = BanditCurves::empty(steps);
    for part in parts {
        for (sum, part) in all.curves().into_iter().zip([&part.reward, &part.optimal, &part.regret]) {
            sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        all.last_reward.extend(part.last_reward);
        all.last_optimal.extend(part.last_optimal);
        all.total_regret.extend(part.total_regret);
    }
    for curve in all.curves() {
        curve.iter_mut().for_each(|sum| *sum /= runs as f64);
    }
    Ok(all)
}

const CHUNK: usize = 50;

impl BanditCurves {
    fn empty(steps: usize) -> Self {
        let curve = || vec![0.0; steps];
        let (reward, optimal, regret) = (curve(), curve(), curve());
        Self { reward, optimal, regret, last_reward: vec![], last_optimal: vec![], total_regret: vec![] }
    }

    fn curves(&mut self) -> [&mut Vec<f64>; 3] {
        [&mut self.reward, &mut self.optimal, &mut self.regret]
    }

    /// Adds one run.
    fn play(&mut self, testbed: &TestbedConfig, agent: &BanditConfig, seed: u64, run: usize) -> Result<()> {
        interrupt::check()?;
        let mut values_rng = stream(seed, &format!("testbed {run}"));
        let mut rng = stream(seed, &format!("agent {run}"));
        let mut bandit = Testbed::new(testbed, &mut values_rng)?;
        let (mut q, mut pulls) = (vec![agent.initial; testbed.arms], vec![0u64; testbed.arms]);
        let steps = self.reward.len();
        let last = steps.min(100);
        let (mut regret, mut reward_sum, mut optimal_sum) = (0.0, 0.0, 0.0);
        for step in 0..steps {
            let arm = agent.exploration.choose(&q, &pulls, step as u64, &mut rng);
            let reward = bandit.pull(arm, &mut rng);
            pulls[arm] += 1;
            q[arm] += agent.step_size.at(pulls[arm]) * (reward - q[arm]);
            let lost = bandit.largest() - bandit.values()[arm];
            let optimal = f64::from(u8::from(lost == 0.0));
            regret += lost;
            self.reward[step] += reward;
            self.optimal[step] += optimal;
            self.regret[step] += regret;
            if step >= steps - last {
                reward_sum += reward;
                optimal_sum += optimal;
            }
            bandit.walk(&mut values_rng);
        }
        self.last_reward.push(reward_sum / last as f64);
        self.last_optimal.push(optimal_sum / last as f64);
        self.total_regret.push(regret);
        Ok(())
    }
}
