use candle_core::Tensor;
use candlelight_base::transfer;

use super::{AdversarialLoss, GradientPenaltyConfig, gradient_penalty, interpolate};
use crate::Result;
use crate::autograd::{value_and_grad, value_and_grad_of};
use crate::metrics::scalar;
use crate::nn::{Mode, Module};
use crate::optim::Optimizer;
use crate::params::Params;
use crate::rng::Rng;

/// One step of the discriminator on real samples and generated ones; returns its loss.
///
/// Both are [N, ...], and go through the discriminator one after the other, in [`Mode::Train`]: with batch normalization each
/// has statistics of its own. `fake` is detached here, so the generator has no part in the step.
///
/// # Errors
/// Those of the discriminator, the loss and the optimizer.
pub fn discriminator_step(
    discriminator: &dyn Module,
    real: &Tensor,
    fake: &Tensor,
    loss: AdversarialLoss,
    optimizer: &mut dyn Optimizer,
) -> Result<f64> {
    let fake = fake.detach();
    let (value, gradients) = value_and_grad(|| {
        let real = discriminator.forward(real, Mode::Train)?;
        loss.discriminator(&real, &discriminator.forward(&fake, Mode::Train)?)
    })?;
    optimizer.step(&gradients)?;
    scalar(&value)
}

/// What [`critic_step`] found, before its step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CriticLoss {
    /// mean d_real - mean d_fake: the critic's estimate of the Wasserstein-1 distance, in units of its slope.
    pub distance: f64,
    /// The gradient penalty, with its weight.
    pub penalty: f64,
}

/// One step of a Wasserstein critic with [`gradient_penalty`] at points between `real` and `fake`.
///
/// ```text
/// loss = mean d_fake - mean d_real + λ/N Σₙ (‖∂D(xₙ)/∂xₙ‖ - 1)²,    xₙ as by interpolate
/// ```
///
/// `real` and `fake`: [N, ...] of one shape; `fake` is detached here. `rng` draws the shares.
///
/// # Errors
/// Those of the critic, of [`gradient_penalty`] and of the optimizer.
///
/// Gulrajani et al. (2017), algorithm 1, lines 4 to 9.
pub fn critic_step(
    critic: &dyn Module,
    real: &Tensor,
    fake: &Tensor,
    config: &GradientPenaltyConfig,
    rng: &mut Rng,
    optimizer: &mut dyn Optimizer,
) -> Result<CriticLoss> {
    let between = interpolate(real, fake, rng)?;
    let (real, fake) = (real.detach(), fake.detach());
    let mut parts = None;
    let (_, gradients) = value_and_grad(|| {
        // The penalty first: it refuses a critic before batch normalization there has moved its statistics.
        let penalty = gradient_penalty(critic, &between, config)?;
        let scores = [critic.forward(&real, Mode::Train)?, critic.forward(&fake, Mode::Train)?];
        let loss = AdversarialLoss::Wasserstein.discriminator(&scores[0], &scores[1])?;
        parts = Some((loss.detach(), penalty.detach()));
        Ok((loss + penalty)?)
    })?;
    optimizer.step(&gradients)?;
    let read = parts.map_or_else(|| Ok(Vec::new()), |(loss, penalty)| transfer::scalars(&[&loss, &penalty]))?;
    let [loss, penalty] = read[..] else { return Ok(CriticLoss { distance: 0.0, penalty: 0.0 }) };
    Ok(CriticLoss { distance: -loss, penalty })
}

/// One step of the generator, from codes `z` through both networks; returns its loss.
///
/// The discriminator stays as it is, apart from running statistics (it is run in [`Mode::Train`], as everywhere), and the
/// gradients of its weights are not computed.
///
/// `params` are the generator's; `z` is [N, ...].
///
/// # Errors
/// Those of the networks, the loss and the optimizer.
pub fn generator_step(
    generator: &dyn Module,
    params: &Params,
    discriminator: &dyn Module,
    z: &Tensor,
    loss: AdversarialLoss,
    optimizer: &mut dyn Optimizer,
) -> Result<f64> {
    let wanted = params.trainable();
    let (value, gradients) = value_and_grad_of(wanted.iter().map(|param| param.var.as_tensor()), || {
        let fake = generator.forward(z, Mode::Train)?;
        loss.generator(&discriminator.forward(&fake, Mode::Train)?)
    })?;
    optimizer.step(&gradients)?;
    scalar(&value)
}
