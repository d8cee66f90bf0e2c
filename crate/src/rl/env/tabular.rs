//! An episode in a Markov decision process.

use std::sync::Arc;

use super::episode::Episode;
use super::{Environment, Space, Step};
use crate::rl::{Mdp, Outcome};
use crate::rng::index_at;
use crate::state::{State, Stateful};
use crate::{Error, Result};

/// Walks through an [`Mdp`], whose probabilities the agent does not see.
///
/// ```
/// use candlelight::rl::{Environment, TabularEnv, taxi};
/// # fn main() -> candlelight::Result<()> {
/// let mut env = TabularEnv::new(taxi()?);
/// let state = env.reset(Some(0))?;
/// let step = env.step(4)?; // pick up
/// assert!(state < 500 && step.reward <= -1.);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct TabularEnv {
    mdp: Arc<Mdp>,
    state: usize,
    episode: Episode,
}

impl TabularEnv {
    /// An environment without a time limit (see [`TimeLimit`](super::TimeLimit)).
    pub fn new(mdp: impl Into<Arc<Mdp>>) -> Self {
        Self { mdp: mdp.into(), state: 0, episode: Episode::default() }
    }

    /// The process it walks through.
    pub fn mdp(&self) -> &Mdp {
        &self.mdp
    }
}

impl Environment for TabularEnv {
    type Observation = usize;

    fn observation_space(&self) -> Space {
        Space::Discrete(self.mdp.states())
    }

    fn actions(&self) -> usize {
        self.mdp.actions()
    }

    fn reset(&mut self, seed: Option<u64>) -> Result<usize> {
        self.episode.begin(seed)?;
        self.state = index_at(self.mdp.initial().iter().copied(), self.episode.draw()?);
        Ok(self.state)
    }

    fn step(&mut self, action: usize) -> Result<Step<usize>> {
        self.episode.check(action, self.mdp.actions())?;
        let outcomes = self.mdp.outcomes(self.state, action);
        let drawn = match outcomes.len() {
            1 => 0,
            _ => index_at(outcomes.iter().map(|outcome| outcome.probability), self.episode.draw()?),
        };
        let Outcome { next, reward, terminated, .. } = outcomes[drawn];
        self.state = next;
        self.episode.went_on(terminated);
        Ok(Step { observation: next, reward, terminated, truncated: false })
    }
}

/// The present state, and the place in the random numbers.
impl Stateful for TabularEnv {
    fn state(&self) -> Result<State> {
        let mut state = self.episode.state()?;
        state.set("state", self.state);
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let (at, states) = (state.get("state")?, self.mdp.states());
        if at >= states {
            return Err(Error::State { name: "state".into(), problem: format!("must be below {states}, got {at}") });
        }
        self.episode.load_state(state)?;
        self.state = at;
        Ok(())
    }
}
