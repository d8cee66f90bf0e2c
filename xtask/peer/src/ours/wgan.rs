//! One step of a critic with a gradient penalty.

use candlelight::autograd::value_and_grad;
use candlelight::gan::{AdversarialLoss, gradient_penalty};
use candlelight::nn::{Conv2d, Conv2dConfig};
use candlelight::prelude::*;

use super::start;
use crate::shared;
use crate::task::Task;

pub fn wgan_gp() -> crate::Result<Task> {
    let params = Params::new(0, &Device::Cpu)?;
    let critic = critic(&params)?;
    let config = AdamConfig { lr: 1e-4, betas: (0.5, 0.9), ..AdamConfig::default() };
    let mut adam = Adam::new(params.trainable(), config)?;
    let (real, fake) = (shared::input("real", (64, 1, 28, 28))?, shared::input("fake", (64, 1, 28, 28))?);
    // The shares that `gan::interpolate` would draw: uniform numbers in [0, 1).
    let shares = ((shared::input("shares", (64, 1, 1, 1))? + 1.0)? * 0.5)?;
    Ok(Task::changing(start(&params)?, move || {
        let mut found = None;
        let (loss, gradients) = value_and_grad(|| {
            let between = (&fake + (&real - &fake)?.broadcast_mul(&shares)?)?;
            let penalty = gradient_penalty(&critic, &between, &Default::default())?;
            let real = critic.forward(&real, Mode::Train)?;
            let loss = AdversarialLoss::Wasserstein.discriminator(&real, &critic.forward(&fake, Mode::Train)?)?;
            found = Some(penalty.detach());
            Ok((loss + penalty)?)
        })?;
        adam.step(&gradients)?;
        Ok(vec![("loss", loss), ("penalty", found.ok_or("the critic's step came to nothing")?)])
    }))
}

fn critic(params: &Params) -> Result<Sequential> {
    let halve = Conv2dConfig { stride: (2, 2), padding: (1, 1), ..Default::default() };
    let leaky = Activation::LeakyRelu { negative_slope: 0.2 };
    Ok(Sequential::new()
        .push(Conv2d::new(1, 32, 4, halve, params.pp("conv1"))?)
        .push(leaky)
        .push(Conv2d::new(32, 64, 4, halve, params.pp("conv2"))?)
        .push(leaky)
        .push(Flatten)
        .push(linear(64 * 7 * 7, 1, params.pp("fc"))?))
}
