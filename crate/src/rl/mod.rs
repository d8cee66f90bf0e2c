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

mod bandit;
mod discretized;
mod double_q;
mod dqn;
mod dueling;
mod env;
mod evaluation;
mod exact;
mod expected_sarsa;
mod mdp;
mod n_step_return;
mod n_step_sarsa;
#[cfg(feature = "plot")]
pub mod picture;
mod policy;
mod q_learning;
mod q_table;
mod replay;
mod sarsa;
mod step_size;
mod tabular;
mod target_network;

pub use bandit::{BanditConfig, BanditCurves, Testbed, TestbedConfig, bandit};
pub use discretized::Discretized;
pub use double_q::{double_q, double_q_update};
pub use dqn::{Dqn, DqnConfig, DqnHistory, DqnStep, EpisodeEnd, Update, dueling_q_network, q_network};
pub use dueling::{DuelingHead, dueling_head};
pub use env::{
    Acrobot, Autoreset, CartPole, Environment, FrozenLakeConfig, GridMap, GridWorldConfig, MountainCar, Space, Step,
    TabularEnv, TimeLimit, Vectorized, cliff_walking, frozen_lake, grid_world, taxi,
};
pub use evaluation::{
    bootstrap_interval, episode_returns, interquartile_mean, probability_of_improvement, share_solved,
};
pub use exact::{
    BestStationary, FiniteHorizon, PolicyIteration, ValueIteration, ValueIterationConfig, bellman_sweep,
    best_epsilon_soft, best_stationary_within, evaluate_within, finite_horizon, iterative_policy_evaluation,
    log10_greedy_policies, policy_evaluation, policy_iteration, q_values, reachable, value_iteration,
};
pub use expected_sarsa::{expected_sarsa, expected_sarsa_update};
pub use mdp::{Mdp, Outcome};
pub use n_step_return::NStepReturns;
pub use n_step_sarsa::n_step_sarsa;
pub use policy::{Decay, Exploration, TabularPolicy};
pub use q_learning::{q_learning, q_learning_update};
pub use q_table::QTable;
pub use replay::{Batch, PrioritizedReplay, PrioritizedReplayConfig, ReplayBuffer, SumTree, Transition};
pub use sarsa::{sarsa, sarsa_update};
pub use step_size::StepSize;
pub use tabular::{Snapshot, TabularConfig, TabularRun, play};
pub use target_network::TargetNetwork;
