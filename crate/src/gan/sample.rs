use candle_core::Tensor;
use candlelight_base::range;

use crate::Result;
use crate::autograd::no_grad;
use crate::nn::{Mode, Module};
use crate::params::Params;
use crate::rng::{Rng, normal};

/// How many are made at once.
const BATCH: usize = 256;

/// `n` samples of a generator, from codes drawn from N(0, 1), as in use: in [`Mode::Eval`], without a gradient.
///
/// In [`Mode::Train`] batch normalization would let the samples of a batch depend on each other, and dropout would change
/// them. `latent`: the length of a code, at least 1; `n`: at least 1. Codes have the dtype and the device of `params`.
///
/// # Errors
/// A size outside its range, or those of the generator.
///
/// ```
/// use candlelight::{gan::sample, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let generator = linear(8, 2, params.clone())?;
/// assert_eq!(sample(&generator, &params, 8, 1_000, &mut seeded(0))?.dims(), [1_000, 2]);
/// # Ok(()) }
/// ```
pub fn sample(generator: &dyn Module, params: &Params, latent: usize, n: usize, rng: &mut Rng) -> Result<Tensor> {
    for (name, size) in [("latent", latent), ("n", n)] {
        range::at_least_one(name, size)?;
    }
    let mut parts = Vec::with_capacity(n.div_ceil(BATCH));
    for start in (0..n).step_by(BATCH) {
        let z = normal(rng, 0.0, 1.0, (BATCH.min(n - start), latent), params.dtype(), params.device())?;
        parts.push(no_grad(|| generator.forward(&z, Mode::Eval))?.detach());
    }
    Ok(Tensor::cat(&parts, 0)?)
}
