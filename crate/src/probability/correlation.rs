//! How features move together.

use candle_core::{DType, Tensor};

use crate::{Error, Result};

/// Pearson's correlation of each two columns.
///
/// ```text
/// rᵢⱼ = Σₙ (xₙᵢ - x̄ᵢ)(xₙⱼ - x̄ⱼ) / √(Σₙ (xₙᵢ - x̄ᵢ)² Σₙ (xₙⱼ - x̄ⱼ)²)
/// ```
///
/// `x`: `[N, F]` of a float dtype, N at least 2; the result `[F, F]` of F64, from -1 to 1. A column that does not vary has no
/// correlation: its entries are NaN.
///
/// # Errors
/// Another shape or dtype.
///
/// ```
/// use candlelight::{probability::correlation, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::new(&[[1f64, 10., -1.], [2., 20., 0.], [3., 30., -1.]], &Device::Cpu)?;
/// let r = correlation(&x)?.to_vec2::<f64>()?;
/// assert!((r[0][1] - 1.).abs() < 1e-12 && r[0][2].abs() < 1e-12);
/// # Ok(()) }
/// ```
pub fn correlation(x: &Tensor) -> Result<Tensor> {
    if !x.dtype().is_float() {
        return Err(Error::DType { what: "x", expected: "a float dtype", actual: x.dtype() });
    }
    match x.dims() {
        &[n, features] if n >= 2 && features > 0 => {}
        dims => return Err(Error::shape("x", "[N, F] with N at least 2 and F at least 1", dims)),
    }
    let x = x.to_dtype(DType::F64)?;
    // From the first value, so that a column that does not vary is 0 to the bit.
    let x = x.broadcast_sub(&x.narrow(0, 0, 1)?)?;
    let centred = x.broadcast_sub(&x.mean_keepdim(0)?)?;
    let unit = centred.broadcast_div(&centred.sqr()?.sum_keepdim(0)?.sqrt()?)?;
    Ok(unit.t()?.matmul(&unit)?)
}
