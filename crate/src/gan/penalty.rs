use candle_core::{Tensor, Var};
use candlelight_base::{range, transfer};
use rand::Rng as _;

use super::loss::checked;
use crate::autograd::grad;
use crate::nn::{Mode, Module};
use crate::rng::Rng;
use crate::{Error, Result};

/// Which slopes a [`gradient_penalty`] punishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// (‖g‖ - target)², steeper and flatter ones: what an optimal critic has between the two distributions.
    Two,
    /// max(‖g‖ - target, 0)², steeper ones only: what a Lipschitz constant asks for.
    One,
}

/// Settings of a [`gradient_penalty`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradientPenaltyConfig {
    /// What the mean is multiplied by, λ; default 10, at least 0 and finite. Gulrajani et al. take 10 for images, and 0.1 for
    /// sets in the plane.
    pub weight: f64,
    /// The slope that costs nothing; default 1, at least 0 and finite. With 0 it is the penalty of zero-centred GANs.
    pub target: f64,
    /// Default [`Side::Two`], as in the paper.
    pub side: Side,
}

impl Default for GradientPenaltyConfig {
    fn default() -> Self {
        Self { weight: 10.0, target: 1.0, side: Side::Two }
    }
}

/// A penalty on the slope of a critic, one sample at a time, whose gradient is exact.
///
/// ```text
/// λ/N Σₙ (‖gₙ‖ - 1)²    with gₙ = ∂D(xₙ)/∂xₙ, the norm over all dimensions of a sample
///
/// its gradient for the weights θ:   λ/N Σₙ vₙ · ∂gₙ/∂θ    with vₙ = 2 (‖gₙ‖ - 1) gₙ / ‖gₙ‖ held fixed
///                                 = ∂/∂θ of the derivative of λ/N Σₙ D(xₙ) along v
/// ```
///
/// So it takes no gradient of a gradient: g by a backward pass, D's derivative along v by a forward one
/// ([`Module::linearize`]), and the backward pass of the loss that this is added to. Call it inside of
/// [`value_and_grad`](crate::autograd::value_and_grad). Where g is 0 the norm has no derivative, and the gradient taken is
/// 0, as PyTorch's.
///
/// Candle 0.11.1 detaches gradients: the same penalty written with its `backward` compiles, has the right value, and lacks
/// most of its gradient without a word. (Its undocumented variable `CANDLE_GRAD_DO_NOT_DETACH=1` changes that.)
///
/// `x`: where the slope is measured, [N, ...], such as [`interpolate`]d samples. The critic is run in [`Mode::Train`], and
/// must map a sample by itself.
///
/// # Errors
/// A setting outside its range; a critic that cannot be linearized: one with batch normalization, for which the slope at
/// a sample is not defined, with dropout, or with layers that do not say how ([`Error::Linearize`]).
///
/// Gulrajani et al. (2017), Improved training of Wasserstein GANs, eq. 3.
///
/// ```
/// use candlelight::{gan::gradient_penalty, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let critic = linear(2, 1, Params::new(0, &Device::Cpu)?)?;
/// critic.weight().set(&Tensor::new(&[[3f32, 4.]], &Device::Cpu)?)?; // slope 5 everywhere
/// let x = Tensor::zeros((8, 2), DType::F32, &Device::Cpu)?;
/// let (penalty, gradients) = value_and_grad(|| gradient_penalty(&critic, &x, &Default::default()))?;
/// assert!((penalty.to_scalar::<f32>()? - 10. * 16.).abs() < 1e-4);
/// let slope = gradients.get(critic.weight()).unwrap().to_vec2::<f32>()?; // 10 · 2 · 4 · w / 5
/// assert!((slope[0][0] - 48.).abs() < 1e-4 && (slope[0][1] - 64.).abs() < 1e-4);
/// # Ok(()) }
/// ```
pub fn gradient_penalty(critic: &dyn Module, x: &Tensor, config: &GradientPenaltyConfig) -> Result<Tensor> {
    let GradientPenaltyConfig { weight, target, side } = *config;
    range::not_negative("weight", weight)?;
    range::not_negative("target", target)?;
    let x = Var::from_tensor(&x.detach())?;
    let at = critic.linearize(&x, Mode::Train)?;
    let scores = checked("output of the critic", at.output())?;
    if x.dims().first() != scores.dims().first() {
        let expected = format!("as many rows as its input, {:?}", x.dims());
        return Err(Error::shape("output of the critic", expected, scores.dims()));
    }
    let gradient = grad(scores, &x)?;
    let norms = gradient.flatten_from(1)?.sqr()?.sum_keepdim(1)?.sqrt()?;
    let mut above = (&norms - target)?;
    if side == Side::One {
        above = above.maximum(&above.zeros_like()?)?;
    }
    let scale = weight / x.dim(0)? as f64;
    let value = (above.sqr()?.sum_all()? * scale)?;
    // 2 λ/N (‖g‖ - 1) g / ‖g‖; a norm of 0 is divided by as 1, and gives 0.
    let divisors = norms.eq(&norms.zeros_like()?)?.where_cond(&norms.ones_like()?, &norms)?;
    let factors = ((above / divisors)? * (2.0 * scale))?;
    let mut shape = vec![1; gradient.rank()];
    shape[0] = gradient.dim(0)?;
    let direction = gradient.broadcast_mul(&factors.reshape(shape)?)?;
    let surrogate = at.along(&direction)?.sum_all()?;
    // The value of the penalty with the gradient of the derivative along v.
    Ok((&surrogate + (value - surrogate.detach())?)?)
}

/// Points between real samples and generated ones, one share for each pair.
///
/// ```text
/// xₙ = εₙ realₙ + (1 - εₙ) fakeₙ,    εₙ ~ U[0, 1)
/// ```
///
/// Along these lines the slope of an optimal critic is 1 (Gulrajani et al. 2017, proposition 1), if the pairs are those of
/// the optimal transport; with pairs by chance it is a choice that works.
///
/// # Errors
/// Inputs of different shapes or dtypes, or without samples.
///
/// ```
/// use candlelight::{gan::interpolate, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let (real, fake) = (Tensor::ones((4, 3), DType::F32, &Device::Cpu)?, Tensor::zeros((4, 3), DType::F32, &Device::Cpu)?);
/// for share in interpolate(&real, &fake, &mut seeded(0))?.to_vec2::<f32>()? {
///     assert!(share[0] > 0. && share[0] < 1. && share == [share[0]; 3]);
/// }
/// # Ok(()) }
/// ```
pub fn interpolate(real: &Tensor, fake: &Tensor, rng: &mut Rng) -> Result<Tensor> {
    if real.dims() != fake.dims() || real.elem_count() == 0 || real.rank() == 0 {
        let expected = format!("{:?}, as the real ones, of at least one", real.dims());
        return Err(Error::shape("generated samples", expected, fake.dims()));
    }
    if real.dtype() != fake.dtype() {
        return Err(Error::DType {
            what: "generated samples",
            expected: "that of the real ones",
            actual: fake.dtype(),
        });
    }
    let mut shape = vec![1; real.rank()];
    shape[0] = real.dim(0)?;
    let shares: Vec<f64> = (0..shape[0]).map(|_| rng.random()).collect();
    let shares = transfer::to_device(shares, shape, real.device())?.to_dtype(real.dtype())?;
    let (real, fake) = (real.detach(), fake.detach());
    Ok((&fake + (real - &fake)?.broadcast_mul(&shares)?)?)
}
