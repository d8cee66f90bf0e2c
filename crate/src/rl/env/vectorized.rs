//! Several copies of an environment, which take their steps together.

use super::{Environment, Step};
use crate::state::{State, Stateful};
use crate::{Error, Result};

/// When an environment of a [`Vectorized`] begins its next episode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Autoreset {
    /// At the step after the last one of an episode: its action is ignored, its reward is 0, its observation is the first of
    /// the new episode. Such a step is no transition, and belongs into no replay memory. Gymnasium's default since 1.0.
    #[default]
    NextStep,
    /// At once: the last step of an episode shows the first observation of the next one, and the last observation of the
    /// old one is in [`Vectorized::final_observation`].
    SameStep,
}

/// Environments of one kind that take their steps together, each with an episode and random numbers of its own.
///
/// Gymnasium's `SyncVectorEnv`.
///
/// ```
/// use candlelight::rl::{Autoreset, CartPole, Vectorized};
/// # fn main() -> candlelight::Result<()> {
/// let mut envs = Vectorized::new(vec![CartPole::v1(); 8], Autoreset::NextStep)?;
/// let observations = envs.reset(Some(0))?;
/// let steps = envs.step(&[1; 8])?;
/// assert!(observations.len() == 8 && steps.iter().all(|step| step.reward == 1.));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Vectorized<E: Environment> {
    envs: Vec<E>,
    autoreset: Autoreset,
    /// Whether the last step of each ended its episode.
    ended: Vec<bool>,
    last: Vec<Option<E::Observation>>,
}

impl<E: Environment> Vectorized<E> {
    /// All of `envs`, at least one.
    ///
    /// # Errors
    /// If there is none.
    pub fn new(envs: Vec<E>, autoreset: Autoreset) -> Result<Self> {
        if envs.is_empty() {
            return Err(Error::setting("envs", "at least one environment", "none"));
        }
        let n = envs.len();
        Ok(Self { envs, autoreset, ended: vec![false; n], last: vec![None; n] })
    }

    /// The number of environments.
    // There is always one.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.envs.len()
    }

    /// The environments.
    pub fn envs(&self) -> &[E] {
        &self.envs
    }

    /// Begins an episode in each; the i-th environment gets `seed` + i.
    ///
    /// # Errors
    /// As [`Environment::reset`].
    pub fn reset(&mut self, seed: Option<u64>) -> Result<Vec<E::Observation>> {
        let seeds = (0..).map(|i| seed.map(|seed| seed.wrapping_add(i)));
        let observations = self.envs.iter_mut().zip(seeds).map(|(env, seed)| env.reset(seed)).collect::<Result<_>>()?;
        self.ended.fill(false);
        self.last.fill(None);
        Ok(observations)
    }

    /// Takes one action in each.
    ///
    /// # Errors
    /// As [`Environment::step`]; and if there is not one action for each, or one that there is not: then nothing has changed.
    pub fn step(&mut self, actions: &[usize]) -> Result<Vec<Step<E::Observation>>> {
        if actions.len() != self.envs.len() {
            let given = format!("{} for {} environments", actions.len(), self.envs.len());
            return Err(Error::setting("actions", "one for each environment", given));
        }
        let count = self.envs[0].actions();
        if let Some(action) = actions.iter().find(|action| **action >= count) {
            return Err(Error::setting("action", "an action of the environment", format!("{action} of 0..{count}")));
        }
        let mut steps = Vec::with_capacity(actions.len());
        for (i, (env, &action)) in self.envs.iter_mut().zip(actions).enumerate() {
            self.last[i] = None;
            if self.ended[i] {
                let observation = env.reset(None)?;
                self.ended[i] = false;
                steps.push(Step { observation, reward: 0.0, terminated: false, truncated: false });
                continue;
            }
            let mut step = env.step(action)?;
            if step.ended() && self.autoreset == Autoreset::SameStep {
                self.last[i] = Some(std::mem::replace(&mut step.observation, env.reset(None)?));
            } else {
                self.ended[i] = step.ended();
            }
            steps.push(step);
        }
        Ok(steps)
    }

    /// The observation in which environment `i` ended its episode at the last step, with [`Autoreset::SameStep`].
    pub fn final_observation(&self, i: usize) -> Option<&E::Observation> {
        self.last.get(i)?.as_ref()
    }
}

/// The state of each environment, and whether its episode has ended.
impl<E: Environment + Stateful + Clone> Stateful for Vectorized<E> {
    fn state(&self) -> Result<State> {
        let mut state = State::default();
        for (i, (env, ended)) in self.envs.iter().zip(&self.ended).enumerate() {
            state.set(&format!("{i}.ended"), ended);
            state.add_part(&format!("{i}.env."), env.state()?);
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let (mut envs, mut ended) = (self.envs.clone(), self.ended.clone());
        for (i, (env, ended)) in envs.iter_mut().zip(&mut ended).enumerate() {
            *ended = state.get(&format!("{i}.ended"))?;
            let prefix = format!("{i}.env.");
            env.load_state(&state.part(&prefix)).map_err(|error| error.within(&prefix))?;
        }
        (self.envs, self.ended) = (envs, ended);
        self.last.fill(None);
        Ok(())
    }
}
