//! Random quantities: distributions to draw from, what a sample says about its distribution, and how surely.

mod autoregressive;
mod binomial;
mod cauchy;
mod correlation;
mod exponential;
pub mod fit;
mod kolmogorov_smirnov;
mod mixture;
mod normal;
mod pareto;
mod proportion;
mod student;
mod summary;

pub use autoregressive::Autoregressive;
pub use binomial::Binomial;
pub use cauchy::Cauchy;
pub use correlation::correlation;
pub use exponential::Exponential;
pub use kolmogorov_smirnov::KolmogorovSmirnov;
pub use mixture::MixtureWeights;
pub use normal::Normal;
pub use pareto::Pareto;
pub use proportion::Proportion;
pub use summary::Summary;

use crate::{Error, Result};

/// A setting that must be above 0 and finite.
fn check_positive(name: &'static str, value: f64) -> Result<()> {
    if value > 0.0 && value.is_finite() { Ok(()) } else { Err(Error::setting(name, "above 0 and finite", value)) }
}

/// A setting that must be a probability.
fn check_probability(name: &'static str, value: f64) -> Result<()> {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(Error::setting(name, "in [0, 1]", value)) }
}

/// A setting that must be a finite number.
fn check_finite(name: &'static str, value: f64) -> Result<()> {
    if value.is_finite() { Ok(()) } else { Err(Error::setting(name, "finite", value)) }
}
