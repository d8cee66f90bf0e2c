//! A table with one number for each pair of state and action.

use candlelight_base::range;
use rand::Rng as _;

use crate::rng::Rng;
use crate::{Error, Result};

/// Q(s, a): what action a is worth in state s, one `f64` for each pair.
///
/// ```
/// use candlelight::rl::QTable;
/// # fn main() -> candlelight::Result<()> {
/// let mut q = QTable::new(3, 2)?;
/// let error = q.nudge(1, 0, 0.5, 10.)?; // halfway from 0 to 10
/// assert_eq!((error, q.row(1), q.max(1), q.greedy(1)), (10., &[5., 0.][..], 5., 0));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct QTable {
    actions: usize,
    /// Q(s, a) at `s A + a`.
    values: Vec<f64>,
}

impl QTable {
    /// Zeros for as many `states` and `actions`, both at least 1.
    ///
    /// # Errors
    /// If one of them is 0, or so many numbers do not fit into memory.
    pub fn new(states: usize, actions: usize) -> Result<Self> {
        Self::filled(states, actions, 0.0)
    }

    /// `value` everywhere. One that is larger than anything that can be earned is an *optimistic start*: whatever was not tried
    /// looks best, so that a greedy agent tries all.
    ///
    /// # Errors
    /// As [`QTable::new`], or if `value` is not finite.
    pub fn filled(states: usize, actions: usize, value: f64) -> Result<Self> {
        range::finite("value", value)?;
        Self::from_fn(states, actions, |_, _| value)
    }

    /// `value(s, a)` for each pair.
    ///
    /// # Errors
    /// As [`QTable::new`].
    pub fn from_fn(states: usize, actions: usize, mut value: impl FnMut(usize, usize) -> f64) -> Result<Self> {
        range::at_least_one("states", states)?;
        range::at_least_one("actions", actions)?;
        let size = states.checked_mul(actions);
        let mut values = Vec::new();
        let memory = || Error::Memory { what: "Q-table".into(), bytes: states as u128 * actions as u128 * 8 };
        values.try_reserve_exact(size.ok_or_else(memory)?).map_err(|_| memory())?;
        for state in 0..states {
            values.extend((0..actions).map(|action| value(state, action)));
        }
        Ok(Self { actions, values })
    }

    /// S.
    pub fn states(&self) -> usize {
        self.values.len() / self.actions
    }

    /// A.
    pub fn actions(&self) -> usize {
        self.actions
    }

    /// The memory of the numbers, 8 S A bytes.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.values[..])
    }

    /// Q(s, ·); nothing for a state that there is not.
    pub fn row(&self, state: usize) -> &[f64] {
        self.span(state).map_or(&[], |span| &self.values[span])
    }

    /// Q(s, ·), to be changed.
    pub fn row_mut(&mut self, state: usize) -> &mut [f64] {
        match self.span(state) {
            Some(span) => &mut self.values[span],
            None => &mut [],
        }
    }

    /// All numbers, state by state.
    pub fn as_slice(&self) -> &[f64] {
        &self.values
    }

    fn span(&self, state: usize) -> Option<std::ops::Range<usize>> {
        let begin = state.checked_mul(self.actions)?;
        (begin < self.values.len()).then(|| begin..begin + self.actions)
    }

    /// The one update that all tabular methods share: a step of size α towards a target.
    ///
    /// ```text
    /// δ = target - Q(s, a)      Q(s, a) ← Q(s, a) + α δ
    /// ```
    ///
    /// Returns δ, the temporal-difference error before the update.
    ///
    /// # Errors
    /// A state or an action that there is not.
    pub fn nudge(&mut self, state: usize, action: usize, alpha: f64, target: f64) -> Result<f64> {
        let error = target - entry(self, state, action)?;
        self.values[state * self.actions + action] += alpha * error;
        Ok(error)
    }

    /// max Q(s, a) over the actions; -∞ for a state that there is not.
    pub fn max(&self, state: usize) -> f64 {
        max(self.row(state))
    }

    /// The action with the largest value, the first of several.
    pub fn greedy(&self, state: usize) -> usize {
        argmax(self.row(state))
    }

    /// V(s) = max Q(s, a) for every state.
    pub fn values(&self) -> Vec<f64> {
        self.values.chunks_exact(self.actions).map(max).collect()
    }

    /// [`QTable::greedy`] for every state.
    pub fn greedy_actions(&self) -> Vec<usize> {
        (0..self.states()).map(|state| self.greedy(state)).collect()
    }

    /// The actions of a state that are worth at most `tolerance` less than the best.
    pub fn best_actions(&self, state: usize, tolerance: f64) -> Vec<usize> {
        let (row, best) = (self.row(state), self.max(state));
        (0..row.len()).filter(|&action| row[action] >= best - tolerance).collect()
    }

    /// ‖Q - other‖∞, the largest distance of two entries; infinite if the sizes differ.
    pub fn distance(&self, other: &Self) -> f64 {
        if (self.states(), self.actions) != (other.states(), other.actions) {
            return f64::INFINITY;
        }
        distance(&self.values, &other.values)
    }
}

/// Q(s, ·), of a state that exists.
pub(super) fn row(q: &QTable, state: usize) -> Result<&[f64]> {
    match q.row(state) {
        [] => Err(Error::Index { index: state as i64, position: 0, rows: q.states() }),
        row => Ok(row),
    }
}

/// Q(s, a), where both exist.
pub(super) fn entry(q: &QTable, state: usize, action: usize) -> Result<f64> {
    let missing = || Error::Index { index: action as i64, position: 1, rows: q.actions() };
    row(q, state)?.get(action).copied().ok_or_else(missing)
}

/// The largest; -∞ of none.
pub(super) fn max(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// The place of the largest, the first of several; 0 of none.
pub(super) fn argmax<T: PartialOrd>(values: &[T]) -> usize {
    (1..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}

/// ‖a - b‖∞.
pub(super) fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// The place of the largest of `value(0..n)`; of several, each is as likely. Draws only where there are several.
pub(super) fn argmax_at_random(n: usize, value: impl Fn(usize) -> f64, rng: &mut Rng) -> usize {
    let (mut best, mut largest, mut ties) = (0, f64::NEG_INFINITY, 0);
    for i in 0..n {
        let here = value(i);
        if here > largest {
            (best, largest, ties) = (i, here, 1);
        } else if here == largest {
            ties += 1;
        }
    }
    if ties > 1 {
        let drawn = rng.random_range(0..ties);
        best = (0..n).filter(|&i| value(i) == largest).nth(drawn).unwrap_or(best);
    }
    best
}
