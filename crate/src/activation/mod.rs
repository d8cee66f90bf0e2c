//! Activations, softmax and its logarithm.
//!
//! Element-wise functions take any shape and keep it; on the CPU each is one pass, with another for its gradient.
//! NaN stays NaN. What happens at ±∞ is said where it is not the limit.

mod gelu;
mod rectified;
mod sigmoid;
mod softmax;
mod stable;

use candle_core::{DType, Tensor};

use crate::{Error, Result};

pub use gelu::{gelu, gelu_tanh};
pub use rectified::{elu, leaky_relu, relu, softplus};
pub use sigmoid::{sigmoid, silu, tanh};
pub use softmax::{log_softmax, log_softmax_with_temperature, logsumexp, softmax, softmax_with_temperature};

pub(crate) use stable::{abs, softplus_parts, within};

/// Candle panics where an integer tensor meets a function of real numbers.
pub(crate) fn check_float(what: &'static str, x: &Tensor) -> Result<()> {
    if x.dtype().is_float() {
        return Ok(());
    }
    Err(Error::DType { what, expected: "F32 or F64", actual: x.dtype() })
}

/// A setting that numbers of this type are multiplied by.
pub(crate) fn check_finite(name: &'static str, value: f64, dtype: DType) -> Result<()> {
    match value.abs() <= type_range(dtype).1 {
        true => Ok(()),
        false => Err(Error::setting(name, "finite in the type of the numbers", value)),
    }
}

/// The least and the largest positive number that a type holds with all its digits.
pub(crate) fn type_range(dtype: DType) -> (f64, f64) {
    match dtype {
        DType::F64 => (f64::MIN_POSITIVE, f64::MAX),
        _ => (f32::MIN_POSITIVE.into(), f32::MAX.into()),
    }
}
