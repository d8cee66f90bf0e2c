//! Random quantities: what a sample says, and how surely.

mod exponential_law;
mod line;
mod power_law;
mod summary;

pub use exponential_law::ExponentialLaw;
pub use power_law::PowerLaw;
pub use summary::Summary;
