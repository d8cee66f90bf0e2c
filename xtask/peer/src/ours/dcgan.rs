//! One step of the discriminator and one of the generator.

use candlelight::activation::tanh;
use candlelight::autograd::{value_and_grad, value_and_grad_of};
use candlelight::loss::binary_cross_entropy_with_logits as bce;
use candlelight::nn::{
    BatchNorm2d, Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig, Linear, batch_norm2d,
};
use candlelight::prelude::*;

use super::start;
use crate::shared;
use crate::task::Task;

struct Generator {
    fc: Linear,
    conv1: ConvTranspose2d,
    bn1: BatchNorm2d,
    conv2: ConvTranspose2d,
}

struct Discriminator {
    conv1: Conv2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    fc: Linear,
}

pub fn dcgan() -> crate::Result<Task> {
    let params = Params::new(0, &Device::Cpu)?;
    let (generator, discriminator) = (Generator::new(&params.pp("g"))?, Discriminator::new(&params.pp("d"))?);
    let config = AdamConfig { lr: 2e-4, betas: (0.5, 0.999), ..AdamConfig::default() };
    let mut adam_g = Adam::new(params.pp("g").trainable(), config)?;
    let mut adam_d = Adam::new(params.pp("d").trainable(), config)?;
    let (images, z) = (shared::input("images", (64, 1, 28, 28))?, shared::input("z", (64, 64))?);
    let ones = Tensor::ones((64, 1), DType::F32, &Device::Cpu)?;
    let zeros = ones.zeros_like()?;
    let of_generator = params.pp("g").trainable();
    Ok(Task::changing(start(&params)?, move || {
        let mut d_loss = None;
        let (g_loss, gradients) = value_and_grad_of(of_generator.iter().map(|param| param.var.as_tensor()), || {
            let fake = generator.forward(&z)?;
            let (loss, gradients) = value_and_grad(|| {
                let real_loss = bce(&discriminator.forward(&images)?, &ones)?;
                Ok((real_loss + bce(&discriminator.forward(&fake.detach())?, &zeros)?)?)
            })?;
            adam_d.step(&gradients)?;
            d_loss = Some(loss);
            bce(&discriminator.forward(&fake)?, &ones)
        })?;
        adam_g.step(&gradients)?;
        Ok(vec![("d_loss", d_loss.ok_or("the generator's step came to nothing")?), ("g_loss", g_loss)])
    }))
}

impl Generator {
    fn new(params: &Params) -> Result<Self> {
        let double = ConvTranspose2dConfig { stride: (2, 2), padding: (1, 1), ..Default::default() };
        Ok(Self {
            fc: linear(64, 64 * 7 * 7, params.pp("fc"))?,
            conv1: ConvTranspose2d::new(
                64,
                32,
                4,
                ConvTranspose2dConfig { bias: false, ..double },
                params.pp("conv1"),
            )?,
            bn1: batch_norm2d(32, params.pp("bn1"))?,
            conv2: ConvTranspose2d::new(32, 1, 4, double, params.pp("conv2"))?,
        })
    }

    fn forward(&self, z: &Tensor) -> Result<Tensor> {
        let mode = Mode::Train;
        let x = self.fc.forward_then(z, mode, Activation::Relu)?.reshape((64, 64, 7, 7))?;
        let x = self.bn1.forward_then(&self.conv1.forward(&x, mode)?, mode, Activation::Relu)?;
        tanh(&self.conv2.forward(&x, mode)?)
    }
}

impl Discriminator {
    fn new(params: &Params) -> Result<Self> {
        let halve = Conv2dConfig { stride: (2, 2), padding: (1, 1), ..Default::default() };
        Ok(Self {
            conv1: Conv2d::new(1, 32, 4, halve, params.pp("conv1"))?,
            conv2: Conv2d::new(32, 64, 4, Conv2dConfig { bias: false, ..halve }, params.pp("conv2"))?,
            bn2: batch_norm2d(64, params.pp("bn2"))?,
            fc: linear(64 * 7 * 7, 1, params.pp("fc"))?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (mode, leaky) = (Mode::Train, Activation::LeakyRelu { negative_slope: 0.2 });
        let x = self.conv1.forward_then(x, mode, leaky)?;
        let x = self.bn2.forward_then(&self.conv2.forward(&x, mode)?, mode, leaky)?;
        self.fc.forward(&x.flatten_from(1)?, mode)
    }
}
