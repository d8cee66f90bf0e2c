//! One step of the discriminator and one of the generator.

use candlelight::candle_core::{DType, Device, Module, ModuleT, Tensor, Var};
use candlelight::candle_nn::loss::binary_cross_entropy_with_logit;
use candlelight::candle_nn::ops::leaky_relu;
use candlelight::candle_nn::optim::{AdamW, Optimizer, ParamsAdamW};
use candlelight::candle_nn::{self as nn, BatchNorm, Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use candlelight::candle_nn::{Linear, VarBuilder};

use super::{Store, split};
use crate::task::Task;
use crate::{Result, shared};

struct Generator {
    fc: Linear,
    conv1: ConvTranspose2d,
    bn1: BatchNorm,
    conv2: ConvTranspose2d,
}

struct Discriminator {
    conv1: Conv2d,
    conv2: Conv2d,
    bn2: BatchNorm,
    fc: Linear,
}

pub fn dcgan() -> Result<Task> {
    let store = Store::new();
    let generator = Generator::new(&store.builder().pp("g"))?;
    let discriminator = Discriminator::new(&store.builder().pp("d"))?;
    let named = store.start()?;
    let adam = |prefix: &str| {
        let vars = named.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, var)| var.clone());
        let config = ParamsAdamW { lr: 2e-4, beta1: 0.5, weight_decay: 0.0, ..ParamsAdamW::default() };
        AdamW::new(vars.collect::<Vec<Var>>(), config)
    };
    let (mut adam_g, mut adam_d) = (adam("g.")?, adam("d.")?);
    let (images, z) = (shared::input("images", (64, 1, 28, 28))?, shared::input("z", (64, 64))?);
    let ones = Tensor::ones((64, 1), DType::F32, &Device::Cpu)?;
    let zeros = ones.zeros_like()?;
    Ok(Task::changing(split(named).1, move || {
        let fake = generator.forward(&z)?;
        let real_loss = binary_cross_entropy_with_logit(&discriminator.forward(&images)?, &ones)?;
        let fake_loss = binary_cross_entropy_with_logit(&discriminator.forward(&fake.detach())?, &zeros)?;
        let d_loss = (real_loss + fake_loss)?;
        adam_d.backward_step(&d_loss)?;
        let g_loss = binary_cross_entropy_with_logit(&discriminator.forward(&fake)?, &ones)?;
        adam_g.backward_step(&g_loss)?;
        Ok(vec![("d_loss", d_loss), ("g_loss", g_loss)])
    }))
}

impl Generator {
    fn new(vb: &VarBuilder) -> Result<Self> {
        let double = ConvTranspose2dConfig { stride: 2, padding: 1, ..ConvTranspose2dConfig::default() };
        Ok(Self {
            fc: nn::linear(64, 64 * 7 * 7, vb.pp("fc"))?,
            conv1: nn::conv_transpose2d_no_bias(64, 32, 4, double, vb.pp("conv1"))?,
            bn1: nn::batch_norm(32, 1e-5, vb.pp("bn1"))?,
            conv2: nn::conv_transpose2d(32, 1, 4, double, vb.pp("conv2"))?,
        })
    }

    fn forward(&self, z: &Tensor) -> Result<Tensor> {
        let x = self.fc.forward(z)?.relu()?.reshape((64, 64, 7, 7))?;
        let x = self.bn1.forward_t(&self.conv1.forward(&x)?, true)?.relu()?;
        Ok(self.conv2.forward(&x)?.tanh()?)
    }
}

impl Discriminator {
    fn new(vb: &VarBuilder) -> Result<Self> {
        let halve = Conv2dConfig { stride: 2, padding: 1, ..Conv2dConfig::default() };
        Ok(Self {
            conv1: nn::conv2d(1, 32, 4, halve, vb.pp("conv1"))?,
            conv2: nn::conv2d_no_bias(32, 64, 4, halve, vb.pp("conv2"))?,
            bn2: nn::batch_norm(64, 1e-5, vb.pp("bn2"))?,
            fc: nn::linear(64 * 7 * 7, 1, vb.pp("fc"))?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = leaky_relu(&self.conv1.forward(x)?, 0.2)?;
        let x = leaky_relu(&self.bn2.forward_t(&self.conv2.forward(&x)?, true)?, 0.2)?;
        Ok(self.fc.forward(&x.flatten_from(1)?)?)
    }
}
