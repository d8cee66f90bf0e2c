//! Augmentation: expected by hand, by PyTorch, by symmetry and by frequency.

mod mixing;
mod moving;
mod training;
