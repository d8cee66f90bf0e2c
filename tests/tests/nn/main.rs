//! Layers: against PyTorch, finite differences, their composed forms, and by hand.

mod blur_pool;
mod conv;
mod dropout;
mod embedding;
mod features;
mod fuse;
mod highway;
mod layers;
mod linearize;
mod locality;
mod locally_connected;
mod norm;
mod polyphase;
mod pool;
mod recurrent;
mod residual;
mod spectral_norm;
mod summary;
