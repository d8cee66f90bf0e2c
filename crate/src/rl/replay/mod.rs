//! Memories of what happened, from which an agent learns again and again.

mod prioritized;
mod sum_tree;
mod uniform;

use candle_core::Tensor;

pub use prioritized::{PrioritizedReplay, PrioritizedReplayConfig};
pub use sum_tree::SumTree;
pub use uniform::ReplayBuffer;

/// What one action brought, or n of them: all that an update needs.
///
/// ```text
/// target = reward + discount · value of next_observation
/// ```
///
/// ```
/// use candlelight::rl::Transition;
/// let (observation, gamma, terminated) = ([0., 1.], 0.99, true);
/// let last = Transition {
///     observation: &observation,
///     action: 0,
///     reward: 1.,
///     next_observation: &observation,
///     discount: if terminated { 0. } else { gamma },
/// };
/// assert_eq!(last.discount, 0.);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transition<'a> {
    /// Sₜ.
    pub observation: &'a [f64],
    /// Aₜ.
    pub action: usize,
    /// Rₜ₊₁; over n steps Σ γⁱ Rₜ₊₁₊ᵢ.
    pub reward: f64,
    /// Sₜ₊₁, or Sₜ₊ₙ; of a truncated episode its own last observation, not the first of the next one.
    pub next_observation: &'a [f64],
    /// By what the value of the next observation counts: γ, or γⁿ, also where the episode was truncated; 0 where it terminated.
    pub discount: f64,
}

/// Transitions that were drawn from a memory, as tensors.
#[derive(Debug, Clone)]
pub struct Batch {
    /// `[N, width]`, F32.
    pub observations: Tensor,
    /// `[N, 1]`, U32.
    pub actions: Tensor,
    /// `[N]`, F32.
    pub rewards: Tensor,
    /// `[N, width]`, F32.
    pub next_observations: Tensor,
    /// `[N]`, F32.
    pub discounts: Tensor,
    /// `[N]`, F32: by what each loss is to be multiplied; `None` for 1.
    pub weights: Option<Tensor>,
    /// Where in the memory they are.
    pub indices: Vec<usize>,
}
