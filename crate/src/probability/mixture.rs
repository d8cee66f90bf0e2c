//! Which of several sources the samples came from, and in what shares.

use ndarray::{Array1, Array2, Axis};

use crate::{Error, Result};

/// The shares in which known distributions are mixed, by maximum likelihood.
///
/// ```text
/// L(w) = Πᵢ Σₖ wₖ fₖ(xᵢ),    wₖ ≥ 0,  Σₖ wₖ = 1
/// ```
///
/// The logarithm of this is concave in w, but its maximum has no closed form. Expectation–maximization climbs to it:
///
/// ```text
/// rᵢₖ = wₖ fₖ(xᵢ) / Σⱼ wⱼ fⱼ(xᵢ)      (the probability that sample i came from distribution k)
/// wₖ = 1/n Σᵢ rᵢₖ
/// ```
///
/// No step lowers the likelihood. Dempster, Laird and Rubin (1977), section 4.3.
///
/// ```
/// use candlelight::{ndarray::array, probability::MixtureWeights};
/// # fn main() -> candlelight::Result<()> {
/// // Each of four samples can come from one of two distributions only.
/// let mixture = MixtureWeights::fit(&array![[0.5, 0.0], [0.2, 0.0], [0.9, 0.0], [0.0, 0.3]])?;
/// assert_eq!(mixture.weights, array![0.75, 0.25]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MixtureWeights {
    /// The weights w, with sum 1.
    pub weights: Array1<f64>,
    /// ln L(w), in nats.
    pub log_likelihood: f64,
    /// How many steps were made: until no weight moved by more than 10⁻¹², at most 10 000.
    pub steps: usize,
}

impl MixtureWeights {
    /// `likelihoods` holds fₖ(xᵢ), one row for each sample and one column for each distribution; starts from equal weights.
    ///
    /// # Errors
    /// [`Error::Shape`] if it is empty; [`Error::Setting`] if an entry is negative or not finite, or no distribution can have made
    /// one of the samples.
    #[doc(alias("em", "expectation maximization", "mle", "maximum likelihood"))]
    pub fn fit(likelihoods: &Array2<f64>) -> Result<Self> {
        let (n, distributions) = likelihoods.dim();
        if n == 0 || distributions == 0 {
            return Err(Error::shape(
                "likelihoods",
                "[samples, distributions], at least one of each",
                &[n, distributions],
            ));
        }
        if let Some(value) = likelihoods.iter().find(|value| !(**value >= 0.0 && value.is_finite())) {
            return Err(Error::setting("likelihoods", "finite and at least 0", value));
        }
        if likelihoods.rows().into_iter().any(|row| row.sum() == 0.0) {
            return Err(Error::setting("likelihoods", "above 0 for one distribution at least, for each sample", 0.0));
        }
        let mut weights = Array1::from_elem(distributions, 1.0 / distributions as f64);
        let mut steps = 0;
        while steps < 10_000 {
            steps += 1;
            let joint = likelihoods * &weights;
            let totals = joint.sum_axis(Axis(1)).insert_axis(Axis(1));
            let next = (joint / totals).sum_axis(Axis(0)) / n as f64;
            let moved = (&next - &weights).iter().fold(0.0, |most: f64, step| most.max(step.abs()));
            weights = next;
            if moved <= 1e-12 {
                break;
            }
        }
        let log_likelihood = likelihoods.dot(&weights).mapv(f64::ln).sum();
        Ok(Self { weights, log_likelihood, steps })
    }
}
