//! How an agent acts while it learns.

use candlelight_base::range;
use rand::Rng as _;

use super::Decay;
use crate::Result;
use crate::rl::q_table::{argmax_at_random, max};
use crate::rng::{Rng, index_at};

/// How an agent chooses its action while it learns, from the values of its table.
///
/// ```text
/// ε-greedy    with probability ε any action, all alike, else one of the largest Q(s, a)
/// Boltzmann   p(a | s) = exp(Q(s, a) / τ) / Σ exp(Q(s, ·) / τ)
/// UCB         the largest Q(s, a) + c √(ln N(s) / N(s, a)); an action that was never taken comes first
/// ```
///
/// N(s, a) counts how often a was taken in s, N(s) the visits of s with the present one. Of several largest each is as likely.
/// An *optimistic start* is no policy of its own: greedy or ε-greedy on a table that begins too high. Sutton and Barto (2018),
/// sections 2.4, 2.6, 2.7; UCB1 is Auer et al. (2002).
///
/// ```
/// use candlelight::{rl::Exploration, rng::seeded};
/// let soft = Exploration::epsilon_greedy(0.2);
/// assert_eq!(soft.probabilities(&[1., 3., 3., 0.], &[5; 4], 0), [0.05, 0.45, 0.45, 0.05]);
/// // The action that is known least.
/// assert_eq!(Exploration::Ucb(2.).choose(&[1., 1., 1.], &[9, 2, 9], 0, &mut seeded(0)), 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Exploration {
    /// ε, in [0, 1].
    EpsilonGreedy(Decay),
    /// The temperature τ, above 0, in the unit of the returns: high, all actions are alike; low, the best is taken.
    Boltzmann(Decay),
    /// c, at least 0, in the unit of the returns.
    Ucb(f64),
}

impl Exploration {
    /// Always one of the best actions.
    pub fn greedy() -> Self {
        Self::epsilon_greedy(0.0)
    }

    /// With an ε that does not change.
    pub fn epsilon_greedy(epsilon: f64) -> Self {
        Self::EpsilonGreedy(Decay::Constant(epsilon))
    }

    /// With a temperature that does not change.
    pub fn boltzmann(temperature: f64) -> Self {
        Self::Boltzmann(Decay::Constant(temperature))
    }

    /// Whether its numbers are in range.
    ///
    /// # Errors
    /// If one is not.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::EpsilonGreedy(epsilon) => epsilon.check("epsilon", range::share),
            Self::Boltzmann(temperature) => temperature.check("temperature", range::positive),
            Self::Ucb(c) => range::not_negative("c", *c),
        }
    }

    /// An action, at step t of the agent, where the actions are worth `values` and were taken `visits` times in this state (one
    /// that is missing counts 0). No values: action 0.
    pub fn choose(&self, values: &[f64], visits: &[u64], step: u64, rng: &mut Rng) -> usize {
        match self {
            Self::EpsilonGreedy(epsilon) => {
                let epsilon = epsilon.at(step);
                if epsilon > 0.0 && !values.is_empty() && rng.random::<f64>() < epsilon {
                    return rng.random_range(0..values.len());
                }
                argmax_at_random(values.len(), |action| values[action], rng)
            }
            Self::Boltzmann(temperature) => {
                let (temperature, largest) = (temperature.at(step), max(values));
                let weight = |value: &f64| ((value - largest) / temperature).exp();
                let place = rng.random::<f64>() * values.iter().map(weight).sum::<f64>();
                index_at(values.iter().map(weight), place)
            }
            Self::Ucb(c) => {
                let bound = upper_bounds(*c, values, visits);
                argmax_at_random(values.len(), bound, rng)
            }
        }
    }

    /// The probability of each action, as [`Exploration::choose`] draws it.
    pub fn probabilities(&self, values: &[f64], visits: &[u64], step: u64) -> Vec<f64> {
        match self {
            Self::EpsilonGreedy(epsilon) => {
                let epsilon = epsilon.at(step);
                let mut p = shared(values.len(), |action| values[action]);
                p.iter_mut().for_each(|p| *p = (1.0 - epsilon) * *p + epsilon / values.len() as f64);
                p
            }
            Self::Boltzmann(temperature) => {
                let (temperature, largest) = (temperature.at(step), max(values));
                let weights: Vec<f64> = values.iter().map(|value| ((value - largest) / temperature).exp()).collect();
                let sum: f64 = weights.iter().sum();
                weights.iter().map(|weight| weight / sum).collect()
            }
            Self::Ucb(c) => shared(values.len(), upper_bounds(*c, values, visits)),
        }
    }
}

/// The upper confidence bound of each action.
fn upper_bounds<'a>(c: f64, values: &'a [f64], visits: &'a [u64]) -> impl Fn(usize) -> f64 + use<'a> {
    let log = ((visits.iter().sum::<u64>() + 1) as f64).ln();
    move |action| match visits.get(action) {
        None | Some(0) => f64::INFINITY,
        Some(&n) => values[action] + c * (log / n as f64).sqrt(),
    }
}

/// Probability 1, shared by the largest.
fn shared(n: usize, value: impl Fn(usize) -> f64) -> Vec<f64> {
    let values: Vec<f64> = (0..n).map(value).collect();
    let largest = max(&values);
    let ties = values.iter().filter(|&&value| value == largest).count() as f64;
    values.iter().map(|&value| if value == largest { 1.0 / ties } else { 0.0 }).collect()
}
