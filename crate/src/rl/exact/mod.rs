//! Exact solutions of an [`Mdp`](super::Mdp) whose probabilities are known: what every learned table is compared with.

mod bellman;
mod chain;
mod evaluation;
mod horizon;
mod optimal;
mod policy_iteration;
mod stationary;
mod value_iteration;

pub use bellman::{bellman_sweep, q_values};
pub use evaluation::{iterative_policy_evaluation, policy_evaluation};
pub use horizon::{FiniteHorizon, evaluate_within, finite_horizon};
pub use optimal::{log10_greedy_policies, reachable};
pub use policy_iteration::{PolicyIteration, best_epsilon_soft, policy_iteration};
pub use stationary::{BestStationary, best_stationary_within};
pub use value_iteration::{ValueIteration, ValueIterationConfig, value_iteration};
