//! Data sets: the embedded subset, IDX files, downloads, batches, synthetic sets.

#[path = "data/adding.rs"]
mod adding;
#[path = "data/batches.rs"]
mod batches;
#[path = "data/download.rs"]
mod download;
#[path = "data/fashion_mnist.rs"]
mod fashion_mnist;
#[path = "data/idx.rs"]
mod idx;
#[path = "data/support.rs"]
mod support;
#[path = "data/synthetic.rs"]
mod synthetic;
