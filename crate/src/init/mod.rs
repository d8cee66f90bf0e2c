//! Initial values of parameters.

mod gain;
mod orthogonal;
mod propagation;
mod spectral;
mod truncated;

use candle_core::{DType, Device, Shape, Tensor};
use candlelight_base::range;

use crate::rng::{Rng, normal, uniform};
use crate::{Error, Result, memory};

pub use gain::Nonlinearity;
pub use propagation::{Propagation, propagate};
pub use spectral::spectral_radius;

/// How a parameter starts.
///
/// A weight is [out, in, ...]: the second dimension times all further ones is its fan_in, the first times the further ones
/// its fan_out. That is PyTorch's rule, and like PyTorch's it looks at the shape alone. So the weight of a transposed
/// convolution, [in, out/groups, kh, kw], has the two exchanged: there fan_in is out/groups · kh · kw.
///
/// ```
/// use candlelight::{init::{Distribution, Fan, Nonlinearity}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// // PyTorch's kaiming_uniform_(w, mode="fan_out", nonlinearity="tanh")
/// let init = Init::Scaled { fan: Fan::Out, gain: Nonlinearity::Tanh.gain(), distribution: Distribution::Uniform };
/// let w = init.tensor(&mut seeded(0), (75, 400), DType::F64, &Device::Cpu)?;
/// let bound = 5. / 3. * (3f64 / 75.).sqrt();
/// assert!(w.abs()?.max_all()?.to_scalar::<f64>()? <= bound);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// The same value everywhere; not NaN.
    Constant(f64),
    /// N(mean, std²).
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation, at least 0.
        std: f64,
    },
    /// N(mean, std²) without what is further than `cut` · std from the mean, so of a variance below std² (at cut = 2,
    /// 0.774 std²).
    ///
    /// PyTorch's `trunc_normal_` takes absolute bounds instead, -2 and 2 by default.
    TruncatedNormal {
        /// Mean.
        mean: f64,
        /// Standard deviation of the uncut distribution, at least 0.
        std: f64,
        /// In standard deviations, above 0; 2 is usual.
        cut: f64,
    },
    /// Uniform on [low, high).
    Uniform {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Mean 0 and variance gain² / fan: the rule of which the named ones below are cases.
    Scaled {
        /// What the variance is divided by.
        fan: Fan,
        /// Factor of the standard deviation, finite and at least 0: what the activation takes away, [`Nonlinearity::gain`].
        gain: f64,
        /// The shape of the distribution.
        distribution: Distribution,
    },
    /// Uniform on ±√(6 / (fan_in + fan_out)), of variance 2 / (fan_in + fan_out). Glorot and Bengio (2010), eq. 16.
    XavierUniform,
    /// N(0, 2 / (fan_in + fan_out)). Glorot and Bengio (2010), eq. 12.
    XavierNormal,
    /// Uniform on ±√(6 / fan_in), of variance 2 / fan_in; He et al. (2015), eq. 10.
    HeUniform,
    /// N(0, 2 / fan_in), which keeps the variance through ReLU. He et al. (2015), eq. 10.
    HeNormal,
    /// Uniform on ±√(3 / fan_in), of variance 1 / fan_in; LeCun et al. (1998), eq. 16.
    LeCunUniform,
    /// N(0, 1 / fan_in), which keeps the variance through a linear layer. LeCun et al. (1998), eq. 16. (That of JAX is
    /// cut at two standard deviations.)
    LeCunNormal,
    /// Orthonormal rows times the gain; where there are more rows (out) than they are long (in · …), orthonormal columns.
    ///
    /// Drawn evenly from all such matrices: Gram–Schmidt on normal draws, which is the QR decomposition with a positive
    /// diagonal of R, PyTorch's `orthogonal_` with its sign fix. Saxe, McClelland and Ganguli (2014), section 3.
    Orthogonal {
        /// Finite and at least 0; 1 keeps the length of every vector that a square matrix maps.
        gain: f64,
    },
    /// Uniform on ±1/√fan_in, of variance 1 / (3 fan_in): the default of PyTorch's linear and convolution layers.
    TorchLinear {
        /// Inputs of the layer; given, because a bias does not show it in its shape.
        fan_in: usize,
    },
}

/// What the variance of a weight is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias("fan-in", "fan-out", "fan_in", "fan_out"))]
pub enum Fan {
    /// The inputs of a unit: keeps the variance of what goes forward.
    In,
    /// The outputs that an input goes to: keeps the variance of gradients.
    Out,
    /// The mean of both, as Xavier.
    Average,
}

/// The distribution of initial weights, for a given variance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// Uniform on ±√3 standard deviations.
    Uniform,
    /// Normal.
    Normal,
}

impl Init {
    /// Draws a tensor of `shape`.
    ///
    /// # Errors
    /// A setting outside its range, a dtype other than F32 and F64; if a fan is needed, or for [`Init::Orthogonal`], a
    /// shape of fewer than two dimensions or with a dimension of 0.
    pub fn tensor(self, rng: &mut Rng, shape: impl Into<Shape>, dtype: DType, device: &Device) -> Result<Tensor> {
        let shape = shape.into();
        memory::check("initial values", shape.dims(), dtype.size_in_bytes())?;
        let symmetric = |rng: &mut Rng, bound: f64, shape| uniform(rng, -bound, bound, shape, dtype, device);
        // Mean 0 and variance gain² / fan.
        let scaled = |rng: &mut Rng, fan, gain_squared: f64, distribution, shape| {
            let fan = fan_of(fan, &shape)?;
            match distribution {
                Distribution::Uniform => symmetric(rng, (3.0 * gain_squared / fan).sqrt(), shape),
                Distribution::Normal => normal(rng, 0.0, (gain_squared / fan).sqrt(), shape, dtype, device),
            }
        };
        match self {
            Self::Constant(value) if value.is_nan() => Err(Error::setting("constant", "a number", value)),
            Self::Constant(value) => Ok(Tensor::full(value, shape, device)?.to_dtype(dtype)?),
            Self::Normal { mean, std } => normal(rng, mean, std, shape, dtype, device),
            Self::TruncatedNormal { mean, std, cut } => truncated::tensor(rng, mean, std, cut, shape, dtype, device),
            Self::Uniform { low, high } => uniform(rng, low, high, shape, dtype, device),
            Self::Scaled { fan, gain, distribution } => {
                range::not_negative("gain", gain)?;
                scaled(rng, fan, gain * gain, distribution, shape)
            }
            Self::XavierUniform => scaled(rng, Fan::Average, 1.0, Distribution::Uniform, shape),
            Self::XavierNormal => scaled(rng, Fan::Average, 1.0, Distribution::Normal, shape),
            Self::HeUniform => scaled(rng, Fan::In, 2.0, Distribution::Uniform, shape),
            Self::HeNormal => scaled(rng, Fan::In, 2.0, Distribution::Normal, shape),
            Self::LeCunUniform => scaled(rng, Fan::In, 1.0, Distribution::Uniform, shape),
            Self::LeCunNormal => scaled(rng, Fan::In, 1.0, Distribution::Normal, shape),
            Self::Orthogonal { gain } => {
                range::not_negative("gain", gain)?;
                orthogonal::tensor(rng, gain, shape, dtype, device)
            }
            Self::TorchLinear { fan_in: 0 } => Err(Error::setting("fan_in", "at least 1", 0)),
            Self::TorchLinear { fan_in } => symmetric(rng, (1.0 / fan_in as f64).sqrt(), shape),
        }
    }
}

fn fan_of(fan: Fan, shape: &Shape) -> Result<f64> {
    let (out, input, field) = weight_dims(shape)?;
    let (fan_in, fan_out) = ((input * field) as f64, (out * field) as f64);
    Ok(match fan {
        Fan::In => fan_in,
        Fan::Out => fan_out,
        Fan::Average => (fan_in + fan_out) / 2.0,
    })
}

/// Outputs, inputs, and the product of what follows them.
fn weight_dims(shape: &Shape) -> Result<(usize, usize, usize)> {
    match shape.dims() {
        [out, input, rest @ ..] if shape.elem_count() > 0 => Ok((*out, *input, rest.iter().product())),
        dims => Err(Error::shape("weight", "[out, in, ...] with no dimension 0", dims)),
    }
}
