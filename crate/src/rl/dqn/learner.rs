//! What learns: networks, optimizer and memory, whatever the environment.

use candle_core::{Device, Tensor};
use candlelight_base::transfer;
use candlelight_kernels as kernels;

use super::{DqnConfig, Update};
use crate::autograd::{no_grad, value_and_grad};
use crate::loss::{HuberConfig, Reduction, huber_with, mse_with};
use crate::nn::argmax::argmax as argmax_of_rows;
use crate::nn::{Mode, Module};
use crate::optim::{Adam, AdamConfig, Optimizer, clip_grad_norm, clip_grad_norm_unread};
use crate::params::Params;
use crate::rl::q_table::argmax;
use crate::rl::{Batch, PrioritizedReplay, ReplayBuffer, TargetNetwork, Transition};
use crate::rng::{Rng, stream};
use crate::state::{State, Stateful};
use crate::{Error, Result};

/// The part of a `Dqn` that knows no environment, hence compiled once.
pub(super) struct Learner {
    config: DqnConfig,
    pub network: Box<dyn Module>,
    target: Box<dyn Module>,
    pub params: Params,
    pub target_params: Params,
    follower: TargetNetwork,
    optimizer: Adam,
    memory: Memory,
    draws: Rng,
}

/// Either kind of memory.
enum Memory {
    Uniform(ReplayBuffer),
    Prioritized(PrioritizedReplay),
}

impl Memory {
    fn is_empty(&self) -> bool {
        match self {
            Self::Uniform(replay) => replay.is_empty(),
            Self::Prioritized(replay) => replay.is_empty(),
        }
    }
}

impl Learner {
    /// For observations of `width` numbers.
    pub fn new<M: Module + 'static>(
        network: impl Fn(Params) -> Result<M>,
        width: usize,
        config: DqnConfig,
        seed: u64,
    ) -> Result<Self> {
        config.check()?;
        let (params, target_params) = (Params::new(seed, &Device::Cpu)?, Params::new(seed, &Device::Cpu)?);
        let (online, target) = (network(params.clone())?, network(target_params.clone())?);
        let follower = TargetNetwork::new(&params, &target_params, config.target_every, config.tau)?;
        let optimizer = Adam::new(params.trainable(), AdamConfig { lr: config.lr, ..AdamConfig::default() })?;
        let memory = match config.prioritized {
            Some(prioritized) => Memory::Prioritized(PrioritizedReplay::new(config.buffer_size, width, prioritized)?),
            None => Memory::Uniform(ReplayBuffer::new(config.buffer_size, width)?),
        };
        let (network, target): (Box<dyn Module>, Box<dyn Module>) = (Box::new(online), Box::new(target));
        let draws = stream(seed, "replay");
        Ok(Self { config, network, target, params, target_params, follower, optimizer, memory, draws })
    }

    /// Q(s, a) of each action.
    pub fn values(&self, observation: &[f64]) -> Result<Vec<f32>> {
        let numbers: Vec<f32> = observation.iter().map(|&x| x as f32).collect();
        let x = transfer::to_device(numbers, (1, observation.len()), self.params.device())?;
        Ok(transfer::to_host(&no_grad(|| self.network.forward(&x, Mode::Eval))?)?)
    }

    /// The action of the highest value, the first of equals.
    pub fn act(&self, observation: &[f64]) -> Result<usize> {
        Ok(argmax(&self.values(observation)?))
    }

    pub fn remember(&mut self, transition: &Transition) -> Result<()> {
        match &mut self.memory {
            Memory::Uniform(replay) => replay.push(transition).map(drop),
            Memory::Prioritized(replay) => replay.push(transition).map(drop),
        }
    }

    /// Learns and lets the target follow, as far as this is due after `step` steps.
    pub fn after_step(&mut self, step: u64) -> Result<Option<Update>> {
        let mut last = None;
        if step > self.config.learning_starts {
            // It is empty as long as the first return over n steps is on its way.
            if step.is_multiple_of(self.config.train_every) && !self.memory.is_empty() {
                for _ in 0..self.config.updates {
                    last = Some(self.learn(step)?);
                }
            }
            self.follower.after_step(step)?;
        }
        Ok(last)
    }

    /// One update from a batch that is drawn.
    fn learn(&mut self, step: u64) -> Result<Update> {
        let size = self.config.batch_size;
        let batch = match &self.memory {
            Memory::Uniform(replay) => replay.sample(size, &mut self.draws)?,
            Memory::Prioritized(replay) => replay.sample(size, replay.config().beta_at(step), &mut self.draws)?,
        };
        let (update, errors) = self.update(&batch, step)?;
        if let Memory::Prioritized(replay) = &mut self.memory {
            replay.update(&batch.indices, &errors)?;
        }
        Ok(update)
    }

    /// One update from a batch, and the error of each prediction.
    pub fn update(&mut self, batch: &Batch, step: u64) -> Result<(Update, Vec<f64>)> {
        let wanted = self.targets(batch)?;
        let mut values = None;
        let (loss, mut gradients) = value_and_grad(|| {
            let chosen =
                self.network.forward(&batch.observations, Mode::Train)?.gather(&batch.actions, 1)?.squeeze(1)?;
            values = Some(chosen.detach());
            self.loss(&chosen, &wanted, batch.weights.as_ref())
        })?;
        // All that the host wants to know of an update, in one piece: the loss, what was wanted, and what was predicted.
        let pieces: Vec<Tensor> = [loss.detach().reshape(1)?, wanted].into_iter().chain(values).collect();
        let read: Vec<f32> = transfer::to_host(&Tensor::cat(&pieces, 0)?)?;
        let (loss, pairs) = read.split_first().map_or((f64::NAN, &[][..]), |(&loss, pairs)| (f64::from(loss), pairs));
        let (wanted, values) = pairs.split_at(pairs.len() / 2);
        if !loss.is_finite() {
            return Err(Error::NotFinite { what: "the loss of Q-learning", value: loss, step: step as usize });
        }
        if let Some(norm) = self.config.max_grad_norm {
            let params = self.params.trainable();
            // Nobody asks for the norm: where reading it would be waiting, it stays.
            if kernels::is_composed() || !self.params.device().is_cpu() {
                clip_grad_norm_unread(&mut gradients, &params, norm)?;
            } else {
                clip_grad_norm(&mut gradients, &params, norm, false)?;
            }
        }
        self.optimizer.step(&gradients)?;
        let errors = wanted.iter().zip(values).map(|(y, q)| f64::from(y - q)).collect();
        let mean_q = values.iter().map(|&q| f64::from(q)).sum::<f64>() / values.len() as f64;
        Ok((Update { step, loss, mean_q, epsilon: self.config.epsilon_at(step.saturating_sub(1)) }, errors))
    }

    /// y of each transition.
    fn targets(&self, batch: &Batch) -> Result<Tensor> {
        let next = no_grad(|| self.target.forward(&batch.next_observations, Mode::Eval))?.detach();
        let best = match self.config.double {
            true => {
                let choice = no_grad(|| self.network.forward(&batch.next_observations, Mode::Eval))?;
                next.gather(&argmax_of_rows(&choice.detach())?.unsqueeze(1)?, 1)?.squeeze(1)?
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

    fn load_parts(&mut self, state: &State) -> Result<()> {
        let parts: [(&str, &mut dyn Stateful); 5] = [
            ("online.", &mut self.params),
            ("target.", &mut self.target_params),
            ("optimizer.", &mut self.optimizer),
            ("replay.", &mut self.memory),
            ("draws.", &mut self.draws),
        ];
        for (prefix, part) in parts {
            part.load_state(&state.part(prefix)).map_err(|error| error.within(prefix))?;
        }
        Ok(())
    }
}

impl Stateful for Learner {
    fn state(&self) -> Result<State> {
        let mut state = State::default();
        let parts: [(&str, &dyn Stateful); 5] = [
            ("online.", &self.params),
            ("target.", &self.target_params),
            ("optimizer.", &self.optimizer),
            ("replay.", &self.memory),
            ("draws.", &self.draws),
        ];
        for (prefix, part) in parts {
            state.add_part(prefix, part.state()?);
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let before = copied(self.state()?)?;
        self.load_parts(state).or_else(|error| {
            self.load_parts(&before)?;
            Err(error)
        })
    }
}

impl Stateful for Memory {
    fn state(&self) -> Result<State> {
        match self {
            Self::Uniform(replay) => replay.state(),
            Self::Prioritized(replay) => replay.state(),
        }
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        match self {
            Self::Uniform(replay) => replay.load_state(state),
            Self::Prioritized(replay) => replay.load_state(state),
        }
    }
}

/// With tensors of its own, which later steps do not change.
pub(super) fn copied(mut state: State) -> Result<State> {
    for tensor in state.tensors.values_mut() {
        *tensor = tensor.copy()?;
    }
    Ok(state)
}
