//! Acrobot: two links that swing up, driven at the joint between them.

use std::f64::consts::PI;

use rand::Rng as _;

use super::episode::Episode;
use super::{Environment, Space, Step, TimeLimit};
use crate::Result;
use crate::state::{State, Stateful};

/// Gymnasium's Acrobot: a torque of -1, 0 or 1 N m (actions 0, 1, 2) at the joint of two hanging links, until the free end is
/// higher than the fixed one by the length of a link.
///
/// ```text
/// d₁ = m l_c² + m (l² + l_c² + 2 l l_c cos θ₂) + 2 I        d₂ = m (l_c² + l l_c cos θ₂) + I
/// φ₂ = m l_c g cos(θ₁ + θ₂ - π/2)
/// φ₁ = -m l l_c (θ̇₂² + 2 θ̇₁ θ̇₂) sin θ₂ + (m l_c + m l) g cos(θ₁ - π/2) + φ₂
/// θ̈₂ = (a + d₂ φ₁ / d₁ - m l l_c θ̇₁² sin θ₂ - φ₂) / (m l_c² + I - d₂² / d₁)
/// θ̈₁ = -(d₂ θ̈₂ + φ₁) / d₁
/// ```
///
/// l = 1 m, m = 1 kg, l_c = 0.5 m, I = 1 kg m², g = 9.8 m/s²; one step of Runge–Kutta of fourth order, 0.2 s; angles wrapped to
/// [-π, π], speeds clipped to 4π and 9π rad/s. Observed: cos θ₁, sin θ₁, cos θ₂, sin θ₂, θ̇₁, θ̇₂ (θ₁ = 0 hangs down, θ₂ is
/// relative to the first link); each of the four numbers of the state is drawn from [-0.1, 0.1) at the beginning. A step costs
/// 1, the last one, at which -cos θ₁ - cos(θ₁ + θ₂) > 1, nothing.
///
/// Sutton (1996), section 4; the equations of Sutton and Barto's book (Gymnasium's `book_or_nips = "book"`).
///
/// ```
/// use candlelight::rl::{Acrobot, Environment};
/// # fn main() -> candlelight::Result<()> {
/// let mut env = Acrobot::v1();
/// let first = env.reset(Some(0))?;
/// assert!(first[0] > 0.99 && env.step(2)?.reward == -1.);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Acrobot {
    state: [f64; 4],
    episode: Episode,
}

const SECONDS: f64 = 0.2;
const FASTEST: [f64; 2] = [4.0 * PI, 9.0 * PI];

impl Acrobot {
    /// Without a time limit.
    pub fn new() -> Self {
        Self::default()
    }

    /// Acrobot-v1: at most 500 steps; "solved" from a mean return of -100 on.
    pub fn v1() -> TimeLimit<Self> {
        TimeLimit::of(Self::new(), 500)
    }

    /// Begins an episode at (θ₁, θ₂, θ̇₁, θ̇₂), with no draw, and returns what is seen.
    pub fn start_at(&mut self, state: [f64; 4]) -> [f64; 6] {
        self.state = state;
        self.episode.begin_at();
        self.observation()
    }

    /// θ₁, θ₂ in rad, θ̇₁, θ̇₂ in rad/s.
    pub fn angles(&self) -> [f64; 4] {
        self.state
    }

    fn observation(&self) -> [f64; 6] {
        let [first, second, speed, turning] = self.state;
        [first.cos(), first.sin(), second.cos(), second.sin(), speed, turning]
    }
}

/// The derivative of the state in time. Powers of lengths and masses of 1 are left out.
fn derivative([first, second, speed, turning]: [f64; 4], torque: f64) -> [f64; 4] {
    let (center, inertia, gravity) = (0.5, 1.0, 9.8);
    let (sin, cos) = second.sin_cos();
    let d1 = center * center + (1.0 + center * center + 2.0 * center * cos) + inertia + inertia;
    let d2 = (center * center + center * cos) + inertia;
    let phi2 = center * gravity * (first + second - PI / 2.0).cos();
    let phi1 = -center * (turning * turning) * sin - 2.0 * center * turning * speed * sin
        + (center + 1.0) * gravity * (first - PI / 2.0).cos()
        + phi2;
    let bent =
        (torque + d2 / d1 * phi1 - center * (speed * speed) * sin - phi2) / (center * center + inertia - d2 * d2 / d1);
    [speed, turning, -(d2 * bent + phi1) / d1, bent]
}

/// One step of the classical Runge–Kutta method.
fn advanced(state: [f64; 4], torque: f64) -> [f64; 4] {
    let along = |slope: [f64; 4], h: f64| std::array::from_fn(|i| state[i] + h * slope[i]);
    let k1 = derivative(state, torque);
    let k2 = derivative(along(k1, SECONDS / 2.0), torque);
    let k3 = derivative(along(k2, SECONDS / 2.0), torque);
    let k4 = derivative(along(k3, SECONDS), torque);
    std::array::from_fn(|i| state[i] + SECONDS / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]))
}

/// The same angle in [-π, π].
fn wrapped(mut angle: f64) -> f64 {
    while angle > PI {
        angle -= 2.0 * PI;
    }
    while angle < -PI {
        angle += 2.0 * PI;
    }
    angle
}

impl Environment for Acrobot {
    type Observation = [f64; 6];

    fn observation_space(&self) -> Space {
        let high = vec![1.0, 1.0, 1.0, 1.0, FASTEST[0], FASTEST[1]];
        Space::Box { low: high.iter().map(|bound| -bound).collect(), high }
    }

    fn actions(&self) -> usize {
        3
    }

    fn reset(&mut self, seed: Option<u64>) -> Result<[f64; 6]> {
        let rng = self.episode.begin(seed)?;
        self.state = std::array::from_fn(|_| rng.random_range(-0.1..0.1));
        Ok(self.observation())
    }

    fn step(&mut self, action: usize) -> Result<Step<[f64; 6]>> {
        self.episode.check(action, 3)?;
        let [first, second, speed, turning] = advanced(self.state, action as f64 - 1.0);
        self.state = [
            wrapped(first),
            wrapped(second),
            speed.clamp(-FASTEST[0], FASTEST[0]),
            turning.clamp(-FASTEST[1], FASTEST[1]),
        ];
        let terminated = -self.state[0].cos() - (self.state[1] + self.state[0]).cos() > 1.0;
        self.episode.went_on(terminated);
        let reward = if terminated { 0.0 } else { -1.0 };
        Ok(Step { observation: self.observation(), reward, terminated, truncated: false })
    }
}

/// The numbers that describe it, and the place in the random numbers.
impl Stateful for Acrobot {
    fn state(&self) -> Result<State> {
        self.episode.state_with(&self.state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        self.episode.load_with(state, &mut self.state)
    }
}
