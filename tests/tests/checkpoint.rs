//! Checkpoints: PyTorch's files, damaged files, saves that are killed or run out of room, training that goes on bit for bit.

#[path = "checkpoint/damage.rs"]
mod damage;
#[path = "checkpoint/disk.rs"]
mod disk;
#[path = "checkpoint/restore.rs"]
mod restore;
#[path = "checkpoint/support.rs"]
mod support;
#[path = "checkpoint/weights.rs"]
mod weights;
