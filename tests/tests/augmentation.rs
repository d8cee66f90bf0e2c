//! Augmentation and normalization: expected by hand, by PyTorch, by symmetry and by frequency.

#[path = "augmentation/mixing.rs"]
mod mixing;
#[path = "augmentation/moving.rs"]
mod moving;
#[path = "augmentation/normalization.rs"]
mod normalization;
#[path = "augmentation/training.rs"]
mod training;
