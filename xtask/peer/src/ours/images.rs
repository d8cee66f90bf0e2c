//! Convolutional networks.

use candlelight::nn::{
    BatchNorm, Conv2d, Conv2dConfig, GlobalAvgPool, Linear, add_relu, batch_norm2d, conv2d, max_pool2d,
};
use candlelight::prelude::*;

use super::{sgd, start};
use crate::shared;
use crate::task::Task;

/// A network and its input.
pub struct Case {
    make: fn(&Params) -> Result<Box<dyn Module>>,
    input: (usize, usize, usize, usize),
}

pub const LENET: Case = Case { make: |params| Ok(Box::new(lenet(params)?)), input: (64, 1, 28, 28) };
pub const RESNET: Case =
    Case { make: |params| Ok(Box::new(ResNet::new(params, 1, &[(16, 3)])?)), input: (64, 1, 28, 28) };
pub const RESNET20: Case = Case {
    make: |params| Ok(Box::new(ResNet::new(params, 3, &[(16, 3), (32, 3), (64, 3)])?)),
    input: (128, 3, 32, 32),
};

pub fn training(case: Case) -> crate::Result<Task> {
    let params = Params::new(0, &Device::Cpu)?;
    let model = (case.make)(&params)?;
    let (x, y) = (shared::input("x", case.input)?, shared::labels("y", case.input.0, 10)?);
    super::training(&params, sgd, move || cross_entropy(&model.forward(&x, Mode::Train)?, &y))
}

pub fn forward(case: Case) -> crate::Result<Task> {
    let params = Params::new(0, &Device::Cpu)?;
    let model = (case.make)(&params)?;
    start(&params)?;
    let x = shared::input("x", case.input)?;
    Ok(Task::new(move || Ok(vec![("y", model.forward(&x, Mode::Eval)?)])))
}

pub fn lenet(params: &Params) -> Result<Sequential> {
    let padded = Conv2dConfig { padding: (2, 2), ..Conv2dConfig::default() };
    Ok(Sequential::new()
        .push(conv2d(1, 6, 5, padded, params.pp("conv1"))?)
        .push(Activation::Relu)
        .push(max_pool2d(2)?)
        .push(conv2d(6, 16, 5, Conv2dConfig::default(), params.pp("conv2"))?)
        .push(Activation::Relu)
        .push(max_pool2d(2)?)
        .push(Flatten)
        .push(linear(400, 120, params.pp("fc1"))?)
        .push(Activation::Relu)
        .push(linear(120, 84, params.pp("fc2"))?)
        .push(Activation::Relu)
        .push(linear(84, 10, params.pp("fc3"))?))
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

fn conv(from: usize, to: usize, kernel: usize, stride: usize, params: Params) -> Result<Conv2d> {
    let (padding, stride) = ((kernel / 2, kernel / 2), (stride, stride));
    conv2d(from, to, kernel, Conv2dConfig { padding, stride, bias: false, ..Conv2dConfig::default() }, params)
}

impl ResNet {
    fn new(params: &Params, channels: usize, stages: &[(usize, usize)]) -> Result<Self> {
        let first = stages[0].0;
        let conv1 = conv(channels, first, 3, 1, params.pp("conv1"))?;
        let bn1 = batch_norm2d(first, params.pp("bn1"))?;
        let mut from = first;
        let mut blocks = Vec::new();
        for &(to, count) in stages {
            for _ in 0..count {
                blocks.push(Block::new(from, to, &params.pp(format!("blocks.{}", blocks.len())))?);
                from = to;
            }
        }
        Ok(Self { conv1, bn1, blocks, fc: linear(from, 10, params.pp("fc"))? })
    }
}

impl Module for ResNet {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let mut x = self.bn1.forward_then(&self.conv1.forward(x, mode)?, mode, Activation::Relu)?;
        for block in &self.blocks {
            x = block.forward(&x, mode)?;
        }
        self.fc.forward(&GlobalAvgPool.forward(&x, mode)?, mode)
    }
}

impl Block {
    fn new(from: usize, to: usize, params: &Params) -> Result<Self> {
        let stride = if from == to { 1 } else { 2 };
        let downsample = match stride {
            1 => None,
            _ => Some((
                conv(from, to, 1, stride, params.pp("downsample.0"))?,
                batch_norm2d(to, params.pp("downsample.1"))?,
            )),
        };
        Ok(Self {
            conv1: conv(from, to, 3, stride, params.pp("conv1"))?,
            bn1: batch_norm2d(to, params.pp("bn1"))?,
            conv2: conv(to, to, 3, 1, params.pp("conv2"))?,
            bn2: batch_norm2d(to, params.pp("bn2"))?,
            downsample,
        })
    }

    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let y = self.bn1.forward_then(&self.conv1.forward(x, mode)?, mode, Activation::Relu)?;
        let y = self.bn2.forward(&self.conv2.forward(&y, mode)?, mode)?;
        let skip = match &self.downsample {
            None => x.clone(),
            Some((conv, bn)) => bn.forward(&conv.forward(x, mode)?, mode)?,
        };
        add_relu(&y, &skip)
    }
}
