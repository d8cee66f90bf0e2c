use candle_core::{D, Tensor};
use candlelight_kernels::activation::Unary;

use super::{Linearized, Mode, Module, slope};
use crate::{Result, activation};

/// An activation as a layer of a [`Sequential`](super::Sequential).
///
/// ```
/// use candlelight::{nn::{Activation, Mode, Module}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::new(&[-1f32, 2.], &Device::Cpu)?;
/// let y = Activation::LeakyRelu { negative_slope: 0.5 }.forward(&x, Mode::Eval)?;
/// assert_eq!(y.to_vec1::<f32>()?, [-0.5, 2.]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// max(x, 0), see [`activation::relu`].
    Relu,
    /// 1 / (1 + exp(-x)), see [`activation::sigmoid`].
    Sigmoid,
    /// Hyperbolic tangent, see [`activation::tanh`].
    Tanh,
    /// x above 0, a multiple of it below; see [`activation::leaky_relu`].
    LeakyRelu {
        /// The slope below 0: finite, 0.01 in PyTorch.
        negative_slope: f64,
    },
    /// x above 0, α (exp(x) - 1) below; see [`activation::elu`].
    Elu {
        /// α: finite, 1 in PyTorch.
        alpha: f64,
    },
    /// x Φ(x), see [`activation::gelu`].
    Gelu,
    /// Its approximation by a hyperbolic tangent, see [`activation::gelu_tanh`].
    GeluTanh,
    /// x σ(x), see [`activation::silu`].
    Silu,
    /// log(1 + exp(β x)) / β, see [`activation::softplus`].
    Softplus {
        /// β: above 0 and finite, 1 in PyTorch.
        beta: f64,
        /// Above this β x the result is x: not NaN, 20 in PyTorch.
        threshold: f64,
    },
    /// Softmax over the last dimension, see [`activation::softmax_with_temperature`].
    Softmax {
        /// Above 0 and finite; 1 is the plain softmax.
        temperature: f64,
    },
    /// Its logarithm, see [`activation::log_softmax_with_temperature`].
    LogSoftmax {
        /// Above 0 and finite; 1 is the plain one.
        temperature: f64,
    },
}

impl Activation {
    /// The same activation where its derivative follows from its value, so that a kernel can join it to the layer before.
    pub(super) fn unary(self) -> Option<Unary> {
        match self {
            Self::Relu => Some(Unary::Relu),
            Self::Sigmoid => Some(Unary::Sigmoid),
            Self::Tanh => Some(Unary::Tanh),
            _ => None,
        }
    }
}

impl Module for Activation {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        match *self {
            Self::Relu => activation::relu(x),
            Self::Sigmoid => activation::sigmoid(x),
            Self::Tanh => activation::tanh(x),
            Self::LeakyRelu { negative_slope } => activation::leaky_relu(x, negative_slope),
            Self::Elu { alpha } => activation::elu(x, alpha),
            Self::Gelu => activation::gelu(x),
            Self::GeluTanh => activation::gelu_tanh(x),
            Self::Silu => activation::silu(x),
            Self::Softplus { beta, threshold } => activation::softplus(x, beta, threshold),
            Self::Softmax { temperature } => activation::softmax_with_temperature(x, D::Minus1, temperature),
            Self::LogSoftmax { temperature } => activation::log_softmax_with_temperature(x, D::Minus1, temperature),
        }
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        let (activation, at, y) = (*self, x.clone(), self.forward(x, mode)?);
        Ok(Linearized::new(x, y.clone(), move |v| slope::along(activation, &at, &y, v)))
    }

    fn as_activation(&self) -> Option<Activation> {
        Some(*self)
    }
}
