//! Finite Markov decision processes: the table of what each action may lead to.

use candlelight_base::range;

use crate::{Error, Result};

/// What an action may lead to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// p(s', r | s, a).
    pub probability: f64,
    /// The next state s'.
    pub next: usize,
    /// The reward r.
    pub reward: f64,
    /// Whether the episode ends there: then V(s') counts 0.
    pub terminated: bool,
}

/// A Markov decision process with finitely many states and actions, all of whose probabilities are known.
///
/// ```text
/// p(s', r | s, a)      for s = 0 … S - 1, a = 0 … A - 1;  p(S₀) for the beginning
/// ```
///
/// The form is that of the tables `P` and `initial_state_distrib` of Gymnasium's toy-text environments. Sutton and Barto
/// (2018), section 3.1.
///
/// ```
/// use candlelight::rl::{Mdp, Outcome};
/// # fn main() -> candlelight::Result<()> {
/// // One state, in which action 1 earns a point and half of the time ends the episode.
/// let outcome = |probability, reward, terminated| Outcome { probability, next: 0, reward, terminated };
/// let mdp = Mdp::new(1, 2, vec![1.], |_, action| match action {
///     0 => vec![outcome(1., 0., false)],
///     _ => vec![outcome(0.5, 1., false), outcome(0.5, 1., true)],
/// })?;
/// assert_eq!(mdp.backup(0, 1, &[10.], 0.9), 1. + 0.9 * 0.5 * 10.);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Mdp {
    actions: usize,
    initial: Vec<f64>,
    outcomes: Vec<Outcome>,
    /// The outcomes of action a in state s begin at `begins[s A + a]`.
    begins: Vec<usize>,
}

/// How far from 1 a sum of probabilities may be.
const SLACK: f64 = 1e-9;

impl Mdp {
    /// A process with as many `states` and `actions`, both at least 1, that begins in state s with the probability
    /// `initial[s]`; `outcomes(s, a)` lists what action a may lead to in state s, with probabilities that add to 1.
    ///
    /// # Errors
    /// Probabilities that are none, a next state that there is not, a reward that is not finite.
    pub fn new(
        states: usize,
        actions: usize,
        initial: Vec<f64>,
        outcomes: impl Fn(usize, usize) -> Vec<Outcome>,
    ) -> Result<Self> {
        range::at_least_one("states", states)?;
        range::at_least_one("actions", actions)?;
        if initial.len() != states {
            let given = format!("{} for {states} states", initial.len());
            return Err(Error::setting("initial", "one probability for each state", given));
        }
        check_probabilities("initial", initial.iter().copied())?;
        let (mut all, mut begins) = (Vec::new(), Vec::with_capacity(states * actions + 1));
        for (state, action) in (0..states).flat_map(|state| (0..actions).map(move |action| (state, action))) {
            begins.push(all.len());
            let those = outcomes(state, action);
            check_probabilities("outcomes", those.iter().map(|outcome| outcome.probability))?;
            for (position, outcome) in those.iter().enumerate() {
                range::finite("reward", outcome.reward)?;
                if outcome.next >= states {
                    return Err(Error::Index { index: outcome.next as i64, position, rows: states });
                }
            }
            all.extend(those);
        }
        begins.push(all.len());
        Ok(Self { actions, initial, outcomes: all, begins })
    }

    /// S, the number of states.
    pub fn states(&self) -> usize {
        self.initial.len()
    }

    /// A, the number of actions, the same in each state.
    pub fn actions(&self) -> usize {
        self.actions
    }

    /// p(S₀): the probability to begin in each state.
    pub fn initial(&self) -> &[f64] {
        &self.initial
    }

    /// What `action` may lead to in `state`; nothing for a state or an action that there is not.
    pub fn outcomes(&self, state: usize, action: usize) -> &[Outcome] {
        if state >= self.states() || action >= self.actions {
            return &[];
        }
        let pair = state * self.actions + action;
        &self.outcomes[self.begins[pair]..self.begins[pair + 1]]
    }

    /// What `action` is worth in `state`, if the states that follow are worth `values`: one backup.
    ///
    /// ```text
    /// Σ p(s', r | s, a) [ r + γ V(s') ]      V(s') = 0 where the episode ends
    /// ```
    ///
    /// `values`: one for each state; one that is missing counts 0.
    pub fn backup(&self, state: usize, action: usize, values: &[f64], gamma: f64) -> f64 {
        let worth = |outcome: &Outcome| {
            let future = if outcome.terminated { 0.0 } else { values.get(outcome.next).copied().unwrap_or(0.0) };
            outcome.probability * (outcome.reward + gamma * future)
        };
        // What cannot happen does not count, even where its value is infinite.
        self.outcomes(state, action).iter().filter(|outcome| outcome.probability > 0.0).map(worth).sum()
    }

    /// The value at the beginning, Σ p(S₀ = s) V(s), over the states in which it can begin.
    pub fn start_value(&self, values: &[f64]) -> f64 {
        let possible = self.initial.iter().zip(values).filter(|(probability, _)| **probability > 0.0);
        possible.map(|(probability, value)| probability * value).sum()
    }
}

fn check_probabilities(name: &'static str, probabilities: impl Iterator<Item = f64>) -> Result<()> {
    let mut sum = 0.0;
    for probability in probabilities {
        range::share(name, probability)?;
        sum += probability;
    }
    if (sum - 1.0).abs() > SLACK {
        return Err(Error::setting(name, "probabilities that add to 1", format!("a sum of {sum}")));
    }
    Ok(())
}
