//! MountainCar: a car too weak to drive up a hill at once.

use rand::Rng as _;

use super::episode::Episode;
use super::{Environment, Space, Step, TimeLimit};
use crate::Result;
use crate::state::{State, Stateful};

/// Gymnasium's MountainCar: accelerate to the left (0), not (1) or to the right (2), and swing up to x ≥ 0.5.
///
/// ```text
/// v ← clip(v + 0.001 (a - 1) - 0.0025 cos 3x, ±0.07)
/// x ← clip(x + v, -1.2, 0.6);   v ← 0 at the left border
/// ```
///
/// Observed: x and v. The car begins at rest with x drawn from [-0.6, -0.4). Each step costs 1. Moore (1990), section 4.3;
/// the form of Singh and Sutton (1996).
///
/// ```
/// use candlelight::rl::{Environment, MountainCar};
/// # fn main() -> candlelight::Result<()> {
/// let mut env = MountainCar::v0();
/// let (mut observation, mut steps) = (env.reset(Some(0))?, 0);
/// loop {
///     let step = env.step(if observation[1] < 0. { 0 } else { 2 })?; // push along the velocity
///     (observation, steps) = (step.observation, steps + 1);
///     if step.ended() {
///         break;
///     }
/// }
/// assert!(steps < 200 && observation[0] >= 0.5);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct MountainCar {
    state: [f64; 2],
    episode: Episode,
}

const LEFT: f64 = -1.2;
const RIGHT: f64 = 0.6;
const FASTEST: f64 = 0.07;
const GOAL: f64 = 0.5;

impl MountainCar {
    /// Without a time limit.
    pub fn new() -> Self {
        Self::default()
    }

    /// MountainCar-v0: at most 200 steps; "solved" from a mean return of -110 on.
    pub fn v0() -> TimeLimit<Self> {
        TimeLimit::of(Self::new(), 200)
    }

    /// Begins an episode at (x, v), with no draw, and returns what is seen.
    pub fn start_at(&mut self, state: [f64; 2]) -> [f64; 2] {
        self.state = state;
        self.episode.begin_at();
        state
    }
}

impl Environment for MountainCar {
    type Observation = [f64; 2];

    fn observation_space(&self) -> Space {
        Space::Box { low: vec![LEFT, -FASTEST], high: vec![RIGHT, FASTEST] }
    }

    fn actions(&self) -> usize {
        3
    }

    fn reset(&mut self, seed: Option<u64>) -> Result<[f64; 2]> {
        let rng = self.episode.begin(seed)?;
        self.state = [rng.random_range(-0.6..-0.4), 0.0];
        Ok(self.state)
    }

    fn step(&mut self, action: usize) -> Result<Step<[f64; 2]>> {
        self.episode.check(action, 3)?;
        let [x, v] = self.state;
        let v = (v + ((action as f64 - 1.0) * 0.001 + (3.0 * x).cos() * -0.0025)).clamp(-FASTEST, FASTEST);
        let x = (x + v).clamp(LEFT, RIGHT);
        let v = if x == LEFT && v < 0.0 { 0.0 } else { v };
        self.state = [x, v];
        let terminated = x >= GOAL && v >= 0.0;
        self.episode.went_on(terminated);
        Ok(Step { observation: self.state, reward: -1.0, terminated, truncated: false })
    }
}

/// The numbers that describe it, and the place in the random numbers.
impl Stateful for MountainCar {
    fn state(&self) -> Result<State> {
        self.episode.state_with(&self.state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        self.episode.load_with(state, &mut self.state)
    }
}
