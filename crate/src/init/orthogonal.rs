use candle_core::{DType, Device, Shape, Tensor};

use super::weight_dims;
use crate::rng::{Rng, normal};
use crate::{Error, Result};

/// [out, in · …] with orthonormal rows, or columns where those are fewer, times `gain`.
pub(super) fn tensor(rng: &mut Rng, gain: f64, shape: Shape, dtype: DType, device: &Device) -> Result<Tensor> {
    if !matches!(dtype, DType::F32 | DType::F64) {
        return Err(Error::DType { what: "random tensor", expected: "F32 or F64", actual: dtype });
    }
    let (rows, input, field) = weight_dims(&shape)?;
    let columns = input * field;
    let (count, length) = (rows.min(columns), rows.max(columns));
    let draws = normal(rng, 0.0, 1.0, (count, length), DType::F64, &Device::Cpu)?;
    let mut vectors = draws.flatten_all()?.to_vec1()?;
    orthonormalize(&mut vectors, length);
    let matrix = Tensor::from_vec(vectors, (count, length), &Device::Cpu)?;
    let matrix = if rows > columns { matrix.t()?.contiguous()? } else { matrix };
    Ok((matrix.reshape(shape)? * gain)?.to_dtype(dtype)?.to_device(device)?)
}

/// Gram–Schmidt on vectors of `length` that lie one after another.
///
/// Each vector keeps a positive share of itself, so the result is that of a QR decomposition with R's diagonal positive.
fn orthonormalize(vectors: &mut [f64], length: usize) {
    for start in (0..vectors.len()).step_by(length) {
        let (done, rest) = vectors.split_at_mut(start);
        let (vector, _) = rest.split_at_mut(length);
        // Rounding leaves a part along the earlier vectors, larger the less was left of this one; a second pass removes it.
        for _ in 0..2 {
            for earlier in done.chunks_exact(length) {
                let along = dot(earlier, vector);
                vector.iter_mut().zip(earlier).for_each(|(v, e)| *v -= along * e);
            }
        }
        let norm = dot(vector, vector).sqrt();
        vector.iter_mut().for_each(|v| *v /= norm);
    }
}

/// Σ aᵢ bᵢ in eight partial sums, which the processor adds at once, in an order that is always the same.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (mut sums, tail) = ([0.0; 8], a.len() / 8 * 8);
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    let rest: f64 = a[tail..].iter().zip(&b[tail..]).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}
