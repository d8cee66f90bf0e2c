//! How far a sample is from a distribution.

use candlelight_base::range;

use std::f64::consts::{LN_2, PI};

use crate::{Error, Result};

/// The Kolmogorov–Smirnov distance between a sample and a distribution: the largest gap between the share of the sample below a point
/// and the probability of lying below it.
///
/// ```text
/// D = supₓ |Fₙ(x) - F(x)|,    Fₙ(x) = share of the sample at or below x
/// ```
///
/// A sample of the distribution itself is not at distance 0 either: see [`KolmogorovSmirnov::noise`]. Massey (1951).
///
/// ```
/// use candlelight::probability::KolmogorovSmirnov;
/// # fn main() -> candlelight::Result<()> {
/// // Against the uniform distribution on [0, 1]: just before 0.6 no value lies below, where the distribution has 0.6.
/// let test = KolmogorovSmirnov::new(&[0.9, 0.6], |x| x)?;
/// assert_eq!(test.distance, 0.6);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KolmogorovSmirnov {
    /// The distance D, in [0, 1].
    pub distance: f64,
    /// How many values the sample has.
    pub n: usize,
}

impl KolmogorovSmirnov {
    /// Of `values`, in any order, to the continuous distribution with the given cumulative distribution function.
    ///
    /// # Errors
    /// [`Error::Setting`] if there are no values, one of them is NaN, or the function leaves [0, 1].
    pub fn new(values: &[f64], cumulative: impl Fn(f64) -> f64) -> Result<Self> {
        let values = sorted(values)?;
        let n = values.len() as f64;
        let mut distance: f64 = 0.0;
        for (below, &value) in values.iter().enumerate() {
            let expected = cumulative(value);
            range::share("cumulative", expected)?;
            // The share jumps at the value: the gap is looked at on both sides.
            distance = distance.max((expected - below as f64 / n).max((below + 1) as f64 / n - expected));
        }
        Ok(Self { distance, n: values.len() })
    }

    /// What to expect of `n` values that are of the distribution: the mean of D, for large n.
    ///
    /// ```text
    /// E[D] ≈ √(π/2) ln 2 / √n ≈ 0.8687 / √n
    /// ```
    pub fn noise(n: usize) -> f64 {
        (PI / 2.0).sqrt() * LN_2 / (n as f64).sqrt()
    }

    /// The probability that a sample of the distribution is as far away as this one, or farther; right to about 0.01 from n = 5 up.
    ///
    /// ```text
    /// p = 2 Σₖ (-1)ᵏ⁻¹ exp(-2k²λ²),    λ = (√n + 0.12 + 0.11/√n) D
    /// ```
    ///
    /// Kolmogorov's limit with the correction of Stephens (1970).
    pub fn p_value(&self) -> f64 {
        let root = (self.n as f64).sqrt();
        let lambda = (root + 0.12 + 0.11 / root) * self.distance;
        if lambda < 0.2 {
            return 1.0; // to 12 digits; the series needs too many terms there
        }
        let term = |k: i32| f64::from(1 - 2 * ((k - 1) % 2)) * (-2.0 * f64::from(k * k) * lambda * lambda).exp();
        (2.0 * (1..=100).map(term).sum::<f64>()).clamp(0.0, 1.0)
    }
}

fn sorted(values: &[f64]) -> Result<Vec<f64>> {
    if values.is_empty() {
        return Err(Error::setting("values", "at least one", "none"));
    }
    if values.iter().any(|value| value.is_nan()) {
        return Err(Error::setting("values", "numbers", f64::NAN));
    }
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    Ok(values)
}
