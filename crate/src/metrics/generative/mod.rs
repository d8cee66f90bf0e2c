//! How near generated samples are to real ones.
//!
//! | question | by |
//! |---|---|
//! | two distributions whose probabilities are known | [`kl_divergence`], [`js_divergence`], on a grid [`Grid`] |
//! | how far mass has to be moved, exactly | [`wasserstein_1d`], [`wasserstein`], [`Transport`] |
//! | which modes of a known mixture were found, and in what shares | [`ModeCoverage`] |
//! | images, by their features: one number | [`frechet_distance`], [`FeatureStatistics`] |
//! | images, by their features: quality and variety apart | [`PrecisionRecall`] |
//!
//! Each depends on the number of samples. Beside a number for generated samples belong two others: that of other real samples
//! (the floor) and that of noise.

mod divergence;
mod frechet;
mod modes;
mod neighbours;
mod one_dimension;
mod transport;

use candle_core::{DType, Tensor};
use ndarray::Array2;

use crate::eigen::check_finite;
use crate::{Error, Result};

pub use divergence::{Grid, js_divergence, kl_divergence};
pub use frechet::{FeatureStatistics, frechet_distance};
pub use modes::ModeCoverage;
pub use neighbours::PrecisionRecall;
pub use one_dimension::{wasserstein_1d, wasserstein_1d_weighted};
pub use transport::{Transport, wasserstein};

/// Samples [N, d] as numbers: at least `least` of them, of one dimension or more, all finite.
fn points(name: &'static str, samples: &Tensor, least: usize) -> Result<Array2<f64>> {
    match *samples.dims() {
        [n, d] if n >= least && d > 0 => {
            let numbers = samples.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
            check_finite(name, &numbers)?;
            Array2::from_shape_vec((n, d), numbers).map_err(|_| Error::shape(name, "[N, d]", samples.dims()))
        }
        _ => Err(Error::shape(name, format!("[N, d] with N of at least {least}"), samples.dims())),
    }
}

/// Two sets of samples of the same dimension.
fn two_sets(
    (a_name, a): (&'static str, &Tensor),
    (b_name, b): (&'static str, &Tensor),
    least: usize,
) -> Result<(Array2<f64>, Array2<f64>)> {
    let (of_a, of_b) = (points(a_name, a, least)?, points(b_name, b, least)?);
    if of_a.ncols() != of_b.ncols() {
        return Err(Error::shape(b_name, format!("[N, {}], as {a_name}", of_a.ncols()), b.dims()));
    }
    Ok((of_a, of_b))
}

/// Masses: finite, none negative, not all 0. Gives their sum.
fn mass(name: &'static str, masses: &[f64]) -> Result<f64> {
    if let Some(value) = masses.iter().find(|value| !(**value >= 0.0 && value.is_finite())) {
        return Err(Error::setting(name, "finite and at least 0", value));
    }
    // From +0: the sum of no numbers is -0.
    let sum = masses.iter().fold(0.0, |sum: f64, mass| sum + mass);
    if sum > 0.0 && sum.is_finite() { Ok(sum) } else { Err(Error::setting(name, "of a sum above 0", sum)) }
}

/// ‖a - b‖
fn distance<'a>(a: impl IntoIterator<Item = &'a f64>, b: impl IntoIterator<Item = &'a f64>) -> f64 {
    a.into_iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}
