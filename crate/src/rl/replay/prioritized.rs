//! A memory from which transitions that surprised are drawn more often.

use candle_core::{DType, Device, Tensor};
use candlelight_base::range;
use rand::Rng as _;

use super::{Batch, ReplayBuffer, SumTree, Transition};
use crate::rng::Rng;
use crate::state::{State, Stateful};
use crate::{Error, Result};

/// Settings of a [`PrioritizedReplay`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PrioritizedReplayConfig {
    /// α, how much priority counts: 0 draws uniformly, 1 in proportion; default 0.6, the paper's. At least 0, finite.
    pub alpha: f64,
    /// β at the beginning, how much of the bias is taken back: in [0, 1]; default 0.4, the paper's.
    pub beta: f64,
    /// Steps of the environment after which β has grown to 1, at least 1; default 50 000. The paper takes all of the training.
    pub beta_steps: u64,
    /// ε, added to each error so that none is forgotten: above 0; default 10⁻⁶.
    pub eps: f64,
}

impl Default for PrioritizedReplayConfig {
    fn default() -> Self {
        Self { alpha: 0.6, beta: 0.4, beta_steps: 50_000, eps: 1e-6 }
    }
}

impl PrioritizedReplayConfig {
    /// β at a step: linear from `beta` to 1 within `beta_steps`.
    pub fn beta_at(&self, step: u64) -> f64 {
        let share = step.min(self.beta_steps) as f64 / self.beta_steps as f64;
        self.beta + (1.0 - self.beta) * share
    }
}

/// The last `capacity` transitions, drawn by how far off their last prediction was: the proportional variant.
///
/// ```text
/// pᵢ = |δᵢ| + ε;    P(i) = pᵢ^α / Σ pₖ^α;    wᵢ = (N P(i))^-β / max w
/// ```
///
/// δᵢ: the error when the transition was last drawn; a new one has the largest p so far. The sum of all pᵢ^α is cut into as many
/// pieces of one length as transitions are drawn, and one is drawn from each. The maximum of w is that of the batch, as in the
/// paper's algorithm (others take the maximum over the whole memory).
///
/// Schaul et al. (2016), "Prioritized experience replay", sections 3.3 and 3.4, algorithm 1.
///
/// ```
/// use candlelight::{prelude::*, rl::{PrioritizedReplay, PrioritizedReplayConfig, Transition}};
/// # fn main() -> candlelight::Result<()> {
/// let mut replay = PrioritizedReplay::new(2, 1, PrioritizedReplayConfig { alpha: 1., ..Default::default() })?;
/// for action in 0..2 {
///     replay.push(&Transition { observation: &[0.], action, reward: 1., next_observation: &[0.], discount: 0. })?;
/// }
/// replay.update(&[0, 1], &[9., -1.])?;
/// let drawn = replay.sample(1000, 1., &mut seeded(0))?.indices;
/// assert_eq!(drawn.iter().filter(|index| **index == 0).count(), 900); // 9 of 10 pieces
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct PrioritizedReplay {
    replay: ReplayBuffer,
    config: PrioritizedReplayConfig,
    /// pᵢ^α
    tree: SumTree,
    /// The largest pᵢ^α so far, at first 1.
    greatest: f64,
}

impl PrioritizedReplay {
    /// As [`ReplayBuffer::new`].
    ///
    /// # Errors
    /// A setting outside its range, or more than fits into memory.
    pub fn new(capacity: usize, width: usize, config: PrioritizedReplayConfig) -> Result<Self> {
        range::not_negative("alpha", config.alpha)?;
        range::share("beta", config.beta)?;
        range::positive("eps", config.eps)?;
        if config.beta_steps == 0 {
            return Err(Error::setting("beta_steps", "at least 1", 0));
        }
        let replay = ReplayBuffer::new(capacity, width)?;
        Ok(Self { replay, config, tree: SumTree::new(capacity)?, greatest: 1.0 })
    }

    /// How many transitions it holds.
    pub fn len(&self) -> usize {
        self.replay.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.replay.is_empty()
    }

    /// The settings.
    pub fn config(&self) -> PrioritizedReplayConfig {
        self.config
    }

    /// The probability to draw the transition at `index`; 0 where there is none.
    pub fn probability(&self, index: usize) -> f64 {
        if self.is_empty() { 0.0 } else { self.tree.get(index) / self.tree.total() }
    }

    /// Adds a transition, in the place of the oldest if it is full, and returns its index.
    ///
    /// # Errors
    /// As [`ReplayBuffer::push`].
    pub fn push(&mut self, transition: &Transition) -> Result<usize> {
        let index = self.replay.push(transition)?;
        self.tree.set(index, self.greatest)?;
        Ok(index)
    }

    /// Draws `n` transitions, at least one, with weights of exponent `beta`, in [0, 1].
    ///
    /// # Errors
    /// If none are there, or none are asked for, or a β outside its range.
    pub fn sample(&self, n: usize, beta: f64, rng: &mut Rng) -> Result<Batch> {
        range::share("beta", beta)?;
        if self.is_empty() {
            return Err(Error::setting("replay memory", "such that it holds a transition", "an empty one"));
        }
        let piece = self.tree.total() / n as f64;
        let indices: Vec<usize> = (0..n).map(|i| self.tree.find((i as f64 + rng.random::<f64>()) * piece)).collect();
        // The least likely one has the largest weight; N and the total cancel.
        let least = indices.iter().map(|&i| self.tree.get(i)).fold(f64::INFINITY, f64::min);
        let weights = indices.iter().map(|&i| (self.tree.get(i) / least).powf(-beta) as f32).collect();
        self.replay.batch(indices, Some(weights))
    }

    /// Gives the transitions at `indices` the priorities of these errors; of an index that is there twice the last counts.
    ///
    /// # Errors
    /// Not one error for each index; an index of none; an error that is not finite. Nothing has changed then.
    pub fn update(&mut self, indices: &[usize], errors: &[f64]) -> Result<()> {
        if indices.len() != errors.len() {
            return Err(Error::shape("errors", format!("[{}]", indices.len()), &[errors.len()]));
        }
        if let Some(index) = indices.iter().find(|index| **index >= self.len()) {
            return Err(Error::setting("index", "that of a transition", format!("{index} of 0..{}", self.len())));
        }
        errors.iter().try_for_each(|&error| range::finite("error", error))?;
        for (&index, error) in indices.iter().zip(errors) {
            let priority = (error.abs() + self.config.eps).powf(self.config.alpha);
            self.tree.set(index, priority)?;
            self.greatest = self.greatest.max(priority);
        }
        Ok(())
    }
}

/// All transitions with their priorities.
impl Stateful for PrioritizedReplay {
    fn state(&self) -> Result<State> {
        let mut state = self.replay.state()?;
        state.set("greatest", self.greatest);
        if !self.is_empty() {
            let priorities: Vec<f64> = (0..self.len()).map(|i| self.tree.get(i)).collect();
            state.tensors.insert("priorities".into(), Tensor::from_vec(priorities, self.len(), &Device::Cpu)?);
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let greatest: f64 = state.get("greatest")?;
        let mut loaded = Self { replay: self.replay.clone(), tree: SumTree::new(self.tree.len())?, greatest, ..*self };
        loaded.replay.load_state(state)?;
        if !loaded.is_empty() {
            let like = Tensor::zeros(loaded.len(), DType::F64, &Device::Cpu)?;
            let priorities: Vec<f64> = state.tensor("priorities", &like)?.to_vec1()?;
            for (index, priority) in priorities.into_iter().enumerate() {
                loaded.tree.set(index, priority)?;
            }
        }
        *self = loaded;
        Ok(())
    }
}
