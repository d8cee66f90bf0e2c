//! Environments with the semantics of Gymnasium 1.4.

mod acrobot;
mod cart_pole;
mod cliff_walking;
mod episode;
mod frozen_lake;
mod grid_map;
mod grid_world;
mod mountain_car;
mod space;
mod tabular;
mod taxi;
mod time_limit;
mod vectorized;

use crate::Result;

pub use acrobot::Acrobot;
pub use cart_pole::CartPole;
pub use cliff_walking::cliff_walking;
pub use frozen_lake::{FrozenLakeConfig, frozen_lake};
pub use grid_map::GridMap;
pub use grid_world::{GridWorldConfig, grid_world};
pub use mountain_car::MountainCar;
pub use space::Space;
pub use tabular::TabularEnv;
pub use taxi::taxi;
pub use time_limit::TimeLimit;
pub use vectorized::{Autoreset, Vectorized};

/// What an agent acts in: it shows an observation, takes an action, and answers with a reward.
///
/// ```text
/// reset → S₀;   step(Aₜ) → Sₜ₊₁, Rₜ₊₁, terminated, truncated
/// ```
///
/// An episode ends in two ways, and they mean different things (Pardo et al. 2018, "Time limits in reinforcement learning"):
/// after a **terminated** step nothing more can be earned, the value of what follows is 0; a **truncated** one was cut off
/// from outside, mostly by a [`TimeLimit`], and what would have followed has its usual value.
///
/// The semantics are those of Gymnasium 1.4, with these differences: an environment that was never given a seed refuses
/// to begin, a step before `reset` or after the end of an episode is an error, actions are numbered from 0, and
/// observations are not rounded to `f32`.
pub trait Environment {
    /// What the agent sees: the number of a state (`usize`), or numbers (`[f64; N]`).
    type Observation: Clone;

    /// All that can be observed.
    fn observation_space(&self) -> Space;

    /// The number of actions: 0 to `actions() - 1`.
    fn actions(&self) -> usize;

    /// Begins an episode, and returns its first observation.
    ///
    /// With a seed, all that is random begins anew with it; without one it goes on where it is. So give a seed once, at the
    /// first reset: the same seed for every episode makes every episode begin alike.
    ///
    /// # Errors
    /// [`Error::Episode`](crate::Error::Episode) if there was never a seed.
    fn reset(&mut self, seed: Option<u64>) -> Result<Self::Observation>;

    /// Takes an action.
    ///
    /// # Errors
    /// An action that there is not; [`Error::Episode`](crate::Error::Episode) before the first reset, and after a step that
    /// was terminated or truncated. Then nothing has changed.
    fn step(&mut self, action: usize) -> Result<Step<Self::Observation>>;
}

/// What an action brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Step<O> {
    /// Sₜ₊₁: what is seen after the action; after the last one of an episode, the state in which it ended.
    pub observation: O,
    /// Rₜ₊₁.
    pub reward: f64,
    /// Nothing more can be earned in this episode.
    pub terminated: bool,
    /// The episode was cut off, while more could have been earned (unless it is `terminated` too).
    pub truncated: bool,
}

impl<O> Step<O> {
    /// Whether the episode is over: terminated, truncated, or both.
    pub fn ended(&self) -> bool {
        self.terminated || self.truncated
    }
}
