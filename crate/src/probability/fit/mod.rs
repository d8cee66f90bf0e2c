//! Curves that are straight lines on a logarithmic scale, fitted to points.

mod exponential_law;
mod line;
mod power_law;

pub use exponential_law::ExponentialLaw;
pub use power_law::PowerLaw;
