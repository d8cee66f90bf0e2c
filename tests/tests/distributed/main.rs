//! Ranks and their messages.

mod cluster;
mod collective;
mod simulation;
