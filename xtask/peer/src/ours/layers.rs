//! Single layers and the optimizer.

use std::cell::Cell;
use std::time::{Duration, Instant};

use candlelight::autograd::{no_grad, value_and_grad, vjp};
use candlelight::candle_core::backprop::GradStore;
use candlelight::nn::{Conv2d, Conv2dConfig};
use candlelight::prelude::*;

use super::start;
use crate::shared;
use crate::stock::layers::SHAPES;
use crate::task::{Results, Task, Work};

pub fn adamw() -> crate::Result<Task> {
    let params = Params::new(0, &Device::Cpu)?;
    let mut gradients = GradStore::default();
    for (name, shape) in SHAPES {
        let (layer, name_in_layer) = name.split_once('.').ok_or("a name without a layer")?;
        let var = params.pp(layer).var(name_in_layer, shape, Init::Constant(0.0))?;
        gradients.insert(&var, shared::input(&format!("gradient of {name}"), shape)?);
    }
    let mut adamw = AdamW::new(params.trainable(), AdamWConfig::default())?;
    Ok(Task::changing(start(&params)?, move || {
        adamw.step(&gradients)?;
        Ok(Vec::new())
    }))
}

pub fn cross_entropy_loss() -> crate::Result<Task> {
    let x = Var::from_tensor(&shared::input("x", (4096, 1000))?)?;
    let labels = shared::labels("y", 4096, 1000)?;
    Ok(Task::new(move || {
        let (y, gradients) = value_and_grad(|| cross_entropy(&x, &labels))?;
        results(y, &gradients, &[("x.grad", &x)])
    }))
}

pub fn layer_norm() -> crate::Result<Task> {
    let params = Params::new(0, &Device::Cpu)?;
    forward_and_backward(candlelight::nn::layer_norm(256, params.clone())?, &params, &[4096, 256])
}

pub fn batch_norm2d() -> crate::Result<Task> {
    let params = Params::new(0, &Device::Cpu)?;
    forward_and_backward(candlelight::nn::batch_norm2d(64, params.clone())?, &params, &[64, 64, 28, 28])
}

/// A blur of each channel with stride 2.
pub fn blur_pool() -> crate::Result<Task> {
    let layer = candlelight::nn::blur_pool2d();
    let x = Var::from_tensor(&shared::input("x", (64, 64, 28, 28))?)?;
    let gradient = shared::input("gradient", (64, 64, 14, 14))?;
    Ok(Task::new(move || {
        let (y, gradients) = vjp(|| layer.forward(&x, Mode::Train), &gradient)?;
        results(y, &gradients, &[("x.grad", &x)])
    }))
}

/// A layer with the gradients of its parameters and of its input.
fn forward_and_backward(layer: impl Module + 'static, params: &Params, shape: &[usize]) -> crate::Result<Task> {
    start(params)?;
    let params = params.clone();
    let x = Var::from_tensor(&shared::input("x", shape)?)?;
    let gradient = shared::input("gradient", shape)?;
    Ok(Task::new(move || {
        let (y, gradients) = vjp(|| layer.forward(&x, Mode::Train), &gradient)?;
        let (weight, bias) = (params.get("weight")?, params.get("bias")?);
        results(y, &gradients, &[("x.grad", &x), ("weight.grad", &weight), ("bias.grad", &bias)])
    }))
}

pub fn conv_forward(channels: usize, side: usize) -> crate::Result<Task> {
    let (conv, x) = conv(channels, side)?;
    Ok(Task::new(move || Ok(vec![("y", no_grad(|| conv.forward(&x, Mode::Eval))?)])))
}

/// A backward pass, timed from the end of the forward pass on.
pub fn conv_backward(channels: usize, side: usize) -> crate::Result<Task> {
    let (conv, x) = conv(channels, side)?;
    let gradient = shared::input("gradient", x.shape())?;
    Ok(Task::changing(Vec::new(), Backward { conv, x: Var::from_tensor(&x)?, gradient }))
}

struct Backward {
    conv: Conv2d,
    x: Var,
    gradient: Tensor,
}

impl Backward {
    fn run(&mut self) -> crate::Result<(Results, Duration)> {
        let between = Cell::new(Instant::now());
        let forward = || {
            let y = self.conv.forward(&self.x, Mode::Train)?;
            between.set(Instant::now());
            Ok(y)
        };
        let (y, gradients) = vjp(forward, &self.gradient)?;
        let took = between.get().elapsed();
        let bias = self.conv.bias().ok_or("a convolution without a bias")?;
        let of = [("x.grad", &self.x), ("weight.grad", self.conv.weight()), ("bias.grad", bias)];
        Ok((results(y, &gradients, &of)?, took))
    }
}

impl Work for Backward {
    fn step(&mut self) -> crate::Result<Results> {
        Ok(self.run()?.0)
    }

    fn time(&mut self) -> crate::Result<Duration> {
        Ok(self.run()?.1)
    }
}

fn conv(channels: usize, side: usize) -> crate::Result<(Conv2d, Tensor)> {
    let params = Params::new(0, &Device::Cpu)?;
    let config = Conv2dConfig { padding: (1, 1), ..Conv2dConfig::default() };
    let conv = candlelight::nn::Conv2d::new(channels, channels, 3, config, params.clone())?;
    start(&params)?;
    Ok((conv, shared::input("x", (64, channels, side, side))?))
}

fn results(y: Tensor, gradients: &GradStore, of: &[(&'static str, &Var)]) -> crate::Result<Results> {
    let mut results = vec![("y", y)];
    for (name, var) in of {
        results.push((name, gradients.get(var).ok_or_else(|| format!("there is no {name}"))?.clone()));
    }
    Ok(results)
}
