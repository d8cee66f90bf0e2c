//! Random quantities: what a sample says, and how surely.

mod correlation;
mod power_law;
mod summary;

pub use correlation::correlation;
pub use power_law::PowerLaw;
pub use summary::Summary;
