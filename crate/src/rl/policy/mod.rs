//! Which action is taken: what an agent does while it learns, and policies that are written down.

mod decay;
mod exploration;
mod tabular;

pub use decay::Decay;
pub use exploration::Exploration;
pub use tabular::TabularPolicy;
