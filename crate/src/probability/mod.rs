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
mod quantile;
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
pub use quantile::quantile;
pub use summary::Summary;
