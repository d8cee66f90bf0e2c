//! Layers: against PyTorch, finite differences, their composed forms, and by hand.

mod conv;
mod dropout;
mod embedding;
mod features;
mod highway;
mod layers;
mod locality;
mod norm;
mod pool;
mod recurrent;
mod residual;
mod summary;
