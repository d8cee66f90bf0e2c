//! CartPole: a pole on a cart.

use rand::Rng as _;

use super::episode::Episode;
use super::{Environment, Space, Step, TimeLimit};
use crate::Result;
use crate::state::{State, Stateful};

/// Gymnasium's CartPole: push a cart left (0) or right (1) so that the pole on it does not fall.
///
/// ```text
/// f = (F + m l θ̇² sin θ) / (M + m),   F = ±10 N
/// θ̈ = (g sin θ - f cos θ) / (l (4/3 - m cos² θ / (M + m)))
/// ẍ = f - m l θ̈ cos θ / (M + m)
/// ```
///
/// g = 9.8 m/s², M = 1 kg, m = 0.1 kg, l = 0.5 m (half of the pole), Euler steps of 0.02 s, in which place and angle move by
/// the speeds *before* the step. Observed: x in m, ẋ in m/s, θ in rad from upright, θ̇ in rad/s; each is drawn from
/// [-0.05, 0.05) at the beginning. A step earns 1, also the one at which the episode terminates: |x| > 2.4 or |θ| > 12°.
///
/// Barto, Sutton and Anderson (1983), figure 3, and the equations of Florian (2007) without friction.
///
/// ```
/// use candlelight::rl::{CartPole, Environment};
/// # fn main() -> candlelight::Result<()> {
/// let mut env = CartPole::new();
/// env.start_at([0., 0., 0., 0.]);
/// let pushed = env.step(1)?;
/// assert!(pushed.observation[1] > 0. && pushed.observation[3] < 0.); // the cart goes right, the pole falls left
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct CartPole {
    state: [f64; 4],
    episode: Episode,
}

const GRAVITY: f64 = 9.8;
const TOTAL_MASS: f64 = 1.0 + MASS_POLE;
const MASS_POLE: f64 = 0.1;
const LENGTH: f64 = 0.5;
const FORCE: f64 = 10.0;
const SECONDS: f64 = 0.02;
const FARTHEST: f64 = 2.4;
/// 12°, as Gymnasium rounds it.
const STEEPEST: f64 = 12.0 * 2.0 * std::f64::consts::PI / 360.0;

impl CartPole {
    /// Without a time limit.
    pub fn new() -> Self {
        Self::default()
    }

    /// CartPole-v1: at most 500 steps, so a return of at most 500; "solved" from a mean of 475 on.
    pub fn v1() -> TimeLimit<Self> {
        TimeLimit::of(Self::new(), 500)
    }

    /// Begins an episode at (x, ẋ, θ, θ̇), with no draw, and returns what is seen.
    pub fn start_at(&mut self, state: [f64; 4]) -> [f64; 4] {
        self.state = state;
        self.episode.begin_at();
        state
    }
}

impl Environment for CartPole {
    type Observation = [f64; 4];

    fn observation_space(&self) -> Space {
        let high = vec![2.0 * FARTHEST, f64::INFINITY, 2.0 * STEEPEST, f64::INFINITY];
        Space::Box { low: high.iter().map(|bound| -bound).collect(), high }
    }

    fn actions(&self) -> usize {
        2
    }

    fn reset(&mut self, seed: Option<u64>) -> Result<[f64; 4]> {
        let rng = self.episode.begin(seed)?;
        self.state = std::array::from_fn(|_| rng.random_range(-0.05..0.05));
        Ok(self.state)
    }

    fn step(&mut self, action: usize) -> Result<Step<[f64; 4]>> {
        self.episode.check(action, 2)?;
        let [x, speed, angle, turning] = self.state;
        let force = if action == 1 { FORCE } else { -FORCE };
        let (sin, cos) = angle.sin_cos();
        let pole = MASS_POLE * LENGTH;
        let push = (force + pole * (turning * turning) * sin) / TOTAL_MASS;
        let angular = (GRAVITY * sin - cos * push) / (LENGTH * (4.0 / 3.0 - MASS_POLE * (cos * cos) / TOTAL_MASS));
        let linear = push - pole * angular * cos / TOTAL_MASS;
        self.state =
            [x + SECONDS * speed, speed + SECONDS * linear, angle + SECONDS * turning, turning + SECONDS * angular];
        let terminated = self.state[0].abs() > FARTHEST || self.state[2].abs() > STEEPEST;
        self.episode.went_on(terminated);
        Ok(Step { observation: self.state, reward: 1.0, terminated, truncated: false })
    }
}

/// The numbers that describe it, and the place in the random numbers.
impl Stateful for CartPole {
    fn state(&self) -> Result<State> {
        self.episode.state_with(&self.state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        self.episode.load_with(state, &mut self.state)
    }
}
