//! Convolutional networks.

use candlelight::autograd::no_grad;
use candlelight::nn::{Conv2d, Conv2dConfig, ResNet, ResNetConfig, Shortcut, conv2d, fuse, max_pool2d};
use candlelight::prelude::*;

use super::{sgd, start};
use crate::task::Task;
use crate::{ranks, shared};

/// A network and its input.
#[derive(Clone, Copy)]
pub struct Case {
    make: fn(&Params) -> Result<Box<dyn Module>>,
    input: (usize, usize, usize, usize),
}

pub const LENET: Case = Case { make: |params| Ok(Box::new(lenet(params)?)), input: (64, 1, 28, 28) };
pub const RESNET: Case = Case { make: |params| Ok(Box::new(residual(params, 1, &[16])?)), input: (64, 1, 28, 28) };
pub const RESNET20: Case =
    Case { make: |params| Ok(Box::new(residual(params, 3, &[16, 32, 64])?)), input: (128, 3, 32, 32) };

impl Case {
    /// The same with so many images a step.
    pub fn of(self, batch: usize) -> Self {
        let (_, channels, height, width) = self.input;
        Self { input: (batch, channels, height, width), ..self }
    }
}

pub fn training(case: Case) -> crate::Result<Task> {
    let params = Params::new(0, shared::device())?;
    let model = (case.make)(&params)?;
    let (x, y) = (ranks::input("x", case.input)?, ranks::labels("y", case.input.0, 10)?);
    let samples = x.dim(0)?;
    let loss = move || cross_entropy(&model.forward(&x, Mode::Train)?, &y);
    match ranks::comm() {
        Some(comm) => super::training_together(comm, &params, sgd, samples, loss),
        None => super::training(&params, sgd, loss),
    }
}

pub fn forward(case: Case) -> crate::Result<Task> {
    let params = Params::new(0, &Device::Cpu)?;
    let model = (case.make)(&params)?;
    start(&params)?;
    let x = shared::input("x", case.input)?;
    Ok(Task::new(move || Ok(vec![("y", no_grad(|| model.forward(&x, Mode::Eval))?)])))
}

/// One image at a time, as a program that serves a trained network does it.
pub fn latency(case: Case) -> crate::Result<Task> {
    let params = Params::new(0, &Device::Cpu)?;
    let model = (case.make)(&params)?;
    start(&params)?;
    // As after a training: statistics that were never gathered are not folded.
    for param in params.all().iter().filter(|param| param.name.ends_with("num_batches_tracked")) {
        param.var.set(&param.var.ones_like()?)?;
    }
    let model = for_inference(&*model)?;
    let (_, channels, height, width) = case.input;
    let x = shared::input("x", (1, channels, height, width))?;
    Ok(Task::new(move || Ok(vec![("y", no_grad(|| model.forward(&x, Mode::Eval))?)])))
}

/// What a user makes of a trained network that from now on only predicts.
fn for_inference(model: &dyn Module) -> Result<impl Module + 'static> {
    fuse(model)
}

pub fn lenet(params: &Params) -> Result<Sequential> {
    let padded = Conv2dConfig { padding: (2, 2), ..Conv2dConfig::default() };
    Ok(Sequential::new()
        .push(Conv2d::new(1, 6, 5, padded, params.pp("conv1"))?)
        .push(Activation::Relu)
        .push(max_pool2d(2)?)
        .push(conv2d(6, 16, 5, params.pp("conv2"))?)
        .push(Activation::Relu)
        .push(max_pool2d(2)?)
        .push(Flatten)
        .push(linear(400, 120, params.pp("fc1"))?)
        .push(Activation::Relu)
        .push(linear(120, 84, params.pp("fc2"))?)
        .push(Activation::Relu)
        .push(linear(84, 10, params.pp("fc3"))?))
}

/// Stages of 3 blocks of these widths, with projections where the shape changes.
fn residual(params: &Params, in_channels: usize, widths: &[usize]) -> Result<ResNet> {
    let shortcut = Shortcut::Projection;
    let config = ResNetConfig { widths: widths.to_vec(), shortcut, ..ResNetConfig::default() };
    ResNet::new(in_channels, 10, config, params.clone())
}
