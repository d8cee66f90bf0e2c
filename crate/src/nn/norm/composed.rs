//! Normalization made of Candle's operations: the reference, and what other devices run. Nothing here is read by the host.

use candle_core::{DType, Shape, Tensor};

use super::derivative::{Normalized, Scales, shaped};
use super::statistics::Statistics;
use crate::Result;

/// What [`with_own`] has measured: a number for each channel, group or row, with 1 in place of each dimension measured over.
pub(super) struct Measured {
    mean: Tensor,
    /// The variance in units of `unit`².
    var: Tensor,
    unit: Tensor,
}

impl Measured {
    /// As vectors, of the least dtype in which means of numbers of F32 or less are exact to rounding.
    pub fn statistics(&self) -> Result<Statistics> {
        let wide = |x: &Tensor| x.detach().flatten_all()?.to_dtype(wide(x.dtype()));
        let unit = wide(&self.unit)?;
        let var = ((wide(&self.var)? * &unit)? * unit)?;
        Ok(Statistics::OnDevice { mean: wide(&self.mean)?, var })
    }
}

/// The dtype in which statistics of numbers of `dtype` are carried on.
pub(super) fn wide(dtype: DType) -> DType {
    if dtype == DType::F64 { DType::F64 } else { DType::F32 }
}

/// Normalizes over `dims` of `x`, taken in the shape `rows`, and scales the result by γ and shifts it by β, both reshaped to
/// `shape`. Returns what it has measured as well, in the order of the other dimensions.
pub(super) fn with_own(
    x: &Tensor,
    (rows, dims): (&Shape, &[usize]),
    eps: f64,
    (weight, bias, shape): (Option<&Tensor>, Option<&Tensor>, &[usize]),
) -> Result<(Tensor, Measured)> {
    let input = x;
    let x = shaped(&x.detach(), rows)?;
    let mean = x.mean_keepdim(dims)?;
    let centred = x.broadcast_sub(&mean)?;
    // In units of the largest, if that is above 1: the squares of large numbers are beyond F32.
    let mut unit = centred.abs()?;
    for &dim in dims {
        unit = unit.max_keepdim(dim)?;
    }
    let unit = unit.maximum(&unit.ones_like()?)?;
    let centred = centred.broadcast_div(&unit)?;
    let var = centred.sqr()?.mean_keepdim(dims)?;
    let eps = (unit.sqr()?.recip()? * eps)?;
    let std = (&var + eps)?.sqrt()?;
    let normalized = shaped(&centred.broadcast_div(&std)?, input.shape())?;
    let rstd = (std * &unit)?.recip()?;
    let made = Normalized { normalized, rstd, rows: rows.clone(), dims: dims.to_vec() };
    let y = match (weight, bias) {
        (Some(weight), Some(bias)) => made.scaled(input, Scales { weight, bias, shape })?,
        _ => scaled(made.of(input)?, weight, bias, shape)?,
    };
    Ok((y, Measured { mean, var, unit }))
}

/// The derivative of what [`with_own`] makes of `x`, along `v`.
///
/// ```text
/// J v = (v - mean(v) - x̂ mean(x̂ v)) / √(σ² + ε)
/// ```
pub(super) fn along(x: &Tensor, v: &Tensor, dims: &[usize], eps: f64) -> Result<Tensor> {
    let centred = x.broadcast_sub(&x.mean_keepdim(dims)?)?;
    let std = (centred.sqr()?.mean_keepdim(dims)? + eps)?.sqrt()?;
    let normalized = centred.broadcast_div(&std)?;
    let v = v.broadcast_sub(&v.mean_keepdim(dims)?)?;
    let common = (&normalized * &v)?.mean_keepdim(dims)?;
    Ok((v - normalized.broadcast_mul(&common)?)?.broadcast_div(&std)?)
}

/// Normalizes the channels of x [N, C, ...] with statistics that do not depend on it: vectors [C] of any float dtype.
pub(super) fn with_given(x: &Tensor, mean: &Tensor, var: &Tensor, eps: f64) -> Result<Tensor> {
    let mean = mean.detach().to_dtype(x.dtype())?.reshape(by_channel(x))?;
    Ok(x.broadcast_sub(&mean)?.broadcast_div(&deviation(x, var, eps)?)?)
}

/// γ v / √(σ² + ε) for each channel: the derivative of a normalization with given statistics.
pub(super) fn along_given(v: &Tensor, var: &Tensor, weight: Option<&Tensor>, eps: f64) -> Result<Tensor> {
    scaled(v.broadcast_div(&deviation(v, var, eps)?)?, weight, None, &by_channel(v))
}

/// √(σ² + ε) of the channels of `x`, taken in F64.
fn deviation(x: &Tensor, var: &Tensor, eps: f64) -> Result<Tensor> {
    let std = (var.detach().to_dtype(DType::F64)? + eps)?.sqrt()?;
    Ok(std.to_dtype(x.dtype())?.reshape(by_channel(x))?)
}

/// x γ + β, with both reshaped to `shape`.
pub(super) fn scaled(x: Tensor, weight: Option<&Tensor>, bias: Option<&Tensor>, shape: &[usize]) -> Result<Tensor> {
    let x = match weight {
        Some(weight) => x.broadcast_mul(&weight.reshape(shape)?)?,
        None => x,
    };
    match bias {
        Some(bias) => Ok(x.broadcast_add(&bias.reshape(shape)?)?),
        None => Ok(x),
    }
}

/// [1, C, 1, ...] for x [N, C, ...].
pub(super) fn by_channel(x: &Tensor) -> Vec<usize> {
    x.dims().iter().enumerate().map(|(i, &size)| if i == 1 { size } else { 1 }).collect()
}
