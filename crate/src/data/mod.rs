//! Data sets and batches: Fashion-MNIST, MNIST-1D, seeded synthetic sets, and how to walk through them.
//!
//! [`FashionMnist::offline`] needs neither a file nor a network and is the same everywhere.

mod adding;
mod batches;
mod dataset;
pub mod download;
mod fashion_mnist;
pub mod idx;
pub mod mnist1d;
mod modes;
mod normalization;
mod places;
pub mod synthetic;

pub use adding::adding_problem;
pub use batches::Batches;
pub use candlelight_base::DataError;
pub use dataset::Dataset;
pub use fashion_mnist::{FashionMnist, Source};
pub use mnist1d::{Mnist1d, Mnist1dConfig};
pub use modes::Modes;
pub use normalization::Normalization;
pub use places::Places;
