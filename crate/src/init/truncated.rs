use candle_core::{DType, Device, Shape, Tensor};
use rand::Rng as _;
use rand_distr::{Distribution, StandardNormal};

use crate::rng::{Rng, fill};
use crate::{Error, Result};

/// Draws from N(mean, std²) without what is further than `cut` · std from the mean.
pub(super) fn tensor(
    rng: &mut Rng,
    mean: f64,
    std: f64,
    cut: f64,
    shape: Shape,
    dtype: DType,
    device: &Device,
) -> Result<Tensor> {
    if !mean.is_finite() {
        return Err(Error::setting("mean", "finite", mean));
    }
    if !(std.is_finite() && std >= 0.0) {
        return Err(Error::setting("std", "finite and at least 0", std));
    }
    if !(cut.is_finite() && cut > 0.0) {
        return Err(Error::setting("cut", "above 0 and finite", cut));
    }
    fill(shape, dtype, device, || mean + std * draw(rng, cut))
}

/// By rejection, from whichever of the two distributions loses less: two of three draws are kept at worst.
fn draw(rng: &mut Rng, cut: f64) -> f64 {
    loop {
        if cut >= 1.0 {
            let z: f64 = StandardNormal.sample(rng);
            if z.abs() <= cut {
                return z;
            }
        } else {
            let z = cut * (2.0 * rng.random::<f64>() - 1.0);
            if rng.random::<f64>() < (-0.5 * z * z).exp() {
                return z;
            }
        }
    }
}
