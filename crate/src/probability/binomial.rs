//! How many of n independent trials succeed.

use candlelight_base::range;

use rand_distr::{Binomial as Draws, Distribution};

use crate::rng::Rng;
use crate::{Error, Result};

/// The number of successes in n independent trials, each of which succeeds with probability θ; n = 1 is the Bernoulli distribution.
///
/// ```text
/// f(x, θ) = C(n, x) θˣ (1 - θ)ⁿ⁻ˣ,    x = 0, …, n
/// ```
///
/// For a fixed θ it is a probability in x, with sum 1. For a fixed x it is the likelihood of θ, whose integral is 1/(n + 1).
///
/// ```
/// use candlelight::probability::Binomial;
/// # fn main() -> candlelight::Result<()> {
/// let tosses = Binomial::new(3, 0.5)?;
/// assert!((tosses.probability(2) - 0.375).abs() < 1e-15);
/// assert!(((0..=3).map(|x| tosses.probability(x)).sum::<f64>() - 1.0).abs() < 1e-15);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Binomial {
    n: u64,
    theta: f64,
}

impl Binomial {
    /// `n` trials; `theta` is the probability of success, in [0, 1].
    ///
    /// # Errors
    /// If `theta` is outside its range.
    pub fn new(n: u64, theta: f64) -> Result<Self> {
        range::share("theta", theta)?;
        Ok(Self { n, theta })
    }

    /// The probability of `x` successes; 0 beyond n.
    #[doc(alias("pmf", "probability mass", "likelihood"))]
    pub fn probability(&self, x: u64) -> f64 {
        self.log_probability(x).exp()
    }

    /// Its natural logarithm, finite wherever the probability is not 0, however small it is; else -∞.
    ///
    /// ```
    /// use candlelight::probability::Binomial;
    /// # fn main() -> candlelight::Result<()> {
    /// let unlikely = Binomial::new(10_000, 0.01)?;
    /// assert_eq!(unlikely.probability(9_000), 0.0);
    /// assert!((unlikely.log_probability(9_000) + 38_210.072).abs() < 1e-3);
    /// # Ok(()) }
    /// ```
    #[doc(alias("log_prob", "log-likelihood"))]
    pub fn log_probability(&self, x: u64) -> f64 {
        if x > self.n {
            return f64::NEG_INFINITY;
        }
        // 0 ln 0 = 0: what cannot happen and did not happen.
        let times = |count: u64, p: f64| if count == 0 { 0.0 } else { count as f64 * p.ln() };
        log_choose(self.n, x) + times(x, self.theta) + times(self.n - x, 1.0 - self.theta)
    }

    /// The probability of at most `x` successes.
    #[doc(alias("cdf", "distribution function"))]
    pub fn cumulative(&self, x: u64) -> f64 {
        if x >= self.n { 1.0 } else { (0..=x).map(|x| self.probability(x)).sum::<f64>().min(1.0) }
    }

    /// The mean, nθ.
    pub fn mean(&self) -> f64 {
        self.n as f64 * self.theta
    }

    /// The variance, nθ(1 - θ).
    pub fn variance(&self) -> f64 {
        self.mean() * (1.0 - self.theta)
    }

    /// `count` independent draws.
    ///
    /// # Errors
    /// [`Error::Setting`] if n exceeds 2⁶³, which no sampler takes.
    pub fn sample(&self, count: usize, rng: &mut Rng) -> Result<Vec<u64>> {
        let distribution = Draws::new(self.n, self.theta).map_err(|_| Error::setting("n", "at most 2^63", self.n))?;
        Ok((0..count).map(|_| distribution.sample(rng)).collect())
    }
}

/// ln C(n, x) for x ≤ n.
fn log_choose(n: u64, x: u64) -> f64 {
    let few = x.min(n - x);
    // Exact products as long as they are exact in a double, which saves most of the logarithms.
    let (mut logs, mut product) = (0.0, 1.0_f64);
    for i in 1..=few {
        product *= (n - few + i) as f64 / i as f64;
        if product > 1e12 {
            logs += product.ln();
            product = 1.0;
        }
    }
    logs + product.ln()
}
