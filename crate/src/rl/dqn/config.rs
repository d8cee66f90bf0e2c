//! How an agent learns.

use candlelight_base::range;

use crate::rl::PrioritizedReplayConfig;
use crate::{Error, Result};

/// Settings of a [`Dqn`](super::Dqn). The defaults are those of CleanRL's `dqn.py` for CartPole-v1, which trains for 500 000 steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DqnConfig {
    /// γ, by what a reward of the next step counts: in [0, 1]; default 0.99.
    pub gamma: f64,
    /// The learning rate of Adam: finite and at least 0; default 2.5 · 10⁻⁴.
    pub lr: f64,
    /// Transitions that are remembered, at least 1; default 10 000.
    pub buffer_size: usize,
    /// Transitions an update, at least 1; default 128.
    pub batch_size: usize,
    /// Steps before the first update; default 10 000. What happens in them is remembered.
    pub learning_starts: u64,
    /// Steps of the environment from one training to the next, at least 1; default 10.
    pub train_every: u64,
    /// Updates a training, at least 1; default 1.
    pub updates: usize,
    /// Steps of the environment after which the target network follows, at least 1; default 500.
    pub target_every: u64,
    /// τ, how far it follows: in (0, 1]; default 1, a copy. See
    /// [`TargetNetwork`](crate::rl::TargetNetwork).
    pub tau: f64,
    /// ε at the beginning: in [0, 1]; default 1.
    pub epsilon_start: f64,
    /// ε at the end: in [0, 1]; default 0.05.
    pub epsilon_end: f64,
    /// Steps in which ε goes from one to the other, in a straight line, at least 1; default 250 000.
    pub epsilon_steps: u64,
    /// Whether the online network chooses the action that the target network values; default false. See [`Dqn`](super::Dqn).
    pub double: bool,
    /// Steps whose rewards are added up before the value of what follows is asked for, at least 1; default 1. See
    /// [`NStepReturns`](crate::rl::NStepReturns).
    pub n_step: usize,
    /// Draws by priority; default `None`, uniformly. See
    /// [`PrioritizedReplay`](crate::rl::PrioritizedReplay).
    pub prioritized: Option<PrioritizedReplayConfig>,
    /// δ of the Huber loss: above 0; default `None`, squares. The paper's "clipped error" is δ = 1.
    pub huber: Option<f64>,
    /// The largest norm of a gradient, at least 0; default `None`, no limit.
    pub max_grad_norm: Option<f64>,
}

impl Default for DqnConfig {
    fn default() -> Self {
        Self {
            gamma: 0.99,
            lr: 2.5e-4,
            buffer_size: 10_000,
            batch_size: 128,
            learning_starts: 10_000,
            train_every: 10,
            updates: 1,
            target_every: 500,
            tau: 1.0,
            epsilon_start: 1.0,
            epsilon_end: 0.05,
            epsilon_steps: 250_000,
            double: false,
            n_step: 1,
            prioritized: None,
            huber: None,
            max_grad_norm: None,
        }
    }
}

impl DqnConfig {
    /// Settings that solve CartPole-v1 in some 20 000 steps with the network of the defaults, which are made for 500 000.
    ///
    /// They differ by lr = 10⁻³, 64 transitions an update, a memory of 50 000, updates at every fourth step from step 1000 on, a
    /// target that follows every 250, 8000 steps of less and less exploration, and n = 20 steps of reward. Found by trial on ten
    /// seeds. What counts most is n: by single steps the value of an episode of 500 creeps back from its end.
    pub fn cart_pole() -> Self {
        Self {
            lr: 1e-3,
            batch_size: 64,
            buffer_size: 50_000,
            learning_starts: 1000,
            train_every: 4,
            target_every: 250,
            epsilon_steps: 8000,
            n_step: 20,
            ..Self::default()
        }
    }

    /// ε at a step.
    pub fn epsilon_at(&self, step: u64) -> f64 {
        let share = step.min(self.epsilon_steps) as f64 / self.epsilon_steps as f64;
        self.epsilon_start * (1.0 - share) + self.epsilon_end * share
    }

    pub(super) fn check(&self) -> Result<()> {
        range::share("gamma", self.gamma)?;
        range::share("epsilon_start", self.epsilon_start)?;
        range::share("epsilon_end", self.epsilon_end)?;
        for (name, value) in [("train_every", self.train_every), ("epsilon_steps", self.epsilon_steps)] {
            if value == 0 {
                return Err(Error::setting(name, "at least 1", value));
            }
        }
        range::at_least_one("batch_size", self.batch_size)?;
        range::at_least_one("updates", self.updates)?;
        self.huber.map_or(Ok(()), |delta| range::positive("huber", delta))?;
        self.max_grad_norm.map_or(Ok(()), |norm| range::not_negative("max_grad_norm", norm))
    }
}
