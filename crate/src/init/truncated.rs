use candle_core::{DType, Device, Shape, Tensor};
use candlelight_base::range;
use rand::Rng as _;
use rand_distr::{Distribution, StandardNormal};

use crate::Result;
use crate::rng::{Rng, fill};

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
    range::finite("mean", mean)?;
    range::not_negative("std", std)?;
    range::positive("cut", cut)?;
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
