//! Ranks and their messages.

mod checkpoint;
mod cluster;
mod collective;
