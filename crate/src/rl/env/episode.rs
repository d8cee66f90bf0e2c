//! Where an environment is in its episode, and what it draws from.

use rand::Rng as _;

use crate::rng::{Rng, seeded};
use crate::state::{State, Stateful};
use crate::{Error, Result};

/// The random numbers of an environment, and whether a step may be taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Episode {
    rng: Option<Rng>,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Phase {
    #[default]
    NotBegun,
    Running,
    Ended,
}

impl Episode {
    /// Begins an episode: the generator to draw its first state from.
    pub fn begin(&mut self, seed: Option<u64>) -> Result<&mut Rng> {
        if let Some(seed) = seed {
            self.rng = Some(seeded(seed));
        }
        let rng = self.rng.as_mut();
        let rng = rng.ok_or(Error::Episode { problem: "the first reset of an environment must be given a seed" })?;
        self.phase = Phase::Running;
        Ok(rng)
    }

    /// Begins an episode in a state that is given, with nothing to draw.
    pub fn begin_at(&mut self) {
        self.phase = Phase::Running;
    }

    /// Whether `action`, one of `actions`, may be taken now.
    pub fn check(&self, action: usize, actions: usize) -> Result<()> {
        match self.phase {
            Phase::NotBegun => Err(Error::Episode { problem: "a step before the first reset" }),
            Phase::Ended => Err(Error::Episode { problem: "a step after the end of the episode: reset comes first" }),
            Phase::Running if action >= actions => {
                Err(Error::setting("action", "an action of the environment", format!("{action} of 0..{actions}")))
            }
            Phase::Running => Ok(()),
        }
    }

    /// After a step.
    pub fn went_on(&mut self, terminated: bool) {
        if terminated {
            self.phase = Phase::Ended;
        }
    }

    /// The state of an environment that is described by `numbers`.
    pub fn state_with(&self, numbers: &[f64]) -> Result<State> {
        let mut state = self.state()?;
        for (i, number) in numbers.iter().enumerate() {
            state.set(&format!("number.{i}"), number);
        }
        Ok(state)
    }

    /// Goes on from [`Episode::state_with`].
    pub fn load_with<const N: usize>(&mut self, state: &State, numbers: &mut [f64; N]) -> Result<()> {
        let mut loaded = [0.0; N];
        for (i, number) in loaded.iter_mut().enumerate() {
            *number = state.get(&format!("number.{i}"))?;
        }
        self.load_state(state)?;
        *numbers = loaded;
        Ok(())
    }

    /// A number in [0, 1).
    pub fn draw(&mut self) -> Result<f64> {
        let rng =
            self.rng.as_mut().ok_or(Error::Episode { problem: "an environment that draws must be given a seed" })?;
        Ok(rng.random())
    }
}

impl Stateful for Episode {
    fn state(&self) -> Result<State> {
        let mut state = State::default();
        state.set("phase", self.phase as u8);
        state.set("seeded", self.rng.is_some());
        if let Some(rng) = &self.rng {
            state.add_part("rng.", rng.state()?);
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let phase = match state.get("phase")? {
            0u8 => Phase::NotBegun,
            1 => Phase::Running,
            2 => Phase::Ended,
            other => {
                return Err(Error::State { name: "phase".into(), problem: format!("must be 0, 1 or 2, got {other}") });
            }
        };
        let rng = if state.get("seeded")? {
            let mut rng = seeded(0);
            rng.load_state(&state.part("rng.")).map_err(|error| error.within("rng."))?;
            Some(rng)
        } else {
            None
        };
        *self = Self { rng, phase };
        Ok(())
    }
}
