use candle_core::{DType, Device, Shape, Tensor};
use rand::Rng as _;

use crate::Result;
use crate::rng::Rng;

/// A tensor of 0 with probability `p` and else `kept`.
pub(super) fn tensor(rng: &mut Rng, p: f64, kept: f64, shape: &Shape, dtype: DType, device: &Device) -> Result<Tensor> {
    let n = shape.elem_count();
    let tensor = match dtype {
        DType::F64 => Tensor::from_vec(draw(rng, p, kept, n), shape, device)?,
        _ => Tensor::from_vec(draw(rng, p, kept as f32, n), shape, device)?.to_dtype(dtype)?,
    };
    Ok(tensor)
}

/// `n` times 0 with probability `p`, else `kept`.
///
/// Sixteen random bits decide on an element, all but one time in 65 536, when they lie in the one interval that p · 2¹⁶
/// divides: then a number of 53 more bits does. So p is met to 2⁻⁶⁹, at the price of 16 bits each.
fn draw<T: Copy + Default>(rng: &mut Rng, p: f64, kept: T, n: usize) -> Vec<T> {
    let threshold = p * 65_536.0;
    let whole = threshold as u16; // at p = 1 the last interval, all of which is dropped
    let rest = threshold - f64::from(whole);
    let mut mask = vec![kept; n];
    let mut bits = [0_u16; 4096];
    for mask in mask.chunks_mut(bits.len()) {
        let bits = &mut bits[..mask.len()];
        rng.fill(bits);
        for (value, &bits) in mask.iter_mut().zip(&*bits) {
            *value = if bits < whole { T::default() } else { kept };
        }
        // A pass of its own, so that the first one is done many elements at a time.
        if rest > 0.0 && bits.contains(&whole) {
            for (value, _) in mask.iter_mut().zip(&*bits).filter(|(_, bits)| **bits == whole) {
                if rng.random::<f64>() < rest {
                    *value = T::default();
                }
            }
        }
    }
    mask
}
