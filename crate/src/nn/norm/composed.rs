//! Normalization made of Candle's operations: the reference, and what other devices run.

use candle_core::{DType, Tensor};
use candlelight_kernels::normalization::Moments;

use crate::Result;

/// Normalizes over `dims`. Returns the statistics as well, in the order of the other dimensions.
pub(super) fn with_own(x: &Tensor, dims: &[usize], eps: f64) -> Result<(Tensor, Vec<Moments>)> {
    let mean = x.mean_keepdim(dims)?;
    let centred = x.broadcast_sub(&mean)?;
    // In units of the largest, if that is above 1: the squares of large numbers are beyond F32.
    let mut unit = centred.detach().abs()?;
    for &dim in dims {
        unit = unit.max_keepdim(dim)?;
    }
    let unit = unit.maximum(1.0)?;
    let centred = centred.broadcast_div(&unit)?;
    let var = centred.sqr()?.mean_keepdim(dims)?;
    let eps = (unit.sqr()?.recip()? * eps)?;
    let y = centred.broadcast_div(&(&var + eps)?.sqrt()?)?;
    let numbers = |x: Tensor| x.detach().flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>();
    let (means, vars, units) = (numbers(mean)?, numbers(var)?, numbers(unit)?);
    let all = means.into_iter().zip(vars).zip(units);
    Ok((y, all.map(|((mean, var), unit)| Moments { mean, var: var * unit * unit }).collect()))
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

/// Normalizes the channels of x [N, C, ...] with statistics that do not depend on it.
pub(super) fn with_given(x: &Tensor, moments: &[Moments], eps: f64) -> Result<Tensor> {
    let shape = by_channel(x);
    let tensor = |values: Vec<f64>| -> Result<Tensor> {
        Ok(Tensor::from_vec(values, shape.clone(), x.device())?.to_dtype(x.dtype())?)
    };
    let mean = tensor(moments.iter().map(|moments| moments.mean).collect())?;
    let std = tensor(moments.iter().map(|moments| (moments.var + eps).sqrt()).collect())?;
    Ok(x.broadcast_sub(&mean)?.broadcast_div(&std)?)
}

/// γ v / √(σ² + ε) for each channel: the derivative of a normalization with given statistics.
pub(super) fn along_given(v: &Tensor, moments: &[Moments], weight: Option<&Tensor>, eps: f64) -> Result<Tensor> {
    let spreads: Vec<Moments> = moments.iter().map(|moments| Moments { mean: 0.0, var: moments.var }).collect();
    scaled(with_given(v, &spreads, eps)?, weight, None, &by_channel(v))
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
