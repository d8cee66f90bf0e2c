//! The fast CPU forward and backward passes of the layers, and the tape that they are recorded on.
//!
//! What a layer computes is written plainly in `candlelight::nn` and its neighbours; this is where it is made fast. A kernel
//! takes what its caller has checked: shapes that fit, and tensors that [`can_take`] accepts. So this package is for
//! `candlelight`, which re-exports [`autograd`], [`composed`] and [`Instructions`].

#![allow(unsafe_code)] // Only in this package; each block says why it is sound.

pub mod activation;
pub mod autograd;
pub mod blur;
pub mod card;
pub mod conv;
mod dispatch;
mod dots;
pub mod embedding;
mod empty;
pub mod geometry;
mod gradient;
mod instructions;
pub mod linear;
pub mod matmul;
pub mod mix;
pub mod norm;
pub mod normalization;
pub mod pair_loss;
mod panels;
pub mod penalty;
pub mod pooling;
mod real;
pub mod recurrent;
mod rows;
pub mod softmax;
pub mod threads;
mod tiles;
mod transpose;
pub mod update;
mod values;
pub mod windows;

pub use card::as_on_a_card;
pub use dispatch::{can_take, composed, is_composed};
pub use empty::empty;
pub use instructions::Instructions;
pub use real::Real;

pub(crate) use dispatch::for_dtype;
pub(crate) use values::{contiguous, values};
