//! Layers, and models made of them.
//!
//! A layer takes its parameters from a [`Params`](crate::params::Params) store under PyTorch's names and computes in
//! [`Module::forward`]. A model is a [`Sequential`], or a struct of layers with a `forward` of its own.

mod activation;
mod embedding;
mod flatten;
mod linear;
mod recurrent;
mod sequential;

use candle_core::Tensor;

use crate::Result;

pub use activation::Activation;
pub use embedding::{Embedding, EmbeddingConfig, embedding};
pub use flatten::Flatten;
pub use linear::{Linear, LinearConfig, linear};
pub use recurrent::{Gru, Lstm, LstmState, Nonlinearity, RecurrentConfig, Rnn, gru, lstm, rnn};
pub use sequential::Sequential;

/// Whether a forward pass is part of training; layers such as dropout and batch normalization differ between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A pass whose gradient is taken.
    Train,
    /// Validation, test and use.
    Eval,
}

/// Something that maps a tensor to a tensor: a layer, an activation, a model.
///
/// ```
/// use candlelight::{activation::relu, nn::{Linear, Mode, Module, linear}, prelude::*};
///
/// struct Residual {
///     inner: Linear,
/// }
///
/// impl Module for Residual {
///     fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
///         Ok((x + relu(&self.inner.forward(x, mode)?)?)?)
///     }
/// }
///
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let model = Residual { inner: linear(4, 4, params.pp("inner"))? };
/// let y = model.forward(&Tensor::ones((2, 4), DType::F32, &Device::Cpu)?, Mode::Eval)?;
/// assert_eq!(y.dims(), [2, 4]);
/// # Ok(()) }
/// ```
pub trait Module: Send + Sync {
    /// The output for input `x`.
    ///
    /// # Errors
    /// If the shape or dtype of `x` does not fit.
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor>;
}
