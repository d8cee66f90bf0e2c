//! Initial values of parameters.

use candle_core::{DType, Device, Shape, Tensor};

use crate::rng::{Rng, normal, uniform};
use crate::{Error, Result};

/// How a parameter starts.
///
/// The last dimension of a weight counts its inputs, fan_in, and the first its outputs, fan_out, as in PyTorch
/// (`[out, in, ...]`, where further dimensions multiply both).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// The same value everywhere.
    Constant(f64),
    /// N(mean, std²).
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation, at least 0.
        std: f64,
    },
    /// Uniform on [low, high).
    Uniform {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Uniform on ±√(6 / (fan_in + fan_out)), of variance 2 / (fan_in + fan_out). Glorot and Bengio (2010), eq. 16.
    XavierUniform,
    /// N(0, 2 / (fan_in + fan_out)). Glorot and Bengio (2010), eq. 12.
    XavierNormal,
    /// N(0, 2 / fan_in), which keeps the variance through ReLU. He et al. (2015), eq. 10.
    HeNormal,
    /// Uniform on ±1/√fan_in, of variance 1 / (3 fan_in): the default of PyTorch's linear and convolution layers.
    TorchLinear {
        /// Inputs of the layer; given, because a bias does not show it in its shape.
        fan_in: usize,
    },
}

impl Init {
    /// Draws a tensor of `shape`.
    ///
    /// # Errors
    /// If a fan is needed and the shape has fewer than two dimensions, or a fan is 0.
    pub fn tensor(self, rng: &mut Rng, shape: impl Into<Shape>, dtype: DType, device: &Device) -> Result<Tensor> {
        let shape = shape.into();
        let symmetric = |rng: &mut Rng, bound: f64, shape| uniform(rng, -bound, bound, shape, dtype, device);
        match self {
            Self::Constant(value) => Ok(Tensor::full(value, shape, device)?.to_dtype(dtype)?),
            Self::Normal { mean, std } => normal(rng, mean, std, shape, dtype, device),
            Self::Uniform { low, high } => uniform(rng, low, high, shape, dtype, device),
            Self::XavierUniform => {
                let (fan_in, fan_out) = fans(&shape)?;
                symmetric(rng, (6.0 / (fan_in + fan_out)).sqrt(), shape)
            }
            Self::XavierNormal => {
                let (fan_in, fan_out) = fans(&shape)?;
                normal(rng, 0.0, (2.0 / (fan_in + fan_out)).sqrt(), shape, dtype, device)
            }
            Self::HeNormal => {
                let (fan_in, _) = fans(&shape)?;
                normal(rng, 0.0, (2.0 / fan_in).sqrt(), shape, dtype, device)
            }
            Self::TorchLinear { fan_in: 0 } => Err(Error::setting("fan_in", "at least 1", 0)),
            Self::TorchLinear { fan_in } => symmetric(rng, (1.0 / fan_in as f64).sqrt(), shape),
        }
    }
}

fn fans(shape: &Shape) -> Result<(f64, f64)> {
    match shape.dims() {
        [out, input, rest @ ..] if shape.elem_count() > 0 => {
            let field = rest.iter().product::<usize>() as f64;
            Ok((*input as f64 * field, *out as f64 * field))
        }
        dims => Err(Error::shape("weight", "[out, in, ...] with no dimension 0", dims)),
    }
}
