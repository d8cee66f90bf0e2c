//! Layers: against PyTorch, finite differences, their composed forms, and by hand.

mod conv;
mod dropout;
mod embedding;
mod highway;
mod layers;
mod linearize;
mod locality;
mod norm;
mod pool;
mod recurrent;
mod residual;
mod summary;
