//! A policy that is written down: the probability of each action in each state.

use candlelight_base::range;
use rand::Rng as _;

use crate::rl::QTable;
use crate::rng::{Rng, index_at};
use crate::{Error, Result};

/// π(a | s), for every state and action.
///
/// ```
/// use candlelight::rl::TabularPolicy;
/// # fn main() -> candlelight::Result<()> {
/// let right = TabularPolicy::deterministic(&[2, 2, 1], 4)?;
/// assert_eq!(right.epsilon_soft(0.5)?.row(0), [0.125, 0.125, 0.625, 0.125]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TabularPolicy(QTable);

impl TabularPolicy {
    /// `probability(s, a)`, for as many `states` and `actions`.
    ///
    /// # Errors
    /// Numbers that are no probabilities, or add to something else than 1 in a state; no state or no action.
    pub fn new(states: usize, actions: usize, probability: impl FnMut(usize, usize) -> f64) -> Result<Self> {
        let table = QTable::from_fn(states, actions, probability)?;
        for state in 0..states {
            let row = table.row(state);
            row.iter().try_for_each(|&p| range::share("probability", p))?;
            let sum: f64 = row.iter().sum();
            if (sum - 1.0).abs() > 1e-9 {
                let given = format!("a sum of {sum} in state {state}");
                return Err(Error::setting("policy", "probabilities that add to 1", given));
            }
        }
        Ok(Self(table))
    }

    /// `choices[s]` in state s, one of so many `actions`.
    ///
    /// # Errors
    /// A choice that is no action, or no states.
    pub fn deterministic(choices: &[usize], actions: usize) -> Result<Self> {
        if let Some(position) = choices.iter().position(|&choice| choice >= actions) {
            return Err(Error::Index { index: choices[position] as i64, position, rows: actions });
        }
        Self::new(choices.len(), actions, |state, action| f64::from(u8::from(choices[state] == action)))
    }

    /// The greedy policy of a table, with the first of several best actions.
    pub fn greedy(q: &QTable) -> Self {
        let mut table = q.clone();
        for state in 0..q.states() {
            let best = q.greedy(state);
            for (action, p) in table.row_mut(state).iter_mut().enumerate() {
                *p = f64::from(u8::from(action == best));
            }
        }
        Self(table)
    }

    /// The greedy policy that takes each of the best actions alike, those at most `tolerance` below the best: what an agent does
    /// that breaks ties at random.
    pub fn greedy_at_random(q: &QTable, tolerance: f64) -> Self {
        let mut table = q.clone();
        for state in 0..q.states() {
            let best = q.best_actions(state, tolerance);
            for (action, p) in table.row_mut(state).iter_mut().enumerate() {
                *p = if best.contains(&action) { 1.0 / best.len() as f64 } else { 0.0 };
            }
        }
        Self(table)
    }

    /// All actions alike.
    ///
    /// # Errors
    /// No state or no action.
    pub fn uniform(states: usize, actions: usize) -> Result<Self> {
        Self::new(states, actions, |_, _| 1.0 / actions as f64)
    }

    /// The policy that with probability ε takes any action, all alike, and else follows this one.
    ///
    /// # Errors
    /// ε outside [0, 1].
    pub fn epsilon_soft(&self, epsilon: f64) -> Result<Self> {
        range::share("epsilon", epsilon)?;
        let mut soft = self.clone();
        let each = epsilon / self.actions() as f64;
        for state in 0..self.states() {
            soft.0.row_mut(state).iter_mut().for_each(|p| *p = (1.0 - epsilon) * *p + each);
        }
        Ok(soft)
    }

    /// S.
    pub fn states(&self) -> usize {
        self.0.states()
    }

    /// A.
    pub fn actions(&self) -> usize {
        self.0.actions()
    }

    /// π(· | s); nothing for a state that there is not.
    pub fn row(&self, state: usize) -> &[f64] {
        self.0.row(state)
    }

    /// The most probable action of each state, the first of several.
    pub fn choices(&self) -> Vec<usize> {
        self.0.greedy_actions()
    }

    /// Draws an action; 0 for a state that there is not. Draws nothing where one action is certain.
    pub fn sample(&self, state: usize, rng: &mut Rng) -> usize {
        let row = self.row(state);
        if let Some(certain) = row.iter().position(|&p| p == 1.0) {
            return certain;
        }
        index_at(row.iter().copied(), rng.random())
    }
}
