//! A memory from which every transition is drawn alike.

use candle_core::{DType, Device, Tensor, WithDType};
use candlelight_base::range;
use rand::Rng as _;

use super::{Batch, Transition};
use crate::rng::Rng;
use crate::state::{State, Stateful};
use crate::{Error, Result, memory};

/// The last `capacity` transitions, drawn uniformly with replacement.
///
/// The oldest makes room for a new one. Numbers are kept in F32, two observations for each transition, all in one piece of
/// memory: 8 width + 12 bytes a transition.
///
/// Lin (1992), "Self-improving reactive agents based on reinforcement learning, planning and teaching", section 3.3;
/// Mnih et al. (2015), algorithm 1.
///
/// ```
/// use candlelight::{prelude::*, rl::{ReplayBuffer, Transition}};
/// # fn main() -> candlelight::Result<()> {
/// let mut replay = ReplayBuffer::new(2, 1)?;
/// for t in 0..3 {
///     let (now, next) = ([f64::from(t)], [f64::from(t + 1)]);
///     replay.push(&Transition { observation: &now, action: 0, reward: 1., next_observation: &next, discount: 0.9 })?;
/// }
/// let batch = replay.sample(32, &mut seeded(0))?;
/// assert_eq!(replay.len(), 2);
/// assert!(batch.observations.flatten_all()?.to_vec1::<f32>()?.iter().all(|&first| first == 1. || first == 2.));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct ReplayBuffer {
    capacity: usize,
    width: usize,
    /// Where the next transition goes.
    position: usize,
    observations: Vec<f32>,
    next_observations: Vec<f32>,
    actions: Vec<u32>,
    rewards: Vec<f32>,
    discounts: Vec<f32>,
}

impl ReplayBuffer {
    /// Room for `capacity` transitions with observations of `width` numbers; both at least 1.
    ///
    /// # Errors
    /// A setting outside its range, or more than fits into memory.
    pub fn new(capacity: usize, width: usize) -> Result<Self> {
        range::at_least_one("capacity", capacity)?;
        range::at_least_one("width", width)?;
        memory::check("replay memory", &[capacity, 2 * width + 3], size_of::<f32>())?;
        Ok(Self {
            capacity,
            width,
            position: 0,
            observations: Vec::with_capacity(capacity * width),
            next_observations: Vec::with_capacity(capacity * width),
            actions: Vec::with_capacity(capacity),
            rewards: Vec::with_capacity(capacity),
            discounts: Vec::with_capacity(capacity),
        })
    }

    /// How many transitions it holds.
    pub fn len(&self) -> usize {
        self.actions.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// How many it can hold.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Adds a transition, in the place of the oldest if it is full, and returns its index.
    ///
    /// # Errors
    /// Observations of another width; an action beyond 2³²; nothing has changed then.
    pub fn push(&mut self, transition: &Transition) -> Result<usize> {
        let Transition { observation, action, reward, next_observation, discount } = *transition;
        for observation in [observation, next_observation] {
            if observation.len() != self.width {
                return Err(Error::shape("observation", format!("[{}]", self.width), &[observation.len()]));
            }
        }
        let action = u32::try_from(action).map_err(|_| Error::setting("action", "below 2³²", action))?;
        let at = self.position;
        write(&mut self.observations, at * self.width, observation.iter().map(|&x| x as f32));
        write(&mut self.next_observations, at * self.width, next_observation.iter().map(|&x| x as f32));
        write(&mut self.actions, at, [action]);
        write(&mut self.rewards, at, [reward as f32]);
        write(&mut self.discounts, at, [discount as f32]);
        self.position = (at + 1) % self.capacity;
        Ok(at)
    }

    /// Draws `n` transitions, at least one.
    ///
    /// # Errors
    /// If none are there, or none are asked for.
    pub fn sample(&self, n: usize, rng: &mut Rng) -> Result<Batch> {
        if self.is_empty() {
            return Err(Error::setting("replay memory", "such that it holds a transition", "an empty one"));
        }
        let indices = (0..n).map(|_| rng.random_range(0..self.len())).collect();
        self.batch(indices, None)
    }

    /// The transitions at `indices`, at least one.
    ///
    /// # Errors
    /// An index of none, or no index.
    pub fn at(&self, indices: &[usize]) -> Result<Batch> {
        if let Some(index) = indices.iter().find(|index| **index >= self.len()) {
            return Err(Error::setting("index", "that of a transition", format!("{index} of 0..{}", self.len())));
        }
        self.batch(indices.to_vec(), None)
    }

    pub(super) fn batch(&self, indices: Vec<usize>, weights: Option<Vec<f32>>) -> Result<Batch> {
        let n = indices.len();
        range::at_least_one("n", n)?;
        let rows = |all: &[f32]| {
            let mut rows = Vec::with_capacity(n * self.width);
            indices.iter().for_each(|i| rows.extend_from_slice(&all[i * self.width..(i + 1) * self.width]));
            Tensor::from_vec(rows, (n, self.width), &Device::Cpu)
        };
        let numbers = |all: &[f32]| Tensor::from_vec(picked(all, &indices), n, &Device::Cpu);
        Ok(Batch {
            observations: rows(&self.observations)?,
            actions: Tensor::from_vec(picked(&self.actions, &indices), (n, 1), &Device::Cpu)?,
            rewards: numbers(&self.rewards)?,
            next_observations: rows(&self.next_observations)?,
            discounts: numbers(&self.discounts)?,
            weights: weights.map(|weights| Tensor::from_vec(weights, n, &Device::Cpu)).transpose()?,
            indices,
        })
    }
}

fn picked<T: Copy>(all: &[T], indices: &[usize]) -> Vec<T> {
    indices.iter().map(|&i| all[i]).collect()
}

/// Writes numbers at a place that is there, or at the end.
fn write<T>(all: &mut Vec<T>, at: usize, numbers: impl IntoIterator<Item = T>) {
    for (place, number) in (at..).zip(numbers) {
        match all.get_mut(place) {
            Some(old) => *old = number,
            None => all.push(number),
        }
    }
}

/// All transitions, in the order in which they lie, and where the next one goes.
impl Stateful for ReplayBuffer {
    fn state(&self) -> Result<State> {
        let mut state = State::default();
        for (name, value) in [("capacity", self.capacity), ("position", self.position), ("len", self.len())] {
            state.set(name, value);
        }
        if !self.is_empty() {
            let n = self.len();
            let mut add = |name: &str, tensor: Tensor| state.tensors.insert(name.to_owned(), tensor);
            add("observations", Tensor::from_slice(&self.observations, (n, self.width), &Device::Cpu)?);
            add("next_observations", Tensor::from_slice(&self.next_observations, (n, self.width), &Device::Cpu)?);
            add("actions", Tensor::from_slice(&self.actions, n, &Device::Cpu)?);
            add("rewards", Tensor::from_slice(&self.rewards, n, &Device::Cpu)?);
            add("discounts", Tensor::from_slice(&self.discounts, n, &Device::Cpu)?);
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let refuse = |name: &str, problem: String| Err(Error::State { name: name.into(), problem });
        let [capacity, position, len]: [usize; 3] = [state.get("capacity")?, state.get("position")?, state.get("len")?];
        if capacity != self.capacity {
            return refuse("capacity", format!("must be {}, got {capacity}", self.capacity));
        }
        if len > capacity || position != len % capacity && (len < capacity || position >= capacity) {
            return refuse("position", format!("cannot be {position} of {len} transitions in {capacity} places"));
        }
        let mut loaded = Self { position, ..Self::new(capacity, self.width)? };
        if len > 0 {
            let width = self.width;
            extend(&mut loaded.observations, state, "observations", &[len, width])?;
            extend(&mut loaded.next_observations, state, "next_observations", &[len, width])?;
            extend(&mut loaded.actions, state, "actions", &[len])?;
            extend(&mut loaded.rewards, state, "rewards", &[len])?;
            extend(&mut loaded.discounts, state, "discounts", &[len])?;
        }
        *self = loaded;
        Ok(())
    }
}

fn extend<T: WithDType>(to: &mut Vec<T>, state: &State, name: &str, dims: &[usize]) -> Result<()> {
    let like = Tensor::zeros(dims, if T::DTYPE == DType::U32 { DType::U32 } else { DType::F32 }, &Device::Cpu)?;
    to.extend(state.tensor(name, &like)?.flatten_all()?.to_vec1::<T>()?);
    Ok(())
}
