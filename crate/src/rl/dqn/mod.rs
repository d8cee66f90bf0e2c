//! Deep Q-learning.

mod config;
mod history;
mod learner;
mod network;
mod state;

use rand::Rng as _;

use super::{Batch, Environment, NStepReturns};
use crate::nn::Module;
use crate::params::Params;
use crate::rng::{Rng, stream};
use crate::train::Progress;
use crate::{Error, Result, interrupt};

pub use config::DqnConfig;
use history::Reporter;
pub use history::{DqnHistory, EpisodeEnd, Update};
use learner::Learner;
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
    env: E,
    observation: E::Observation,
    learner: Learner,
    returns: NStepReturns<E::Observation>,
    exploration: Rng,
    config: DqnConfig,
    /// Steps of the environment so far.
    step: u64,
    /// Of the episode that is running.
    total: f64,
    length: u64,
    history: DqnHistory,
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
        let observation = env.reset(Some(seed))?;
        let learner = Learner::new(network, observation.as_ref().len(), config, seed)?;
        let values = learner.values(observation.as_ref())?;
        if values.len() != env.actions() {
            return Err(Error::shape("output of the network", format!("[N, {}]", env.actions()), &[1, values.len()]));
        }
        let returns = NStepReturns::new(config.n_step, config.gamma)?;
        let exploration = stream(seed, "exploration");
        let history = DqnHistory::default();
        Ok(Self { env, observation, learner, returns, exploration, config, step: 0, total: 0.0, length: 0, history })
    }

    /// Takes one step in the environment, and learns if it is time to.
    ///
    /// # Errors
    /// Those of the environment and the network; [`Error::NotFinite`] where the loss is no number any more.
    pub fn step(&mut self) -> Result<DqnStep> {
        let action = match self.exploration.random::<f64>() < self.config.epsilon_at(self.step) {
            true => self.exploration.random_range(0..self.env.actions()),
            false => self.act(self.observation.as_ref())?,
        };
        let step = self.env.step(action)?;
        self.step += 1;
        self.total += step.reward;
        self.length += 1;
        let before = std::mem::replace(&mut self.observation, step.observation.clone());
        let learner = &mut self.learner;
        self.returns.push(before, action, &step, |transition| learner.remember(&transition))?;
        let mut episode = None;
        if step.ended() {
            episode = Some(EpisodeEnd { step: self.step, total: self.total, length: self.length });
            self.history.episodes.extend(episode);
            (self.total, self.length) = (0.0, 0);
            self.observation = self.env.reset(None)?;
        }
        let update = self.learner.after_step(self.step)?;
        self.history.updates.extend(update);
        Ok(DqnStep { episode, update })
    }

    /// Takes `steps` steps, prints how it goes, and returns what happened in them.
    ///
    /// # Errors
    /// As [`Dqn::step`]; [`Error::Interrupted`] after Ctrl-C, if the program asked for it ([`interrupt`]): the agent can go on, and
    /// what happened until then is in its [`history`](Dqn::history).
    pub fn train(&mut self, steps: u64, progress: Progress) -> Result<DqnHistory> {
        self.train_until(steps, progress, |_, _| Ok(false))
    }

    /// [`Dqn::train`] that ends earlier if `stop` says so, which is asked after each episode.
    ///
    /// # Errors
    /// As [`Dqn::train`], and those of `stop`.
    pub fn train_until(
        &mut self,
        steps: u64,
        progress: Progress,
        mut stop: impl FnMut(&Self, &DqnHistory) -> Result<bool>,
    ) -> Result<DqnHistory> {
        let reporter = Reporter::new(progress, steps);
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

    /// One update from a batch of your own, beside those of [`Dqn::step`]; priorities stay as they are.
    ///
    /// # Errors
    /// A batch that does not fit the network; [`Error::NotFinite`].
    pub fn update(&mut self, batch: &Batch) -> Result<Update> {
        self.learner.update(batch, self.step).map(|(update, _)| update)
    }

    /// The action of the highest value, the first of equals.
    ///
    /// # Errors
    /// Those of the network.
    pub fn act(&self, observation: &[f64]) -> Result<usize> {
        self.learner.act(observation)
    }

    /// Q(s, a) of each action.
    ///
    /// # Errors
    /// Those of the network.
    pub fn values(&self, observation: &[f64]) -> Result<Vec<f32>> {
        self.learner.values(observation)
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

    /// All that happened since the agent was made, or since its state was loaded: also where [`Dqn::train`] ended with an error, as
    /// after Ctrl-C, and returned nothing. Some 32 bytes an update.
    pub fn history(&self) -> &DqnHistory {
        &self.history
    }

    /// Steps of the environment so far.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// The network that learns.
    pub fn network(&self) -> &dyn Module {
        self.learner.network.as_ref()
    }

    /// The parameters of the network that learns.
    pub fn params(&self) -> &Params {
        &self.learner.params
    }

    /// The parameters of its target.
    pub fn target_params(&self) -> &Params {
        &self.learner.target_params
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
