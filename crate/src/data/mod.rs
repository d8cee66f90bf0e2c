//! Data sets and batches: Fashion-MNIST, MNIST-1D, seeded synthetic sets, and how to walk through them.
//!
//! [`FashionMnist::offline`] needs neither a file nor a network and is the same everywhere.

mod adding;
mod batches;
mod dataset;
#[cfg(feature = "fashion-mnist")]
pub mod download;
#[cfg(feature = "fashion-mnist")]
mod fashion_mnist;
#[cfg(feature = "download")]
mod fetch;
#[cfg(feature = "fashion-mnist")]
pub mod idx;
pub mod mnist1d;
mod modes;
mod normalization;
#[cfg(feature = "fashion-mnist")]
mod places;
pub mod synthetic;

pub use adding::adding_problem;
pub use batches::Batches;
pub use candlelight_base::DataError;
pub use dataset::Dataset;
#[cfg(feature = "fashion-mnist")]
pub use fashion_mnist::{FashionMnist, Source};
pub use mnist1d::{Mnist1d, Mnist1dConfig};
pub use modes::Modes;
pub use normalization::Normalization;
#[cfg(feature = "fashion-mnist")]
pub use places::Places;
