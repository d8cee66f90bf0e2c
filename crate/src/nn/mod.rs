//! Layers, and models made of them.
//!
//! A layer takes its parameters from a [`Params`](crate::params::Params) store under PyTorch's names and computes in
//! [`Module::forward`]. A model is a [`Sequential`], or a struct of layers with a `forward` of its own.

mod conv;
mod flatten;
mod linear;
mod sequential;

use candle_core::Tensor;

use crate::{Result, activation};

pub use conv::{
    Conv1d, Conv1dConfig, Conv2d, Conv2dConfig, ConvTranspose1d, ConvTranspose1dConfig, ConvTranspose2d,
    ConvTranspose2dConfig, conv_transpose1d, conv_transpose2d, conv1d, conv2d,
};
pub use flatten::Flatten;
pub use linear::{Linear, LinearConfig, linear};
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

/// An activation as a layer of a [`Sequential`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// max(x, 0), see [`activation::relu`].
    Relu,
    /// 1 / (1 + exp(-x)), see [`activation::sigmoid`].
    Sigmoid,
    /// Hyperbolic tangent, with derivative 1 - tanh²(x) ≤ 1.
    Tanh,
}

impl Module for Activation {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        match self {
            Self::Relu => activation::relu(x),
            Self::Sigmoid => activation::sigmoid(x),
            Self::Tanh => {
                activation::check_float("tanh", x)?;
                Ok(x.tanh()?)
            }
        }
    }
}
