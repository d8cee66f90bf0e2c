//! Random quantities: what a sample says, and how surely.

mod power_law;
mod summary;

pub use power_law::PowerLaw;
pub use summary::Summary;
