//! Bandits drawn at random.

use candlelight_base::range;
use rand_distr::{Distribution, StandardNormal};

use crate::Result;
use crate::rl::q_table::{argmax, max};
use crate::rng::Rng;

/// The distribution from which a [`Testbed`] is drawn. The defaults are the ten-armed testbed of Sutton and Barto (2018),
/// section 2.3; their exercise 2.5 is `spread: 0.` and `walk: 0.01`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TestbedConfig {
    /// The number of arms, at least 1. Default: 10.
    pub arms: usize,
    /// The standard deviation of the arms' values around 0, at least 0. Default: 1.
    pub spread: f64,
    /// The standard deviation of a reward around its arm's value, at least 0. Default: 1.
    pub noise: f64,
    /// The standard deviation of what is added to each value after each step, at least 0. Default: 0, stationary.
    pub walk: f64,
}

impl Default for TestbedConfig {
    fn default() -> Self {
        Self { arms: 10, spread: 1.0, noise: 1.0, walk: 0.0 }
    }
}

impl TestbedConfig {
    pub(super) fn check(&self) -> Result<()> {
        range::at_least_one("arms", self.arms)?;
        range::not_negative("spread", self.spread)?;
        range::not_negative("noise", self.noise)?;
        range::not_negative("walk", self.walk)
    }
}

/// A bandit: arms whose rewards scatter around a value of each.
///
/// ```text
/// q(a) ~ N(0, spread²)      R | a ~ N(q(a), noise²)      after each step q(a) ← q(a) + N(0, walk²)
/// ```
///
/// ```
/// use candlelight::{rl::{Testbed, TestbedConfig}, rng::seeded};
/// # fn main() -> candlelight::Result<()> {
/// let mut rng = seeded(0);
/// let bandit = Testbed::new(&TestbedConfig::default(), &mut rng)?;
/// let best = bandit.best();
/// let mean = (0..10_000).map(|_| bandit.pull(best, &mut rng)).sum::<f64>() / 1e4;
/// assert!((mean - bandit.values()[best]).abs() < 0.05); // five standard errors
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Testbed {
    config: TestbedConfig,
    values: Vec<f64>,
}

impl Testbed {
    /// Draws the values of the arms.
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(config: &TestbedConfig, rng: &mut Rng) -> Result<Self> {
        config.check()?;
        let values = (0..config.arms).map(|_| config.spread * normal(rng)).collect();
        Ok(Self { config: *config, values })
    }

    /// q(a), now.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The arm with the largest value.
    pub fn best(&self) -> usize {
        argmax(&self.values)
    }

    /// The largest value.
    pub fn largest(&self) -> f64 {
        max(&self.values)
    }

    /// A reward of an arm; NaN for one that there is not. Changes no value.
    pub fn pull(&self, arm: usize, rng: &mut Rng) -> f64 {
        self.values.get(arm).map_or(f64::NAN, |value| value + self.config.noise * normal(rng))
    }

    /// Lets the values walk for one step; draws nothing if they do not.
    pub fn walk(&mut self, rng: &mut Rng) {
        if self.config.walk > 0.0 {
            self.values.iter_mut().for_each(|value| *value += self.config.walk * normal(rng));
        }
    }
}

pub(super) fn normal(rng: &mut Rng) -> f64 {
    StandardNormal.sample(rng)
}
