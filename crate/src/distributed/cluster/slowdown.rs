//! Ranks that are slower than they should be.

use candlelight_base::range;
use rand::Rng as _;
use rand_distr::{Distribution, Exp1};

use crate::rng::Rng;
use crate::{Error, Result};

/// By which factor each computation of a rank takes longer.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Slowdown {
    /// All are as fast as they say.
    #[default]
    None,
    /// One factor for each rank, above 0: the same at each step.
    Fixed(Vec<f64>),
    /// 1 + scale · X, with X exponential of mean 1, drawn anew for each computation. Of n ranks the slowest takes
    /// 1 + scale · Hₙ in the mean, with Hₙ = 1 + 1/2 + … + 1/n.
    Exponential {
        /// At least 0.
        scale: f64,
    },
    /// U^(-1/shape), with U uniform in (0, 1): Pareto's distribution, at least 1, with a heavy tail. Of n ranks the slowest
    /// takes Γ(n + 1) Γ(1 - 1/shape) / Γ(n + 1 - 1/shape) in the mean, which grows as n^(1/shape).
    Pareto {
        /// Above 1, or the mean is infinite.
        shape: f64,
    },
}

impl Slowdown {
    pub(in crate::distributed) fn check(&self, size: usize) -> Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Fixed(factors) if factors.len() != size => Err(Error::setting(
                "factors of a slowdown",
                "one for each rank",
                format!("{} for {size}", factors.len()),
            )),
            Self::Fixed(factors) => {
                factors.iter().try_for_each(|&factor| range::positive("factor of a slowdown", factor))
            }
            Self::Exponential { scale } => range::not_negative("scale of a slowdown", *scale),
            Self::Pareto { shape } if *shape > 1.0 && shape.is_finite() => Ok(()),
            Self::Pareto { shape } => Err(Error::setting("shape of a slowdown", "above 1 and finite", shape)),
        }
    }

    /// The mean of the k-th smallest of the factors of `n` ranks: when the k-th of them is done that began together. Of all
    /// `n`, the time of a step with a barrier; of fewer, that of a step which leaves out the n - k slowest.
    ///
    /// ```text
    /// exponential  1 + scale (Hₙ - Hₙ₋ₖ)                    with Hₙ = 1 + 1/2 + … + 1/n
    /// Pareto       ∏ j / (j - 1/shape)                      for j from n - k + 1 to n
    /// ```
    ///
    /// Of independent draws; fixed factors are sorted. `k`: 1 to n; fixed factors: one for each rank. Rényi (1953), "On the
    /// theory of order statistics": the gaps between exponential draws in order are independent, of mean 1/j; the logarithm
    /// of a Pareto draw is exponential.
    ///
    /// # Errors
    /// A setting outside its range.
    ///
    /// ```
    /// use candlelight::distributed::Slowdown;
    /// # fn main() -> candlelight::Result<()> {
    /// let slowdown = Slowdown::Exponential { scale: 0.6 };
    /// assert!((slowdown.expected(3, 3)? - 2.1).abs() < 1e-12); // 1 + 0.6 (1 + 1/2 + 1/3)
    /// assert!((slowdown.expected(2, 3)? - 1.5).abs() < 1e-12);
    /// # Ok(()) }
    /// ```
    pub fn expected(&self, k: usize, n: usize) -> Result<f64> {
        self.check(n)?;
        if !(1..=n).contains(&k) {
            return Err(Error::setting("k of a slowdown", "1 to the number of ranks", format!("{k} of {n}")));
        }
        // Of the ranks that still compute, the next one ends.
        let computing = (n - k + 1..=n).map(|j| j as f64);
        Ok(match self {
            Self::None => 1.0,
            Self::Fixed(factors) => {
                let mut sorted = factors.clone();
                sorted.sort_by(f64::total_cmp);
                sorted[k - 1]
            }
            Self::Exponential { scale } => 1.0 + scale * computing.map(f64::recip).sum::<f64>(),
            Self::Pareto { shape } => computing.map(|j| j / (j - 1.0 / shape)).product(),
        })
    }

    /// The factor of the next computation of `rank`.
    pub fn draw(&self, rank: usize, rng: &mut Rng) -> f64 {
        match self {
            Self::None => 1.0,
            Self::Fixed(factors) => factors.get(rank).copied().unwrap_or(1.0),
            Self::Exponential { scale } => {
                let x: f64 = Exp1.sample(rng);
                1.0 + scale * x
            }
            // 1 - U is in (0, 1].
            Self::Pareto { shape } => (1.0 - rng.random::<f64>()).powf(-1.0 / shape),
        }
    }
}
