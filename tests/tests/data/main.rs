//! Data sets: the embedded subset, IDX files, downloads, batches, synthetic sets.

mod adding;
mod batches;
mod download;
mod fashion_mnist;
mod idx;
mod mnist1d;
mod modes;
mod normalization;
mod support;
mod synthetic;
