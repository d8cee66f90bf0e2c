//! Boxes instead of numbers, so that a table can be used.

use candlelight_base::range;

use super::env::{Environment, Space, Step};
use crate::{Error, Result};

/// An environment whose numbers are sorted into bins: what is seen is the number of a box.
///
/// ```text
/// binᵢ = ⌊(xᵢ - lowᵢ) / (highᵢ - lowᵢ) · nᵢ⌋, held in 0 … nᵢ - 1      state = ((bin₁ n₂ + bin₂) n₃ + bin₃) …
/// ```
///
/// n bins for each of d numbers are nᵈ states. All points of a box look alike, so that in general the process is no Markov process
/// any more, and no proof of convergence holds. Michie and Chambers (1968), "BOXES".
///
/// ```
/// use candlelight::rl::{CartPole, Discretized, Environment, Space};
/// # fn main() -> candlelight::Result<()> {
/// let bins = [(-2.4, 2.4, 1), (-3., 3., 3), (-0.21, 0.21, 6), (-3., 3., 3)];
/// let mut env = Discretized::new(CartPole::v1(), &bins)?;
/// assert_eq!(env.observation_space(), Space::Discrete(54));
/// assert_eq!(env.box_of(&[0., 9., -0.2, 0.])?, 2 * 18 + 0 * 3 + 1);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Discretized<E> {
    env: E,
    bins: Vec<(f64, f64, usize)>,
    states: usize,
}

impl<E: Environment<Observation: AsRef<[f64]>>> Discretized<E> {
    /// `bins` holds (low, high, n) for each number that `env` shows: n ≥ 1 bins between low < high; what lies outside belongs to
    /// the outermost.
    ///
    /// # Errors
    /// A wrong number of bins, an empty or infinite interval, no bin, or so many boxes that they cannot be counted.
    pub fn new(env: E, bins: &[(f64, f64, usize)]) -> Result<Self> {
        let numbers = match env.observation_space() {
            Space::Box { low, .. } => low.len(),
            space @ Space::Discrete(_) => {
                return Err(Error::setting("observation space", "a box", format!("{space:?}")));
            }
        };
        if bins.len() != numbers {
            let given = format!("{} for {numbers} numbers", bins.len());
            return Err(Error::setting("bins", "one interval for each number", given));
        }
        let mut states = 1usize;
        for &(low, high, n) in bins {
            range::at_least_one("bins", n)?;
            if !((high - low).is_finite() && low < high) {
                return Err(Error::setting("bins", "finite intervals with low < high", format!("[{low}, {high}]")));
            }
            let product = states.checked_mul(n);
            states = product.ok_or_else(|| Error::setting("bins", "few enough to be counted", format!("{bins:?}")))?;
        }
        Ok(Self { env, bins: bins.to_vec(), states })
    }

    /// The number of the box that holds `point`. NaN counts as low.
    ///
    /// # Errors
    /// A wrong number of numbers.
    pub fn box_of(&self, point: &[f64]) -> Result<usize> {
        if point.len() != self.bins.len() {
            let given = format!("{} instead of {}", point.len(), self.bins.len());
            return Err(Error::setting("point", "one number for each interval", given));
        }
        Ok(number(&self.bins, point))
    }

    /// The environment inside.
    pub fn env(&self) -> &E {
        &self.env
    }
}

fn number(bins: &[(f64, f64, usize)], point: &[f64]) -> usize {
    bins.iter().zip(point).fold(0, |state, (&(low, high, n), x)| {
        // A conversion to an integer saturates, and makes 0 of NaN.
        let bin = ((x - low) / (high - low) * n as f64) as usize;
        state * n + bin.min(n - 1)
    })
}

impl<E: Environment<Observation: AsRef<[f64]>>> Environment for Discretized<E> {
    type Observation = usize;

    fn observation_space(&self) -> Space {
        Space::Discrete(self.states)
    }

    fn actions(&self) -> usize {
        self.env.actions()
    }

    fn reset(&mut self, seed: Option<u64>) -> Result<usize> {
        let observation = self.env.reset(seed)?;
        Ok(number(&self.bins, observation.as_ref()))
    }

    fn step(&mut self, action: usize) -> Result<Step<usize>> {
        let Step { observation, reward, terminated, truncated } = self.env.step(action)?;
        Ok(Step { observation: number(&self.bins, observation.as_ref()), reward, terminated, truncated })
    }
}
