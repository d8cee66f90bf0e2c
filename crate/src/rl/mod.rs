//! Reinforcement learning: environments, exact solutions, and agents that learn from rewards.
//!
//! An [`Environment`] has the semantics of Gymnasium. Those that are small tables are [`Mdp`]s, which can be solved exactly
//! and walked through by a [`TabularEnv`].
//!
//! ```
//! use candlelight::rl::{CartPole, Environment};
//! # fn main() -> candlelight::Result<()> {
//! let mut env = CartPole::v1();
//! let mut observation = env.reset(Some(0))?;
//! let mut reward = 0.;
//! loop {
//!     // Push to the side to which the pole is falling.
//!     let step = env.step(usize::from(observation[2] + observation[3] > 0.))?;
//!     (observation, reward) = (step.observation, reward + step.reward);
//!     if step.ended() {
//!         break;
//!     }
//! }
//! assert!(reward > 100.);
//! # Ok(()) }
//! ```

mod dqn;
mod dueling;
mod env;
mod evaluation;
mod mdp;
mod n_step_return;
mod replay;
mod target_network;

pub use dqn::{Dqn, DqnConfig, DqnHistory, DqnStep, EpisodeEnd, Update, dueling_q_network, q_network};
pub use dueling::{DuelingHead, dueling_head};
pub use env::{
    Acrobot, Autoreset, CartPole, Environment, FrozenLakeConfig, GridMap, GridWorldConfig, MountainCar, Space, Step,
    TabularEnv, TimeLimit, Vectorized, cliff_walking, frozen_lake, grid_world, taxi,
};
pub use evaluation::{
    bootstrap_interval, episode_returns, interquartile_mean, probability_of_improvement, share_solved,
};
pub use mdp::{Mdp, Outcome};
pub use n_step_return::NStepReturns;
pub use replay::{Batch, PrioritizedReplay, PrioritizedReplayConfig, ReplayBuffer, SumTree, Transition};
pub use target_network::TargetNetwork;
