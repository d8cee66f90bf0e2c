//! Checkpoints: PyTorch's files, damaged files, saves that are killed or run out of room, training that goes on bit for bit.

mod damage;
mod disk;
mod restore;
mod support;
mod weights;
