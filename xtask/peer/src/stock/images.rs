//! Convolutional networks.

use candlelight::candle_core::{Module, ModuleT, Tensor};
use candlelight::candle_nn::{self as nn, BatchNorm, Conv2d, Conv2dConfig, Linear, VarBuilder};

use super::{Store, sgd};
use crate::task::Task;
use crate::{Result, shared};

/// A network and its input.
#[derive(Clone, Copy)]
pub struct Case {
    make: fn(&VarBuilder) -> Result<Box<dyn Network>>,
    input: (usize, usize, usize, usize),
}

pub const LENET: Case = Case { make: |vb| Ok(Box::new(LeNet::new(vb)?)), input: (64, 1, 28, 28) };
pub const RESNET: Case = Case { make: |vb| Ok(Box::new(ResNet::new(vb, 1, &[(16, 3)])?)), input: (64, 1, 28, 28) };
pub const RESNET20: Case =
    Case { make: |vb| Ok(Box::new(ResNet::new(vb, 3, &[(16, 3), (32, 3), (64, 3)])?)), input: (128, 3, 32, 32) };

pub trait Network {
    fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor>;
}

pub fn training(case: Case) -> Result<Task> {
    let store = Store::new();
    let model = (case.make)(&store.builder())?;
    let (x, y) = (shared::input("x", case.input)?, shared::labels("y", case.input.0, 10)?);
    super::training(&store, sgd, move || Ok(nn::loss::cross_entropy(&model.forward(&x, true)?, &y)?))
}

pub fn forward(case: Case) -> Result<Task> {
    prediction(case, case.input.0)
}

/// One image at a time.
pub fn latency(case: Case) -> Result<Task> {
    prediction(case, 1)
}

fn prediction(case: Case, samples: usize) -> Result<Task> {
    let store = Store::new();
    let model = (case.make)(&store.builder())?;
    store.start()?;
    let (_, channels, height, width) = case.input;
    let x = shared::input("x", (samples, channels, height, width))?;
    Ok(Task::new(move || Ok(vec![("y", model.forward(&x, false)?)])))
}

pub struct LeNet {
    conv1: Conv2d,
    conv2: Conv2d,
    fc1: Linear,
    fc2: Linear,
    fc3: Linear,
}

impl LeNet {
    pub fn new(vb: &VarBuilder) -> Result<Self> {
        let padded = Conv2dConfig { padding: 2, ..Conv2dConfig::default() };
        Ok(Self {
            conv1: nn::conv2d(1, 6, 5, padded, vb.pp("conv1"))?,
            conv2: nn::conv2d(6, 16, 5, Conv2dConfig::default(), vb.pp("conv2"))?,
            fc1: nn::linear(400, 120, vb.pp("fc1"))?,
            fc2: nn::linear(120, 84, vb.pp("fc2"))?,
            fc3: nn::linear(84, 10, vb.pp("fc3"))?,
        })
    }
}

impl Network for LeNet {
    fn forward(&self, x: &Tensor, _: bool) -> Result<Tensor> {
        let x = self.conv1.forward(x)?.relu()?.max_pool2d(2)?;
        let x = self.conv2.forward(&x)?.relu()?.max_pool2d(2)?.flatten_from(1)?;
        let x = self.fc2.forward(&self.fc1.forward(&x)?.relu()?)?.relu()?;
        Ok(self.fc3.forward(&x)?)
    }
}

/// A stem and stages of (channels, blocks); each stage after the first halves the image.
struct ResNet {
    conv1: Conv2d,
    bn1: BatchNorm,
    blocks: Vec<Block>,
    fc: Linear,
}

struct Block {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    downsample: Option<(Conv2d, BatchNorm)>,
}

fn conv(from: usize, to: usize, kernel: usize, stride: usize, vb: VarBuilder) -> Result<Conv2d> {
    let config = Conv2dConfig { padding: kernel / 2, stride, ..Conv2dConfig::default() };
    Ok(nn::conv2d_no_bias(from, to, kernel, config, vb)?)
}

impl ResNet {
    fn new(vb: &VarBuilder, channels: usize, stages: &[(usize, usize)]) -> Result<Self> {
        let first = stages[0].0;
        let mut from = first;
        let mut blocks = Vec::new();
        for (stage, &(to, count)) in (1..).zip(stages) {
            for i in 0..count {
                blocks.push(Block::new(&vb.pp(format!("layer{stage}.{i}")), from, to)?);
                from = to;
            }
        }
        Ok(Self {
            conv1: conv(channels, first, 3, 1, vb.pp("conv1"))?,
            bn1: nn::batch_norm(first, 1e-5, vb.pp("bn1"))?,
            blocks,
            fc: nn::linear(from, 10, vb.pp("fc"))?,
        })
    }
}

impl Network for ResNet {
    fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut x = self.bn1.forward_t(&self.conv1.forward(x)?, train)?.relu()?;
        for block in &self.blocks {
            x = block.forward(&x, train)?;
        }
        Ok(self.fc.forward(&x.mean((2, 3))?)?)
    }
}

impl Block {
    fn new(vb: &VarBuilder, from: usize, to: usize) -> Result<Self> {
        let stride = if from == to { 1 } else { 2 };
        let downsample = match from == to {
            true => None,
            false => Some((
                conv(from, to, 1, stride, vb.pp("downsample.0"))?,
                nn::batch_norm(to, 1e-5, vb.pp("downsample.1"))?,
            )),
        };
        Ok(Self {
            conv1: conv(from, to, 3, stride, vb.pp("conv1"))?,
            bn1: nn::batch_norm(to, 1e-5, vb.pp("bn1"))?,
            conv2: conv(to, to, 3, 1, vb.pp("conv2"))?,
            bn2: nn::batch_norm(to, 1e-5, vb.pp("bn2"))?,
            downsample,
        })
    }

    fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let y = self.bn1.forward_t(&self.conv1.forward(x)?, train)?.relu()?;
        let y = self.bn2.forward_t(&self.conv2.forward(&y)?, train)?;
        let skip = match &self.downsample {
            None => x.clone(),
            Some((conv, bn)) => bn.forward_t(&conv.forward(x)?, train)?,
        };
        Ok((y + skip)?.relu()?)
    }
}
