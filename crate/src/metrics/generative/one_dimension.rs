//! The Wasserstein distance on a line, where sorting solves it.

use super::mass;
use crate::eigen::check_finite;
use crate::{Error, Result};

/// Wasserstein-1 distance (earth mover's distance) of two samples of numbers, in their unit.
///
/// ```text
/// W₁ = ∫ |F(x) - G(x)| dx
/// ```
///
/// F and G are the empirical distribution functions. For samples of equal size it is the mean distance of the i-th smallest
/// from the i-th smallest. The sizes may differ.
///
/// # Errors
/// [`Error::Setting`] for an empty sample, or a number that is not finite.
///
/// Vallender (1974); Peyré and Cuturi (2019), "Computational Optimal Transport", remark 2.30.
///
/// ```
/// use candlelight::metrics::generative::wasserstein_1d;
/// # fn main() -> candlelight::Result<()> {
/// assert_eq!(wasserstein_1d(&[0., 1., 3.], &[5., 6., 8.])?, 5.);
/// assert_eq!(wasserstein_1d(&[0., 1.], &[0., 1., 0., 1.])?, 0.);
/// # Ok(()) }
/// ```
#[doc(alias("earth mover", "emd"))]
pub fn wasserstein_1d(x: &[f64], y: &[f64]) -> Result<f64> {
    wasserstein_1d_weighted((x, &vec![1.0; x.len()]), (y, &vec![1.0; y.len()]))
}

/// [`wasserstein_1d`] of numbers with weights: (numbers, weights) of each.
///
/// Weights: finite, at least 0, not all 0; each list is divided by its sum, as scipy's `wasserstein_distance` does.
///
/// # Errors
/// As [`wasserstein_1d`], or weights that differ from these or do not fit the numbers.
///
/// ```
/// use candlelight::metrics::generative::wasserstein_1d_weighted;
/// # fn main() -> candlelight::Result<()> {
/// // A quarter of the mass has to go from 1 to 0.
/// let places = [0., 1.];
/// assert_eq!(wasserstein_1d_weighted((&places, &[1., 1.]), (&places, &[3., 1.]))?, 0.25);
/// # Ok(()) }
/// ```
pub fn wasserstein_1d_weighted(x: (&[f64], &[f64]), y: (&[f64], &[f64])) -> Result<f64> {
    let sums = [side(("x", "weights of x"), x)?, side(("y", "weights of y"), y)?];
    // Each step of F and of G: where, and how high, in units of 1 / (product of the sums). Whole weights stay whole.
    let steps = |(x, w): (&[f64], &[f64]), unit: f64| -> Vec<(f64, f64)> {
        x.iter().zip(w).map(|(&x, &w)| (x, w * unit)).collect()
    };
    let mut steps = [steps(x, sums[1]), steps(y, -sums[0])].concat();
    steps.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut difference, mut area) = (0.0, 0.0);
    for pair in steps.windows(2) {
        difference += pair[0].1;
        area += f64::abs(difference) * (pair[1].0 - pair[0].0);
    }
    Ok(area / (sums[0] * sums[1]))
}

fn side((name, weights): (&'static str, &'static str), (x, w): (&[f64], &[f64])) -> Result<f64> {
    if x.is_empty() {
        return Err(Error::setting(name, "at least one number", "none"));
    }
    check_finite(name, x)?;
    if w.len() != x.len() {
        return Err(Error::shape(weights, format!("[{}], as {name}", x.len()), &[w.len()]));
    }
    mass(weights, w)
}
