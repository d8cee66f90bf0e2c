//! Deep Q-learning.

mod config;
mod history;
mod network;
mod state;

use candle_core::{Device, Tensor};
use rand::Rng as _;

use super::{Batch, Environment, NStepReturns, PrioritizedReplay, ReplayBuffer, TargetNetwork};
use crate::autograd::value_and_grad;
use crate::loss::{HuberConfig, Reduction, huber_with, mse_with};
use crate::metrics::scalar;
use crate::nn::{Mode, Module};
use crate::optim::{Adam, AdamConfig, Optimizer, clip_grad_norm};
use crate::params::Params;
use crate::rng::{Rng, stream};
use crate::train::Progress;
use crate::{Error, Result, interrupt};

pub use config::DqnConfig;
use history::Reporter;
pub use history::{DqnHistory, EpisodeEnd, Update};
pub use network::{dueling_q_network, q_network};

/// Deep Q-learning: a network learns the value of each action from what is remembered.
///
/// ```text
/// act     a random action with probability ε, else argmaxₐ Q(s, a; θ)
/// learn   y = r + γ max_a Q(s', a; θ̄)                      0 for the value where the episode terminated
///         y = r + γ Q(s', argmaxₐ Q(s', a; θ); θ̄)          double
///         θ ← Adam step on mean (Q(s, a; θ) - y)²           of a batch that is drawn from the memory
/// follow  θ̄ ← θ every `target_every` steps
/// ```
///
/// Mnih et al. (2015), algorithm 1; van Hasselt, Guez and Silver (2016), eq. 4 (double); Wang et al. (2016) (dueling, see
/// [`dueling_q_network`]); Schaul et al. (2016) (priorities); n steps as in Hessel et al. (2018). Where they are not the paper's:
/// Adam in place of RMSprop; squared errors, unless [`DqnConfig::huber`] says otherwise; no frames, hence neither stacks of them
/// nor clipped rewards; an episode that was cut off is continued by its value, which the paper, whose games have no time limit,
/// does not need. All of this is CleanRL's, too, which counts steps alike: acting by ε-greedy from the first step on, and
/// training at each `train_every`-th step after `learning_starts`.
///
/// All that is random follows from the seed: the environment, the first weights, actions, batches. The state
/// ([`Stateful`](crate::state::Stateful)) is all of it, memory and episode included, so that a run goes on to the bit.
///
/// ```
/// use candlelight::{prelude::*, rl::{CartPole, Dqn, DqnConfig, q_network}};
/// # fn main() -> candlelight::Result<()> {
/// let config = DqnConfig { learning_starts: 100, epsilon_steps: 500, ..DqnConfig::default() };
/// let mut dqn = Dqn::new(CartPole::v1(), |params| q_network(&[4, 32, 2], params), config, 0)?;
/// let history = dqn.train(500, Progress::Silent)?;
/// assert_eq!(history.updates.len(), 40);
/// let returns = dqn.evaluate(&mut CartPole::v1(), 5, 1)?;
/// assert!(returns.iter().all(|&total| total >= 8.));
/// # Ok(()) }
/// ```
pub struct Dqn<E: Environment> {
    config: DqnConfig,
    env: E,
    observation: E::Observation,
    network: Box<dyn Module>,
    target: Box<dyn Module>,
    params: Params,
    target_params: Params,
    follower: TargetNetwork,
    optimizer: Adam,
    memory: Memory,
    returns: NStepReturns<E::Observation>,
    exploration: Rng,
    draws: Rng,
    /// Steps of the environment so far.
    step: u64,
    /// Of the episode that is running.
    total: f64,
    length: u64,
}

/// Either kind of memory.
enum Memory {
    Uniform(ReplayBuffer),
    Prioritized(PrioritizedReplay),
}

impl<E: Environment> Dqn<E>
where
    E::Observation: AsRef<[f64]>,
{
    /// An agent in `env`, whose first episode begins. `network` is called twice, for the network that learns and for its target;
    /// it maps observations [N, width] to values [N, actions], in F32.
    ///
    /// # Errors
    /// A setting outside its range; those of `network` and of the environment; a network that does not fit the environment.
    pub fn new<M: Module + 'static>(
        mut env: E,
        network: impl Fn(Params) -> Result<M>,
        config: DqnConfig,
        seed: u64,
    ) -> Result<Self> {
        config.check()?;
        let observation = env.reset(Some(seed))?;
        let width = observation.as_ref().len();
        let (params, target_params) = (Params::new(seed, &Device::Cpu)?, Params::new(seed, &Device::Cpu)?);
        let (online, target) = (network(params.clone())?, network(target_params.clone())?);
        let follower = TargetNetwork::new(&params, &target_params, config.target_every, config.tau)?;
        let optimizer = Adam::new(params.trainable(), AdamConfig { lr: config.lr, ..AdamConfig::default() })?;
        let memory = match config.prioritized {
            Some(prioritized) => Memory::Prioritized(PrioritizedReplay::new(config.buffer_size, width, prioritized)?),
            None => Memory::Uniform(ReplayBuffer::new(config.buffer_size, width)?),
        };
        let dqn = Self {
            env,
            observation,
            network: Box::new(online),
            target: Box::new(target),
            params,
            target_params,
            follower,
            optimizer,
            memory,
            returns: NStepReturns::new(config.n_step, config.gamma)?,
            exploration: stream(seed, "exploration"),
            draws: stream(seed, "replay"),
            step: 0,
            total: 0.0,
            length: 0,
            config,
        };
        let values = dqn.values(dqn.observation.as_ref())?;
        if values.len() != dqn.env.actions() {
            return Err(Error::shape(
                "output of the network",
                format!("[N, {}]", dqn.env.actions()),
                &[1, values.len()],
            ));
        }
        Ok(dqn)
    }

    /// Takes one step in the environment, and learns if it is time to.
    ///
    /// # Errors
    /// Those of the environment and the network; [`Error::NotFinite`] where the loss is no number any more.
    pub fn step(&mut self) -> Result<DqnStep> {
        let epsilon = self.config.epsilon_at(self.step);
        let action = match self.exploration.random::<f64>() < epsilon {
            true => self.exploration.random_range(0..self.env.actions()),
            false => self.act(self.observation.as_ref())?,
        };
        let step = self.env.step(action)?;
        self.step += 1;
        self.total += step.reward;
        self.length += 1;
        let before = std::mem::replace(&mut self.observation, step.observation.clone());
        let memory = &mut self.memory;
        self.returns.push(before, action, &step, |transition| match memory {
            Memory::Uniform(replay) => replay.push(&transition).map(drop),
            Memory::Prioritized(replay) => replay.push(&transition).map(drop),
        })?;
        let mut done = DqnStep::default();
        if step.ended() {
            done.episode = Some(EpisodeEnd { step: self.step, total: self.total, length: self.length });
            (self.total, self.length) = (0.0, 0);
            self.observation = self.env.reset(None)?;
        }
        if self.step > self.config.learning_starts {
            if self.step.is_multiple_of(self.config.train_every) {
                for _ in 0..self.config.updates {
                    done.update = Some(Update { epsilon, ..self.learn()? });
                }
            }
            self.follower.after_step(self.step)?;
        }
        Ok(done)
    }

    /// Takes `steps` steps, and prints how it goes.
    ///
    /// # Errors
    /// As [`Dqn::step`]; [`Error::Interrupted`] after Ctrl-C, if the program asked for it ([`interrupt`]): the agent can go on.
    pub fn train(&mut self, steps: u64, progress: Progress) -> Result<DqnHistory> {
        self.train_until(steps, progress, |_, _| Ok(false))
    }

    /// [`Dqn::train`] that ends earlier if `stop` says so, which is asked after each episode.
    ///
    /// # Errors
    /// As [`Dqn::step`], and those of `stop`.
    pub fn train_until(
        &mut self,
        steps: u64,
        progress: Progress,
        mut stop: impl FnMut(&Self, &DqnHistory) -> Result<bool>,
    ) -> Result<DqnHistory> {
        let mut reporter = Reporter::new(progress, steps);
        let mut history = DqnHistory::default();
        for done in 1..=steps {
            interrupt::check()?;
            let DqnStep { episode, update } = self.step()?;
            history.updates.extend(update);
            history.episodes.extend(episode);
            let stopped = episode.is_some() && stop(self, &history)?;
            reporter.report(done, &history, self.config.epsilon_at(self.step), stopped);
            if stopped {
                break;
            }
        }
        Ok(history)
    }

    /// One update of the network.
    fn learn(&mut self) -> Result<Update> {
        let (size, step) = (self.config.batch_size, self.step);
        let batch = match &self.memory {
            Memory::Uniform(replay) => replay.sample(size, &mut self.draws)?,
            Memory::Prioritized(replay) => replay.sample(size, replay.config().beta_at(step), &mut self.draws)?,
        };
        let wanted = self.targets(&batch)?;
        let mut values = None;
        let (loss, mut gradients) = value_and_grad(|| {
            let chosen =
                self.network.forward(&batch.observations, Mode::Train)?.gather(&batch.actions, 1)?.squeeze(1)?;
            values = Some(chosen.detach());
            self.loss(&chosen, &wanted, batch.weights.as_ref())
        })?;
        let loss = scalar(&loss)?;
        if !loss.is_finite() {
            return Err(Error::NotFinite { what: "the loss of Q-learning", value: loss, step: step as usize });
        }
        if let Some(norm) = self.config.max_grad_norm {
            clip_grad_norm(&mut gradients, &self.params.trainable(), norm, false)?;
        }
        self.optimizer.step(&gradients)?;
        let values: Vec<f32> = values.map_or_else(|| Ok(Vec::new()), |values| values.to_vec1())?;
        if let Memory::Prioritized(replay) = &mut self.memory {
            let wanted: Vec<f32> = wanted.to_vec1()?;
            let errors: Vec<f64> = wanted.iter().zip(&values).map(|(y, q)| f64::from(y - q)).collect();
            replay.update(&batch.indices, &errors)?;
        }
        let mean_q = values.iter().map(|&q| f64::from(q)).sum::<f64>() / values.len() as f64;
        Ok(Update { step, loss, mean_q, epsilon: 0.0 })
    }

    /// y of each transition.
    fn targets(&self, batch: &Batch) -> Result<Tensor> {
        let next = self.target.forward(&batch.next_observations, Mode::Eval)?.detach();
        let best = match self.config.double {
            true => {
                let choice = self.network.forward(&batch.next_observations, Mode::Eval)?.detach().argmax_keepdim(1)?;
                next.gather(&choice, 1)?.squeeze(1)?
            }
            false => next.max(1)?,
        };
        Ok((&batch.rewards + (&batch.discounts * best)?)?)
    }

    fn loss(&self, chosen: &Tensor, wanted: &Tensor, weights: Option<&Tensor>) -> Result<Tensor> {
        let reduction = if weights.is_some() { Reduction::None } else { Reduction::Mean };
        let losses = match self.config.huber {
            Some(delta) => huber_with(chosen, wanted, &HuberConfig { delta, reduction })?,
            None => mse_with(chosen, wanted, reduction)?,
        };
        match weights {
            Some(weights) => Ok((losses * weights)?.mean_all()?),
            None => Ok(losses),
        }
    }

    /// The action of the highest value, the first of equals.
    ///
    /// # Errors
    /// Those of the network.
    pub fn act(&self, observation: &[f64]) -> Result<usize> {
        let values = self.values(observation)?;
        let best = |best: usize, (action, value): (usize, &f32)| if *value > values[best] { action } else { best };
        Ok(values.iter().enumerate().fold(0, best))
    }

    /// Q(s, a) of each action.
    ///
    /// # Errors
    /// Those of the network.
    pub fn values(&self, observation: &[f64]) -> Result<Vec<f32>> {
        let numbers: Vec<f32> = observation.iter().map(|&x| x as f32).collect();
        let x = Tensor::from_vec(numbers, (1, observation.len()), &Device::Cpu)?;
        Ok(self.network.forward(&x, Mode::Eval)?.flatten_all()?.to_vec1()?)
    }

    /// The returns of whole episodes in another environment, without exploration; `seed` for the first of them.
    ///
    /// # Errors
    /// Those of the environment and the network.
    pub fn evaluate<F>(&self, env: &mut F, episodes: usize, seed: u64) -> Result<Vec<f64>>
    where
        F: Environment<Observation = E::Observation>,
    {
        super::episode_returns(env, |observation| self.act(observation.as_ref()), episodes, seed)
    }

    /// The settings.
    pub fn config(&self) -> &DqnConfig {
        &self.config
    }

    /// Steps of the environment so far.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// The network that learns.
    pub fn network(&self) -> &dyn Module {
        self.network.as_ref()
    }

    /// The parameters of the network that learns.
    pub fn params(&self) -> &Params {
        &self.params
    }
}

/// What happened in a step of [`Dqn::step`].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DqnStep {
    /// The episode that ended, if one did.
    pub episode: Option<EpisodeEnd>,
    /// The last update, if there was one.
    pub update: Option<Update>,
}
