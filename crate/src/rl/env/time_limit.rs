//! A limit on the number of steps.

use candlelight_base::range;

use super::{Environment, Space, Step};
use crate::state::{State, Stateful};
use crate::{Error, Result};

/// Truncates episodes after so many steps.
///
/// A step that ends the episode by itself, just at the limit, is both terminated and truncated, as in Gymnasium.
///
/// ```
/// use candlelight::rl::{Environment, MountainCar, TimeLimit};
/// # fn main() -> candlelight::Result<()> {
/// let mut env = TimeLimit::new(MountainCar::new(), 2)?;
/// env.reset(Some(0))?;
/// assert!(!env.step(1)?.truncated);
/// let last = env.step(1)?;
/// assert!(last.truncated && !last.terminated && env.step(1).is_err());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct TimeLimit<E> {
    env: E,
    limit: usize,
    elapsed: usize,
}

impl<E> TimeLimit<E> {
    /// Episodes of at most `limit` steps, at least 1.
    ///
    /// # Errors
    /// If the limit is 0.
    pub fn new(env: E, limit: usize) -> Result<Self> {
        range::at_least_one("limit", limit)?;
        Ok(Self::of(env, limit))
    }

    /// For limits that are constants above 0.
    pub(super) fn of(env: E, limit: usize) -> Self {
        Self { env, limit, elapsed: 0 }
    }

    /// The most steps of an episode.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The environment inside.
    pub fn env(&self) -> &E {
        &self.env
    }

    /// The environment inside.
    pub fn env_mut(&mut self) -> &mut E {
        &mut self.env
    }
}

impl<E: Environment> Environment for TimeLimit<E> {
    type Observation = E::Observation;

    fn observation_space(&self) -> Space {
        self.env.observation_space()
    }

    fn actions(&self) -> usize {
        self.env.actions()
    }

    fn reset(&mut self, seed: Option<u64>) -> Result<E::Observation> {
        let observation = self.env.reset(seed)?;
        self.elapsed = 0;
        Ok(observation)
    }

    fn step(&mut self, action: usize) -> Result<Step<E::Observation>> {
        if self.elapsed >= self.limit {
            return Err(Error::Episode { problem: "a step after the time limit: reset comes first" });
        }
        let mut step = self.env.step(action)?;
        self.elapsed += 1;
        step.truncated |= self.elapsed == self.limit;
        Ok(step)
    }
}

/// The steps so far, and the state of the environment.
impl<E: Stateful> Stateful for TimeLimit<E> {
    fn state(&self) -> Result<State> {
        let mut state = State::default();
        state.set("elapsed", self.elapsed);
        state.add_part("env.", self.env.state()?);
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let elapsed = state.get("elapsed")?;
        if elapsed > self.limit {
            let problem = format!("must be at most {}, got {elapsed}", self.limit);
            return Err(Error::State { name: "elapsed".into(), problem });
        }
        self.env.load_state(&state.part("env.")).map_err(|error| error.within("env."))?;
        self.elapsed = elapsed;
        Ok(())
    }
}
