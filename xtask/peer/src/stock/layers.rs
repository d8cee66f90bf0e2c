//! Single layers and the optimizer.

use candlelight::candle_core::backprop::GradStore;
use candlelight::candle_core::{Module, Tensor, Var};
use candlelight::candle_nn::optim::{AdamW, Optimizer, ParamsAdamW};
use candlelight::candle_nn::{self as nn, Conv2d, Conv2dConfig};

use super::{Store, split};
use crate::seed::seed;
use crate::task::{Results, Task};
use crate::{Result, shared};

/// The largest layers of an MLP 784-1024-1024-256-10.
pub const SHAPES: [(&str, &[usize]); 8] = [
    ("fc1.weight", &[1024, 784]),
    ("fc1.bias", &[1024]),
    ("fc2.weight", &[1024, 1024]),
    ("fc2.bias", &[1024]),
    ("fc3.weight", &[256, 1024]),
    ("fc3.bias", &[256]),
    ("fc4.weight", &[10, 256]),
    ("fc4.bias", &[10]),
];

pub fn adamw() -> Result<Task> {
    let mut gradients = GradStore::default();
    let mut named = Vec::new();
    for (name, shape) in SHAPES {
        let var = Var::from_tensor(&shared::parameter(name, &shape.into())?)?;
        gradients.insert(&var, shared::input(&format!("gradient of {name}"), shape)?);
        named.push((name.to_owned(), var));
    }
    let (vars, named) = split(named);
    let mut adamw = AdamW::new(vars, ParamsAdamW::default())?;
    Ok(Task::changing(named, move || {
        adamw.step(&gradients)?;
        Ok(Vec::new())
    }))
}

/// The composed form: `LayerNorm` itself has no backward pass.
pub fn layer_norm() -> Result<Task> {
    let x = Var::from_tensor(&shared::input("x", (4096, 256))?)?;
    let weight = Var::from_tensor(&shared::parameter("weight", &256.into())?)?;
    let bias = Var::from_tensor(&shared::parameter("bias", &256.into())?)?;
    let gradient = shared::input("gradient", (4096, 256))?;
    Ok(Task::new(move || {
        let y = nn::ops::layer_norm_slow(&x, &weight, &bias, 1e-5)?;
        let gradients = seed(&y, &gradient)?.backward()?;
        results(y, &gradients, &[("x.grad", &x), ("weight.grad", &weight), ("bias.grad", &bias)])
    }))
}

pub fn batch_norm2d() -> Result<Task> {
    let store = Store::new();
    let norm = nn::batch_norm(64, 1e-5, store.builder())?;
    let vars = store.start()?;
    let x = Var::from_tensor(&shared::input("x", (64, 64, 28, 28))?)?;
    let gradient = shared::input("gradient", (64, 64, 28, 28))?;
    Ok(Task::new(move || {
        let y = norm.forward_train(&x)?;
        let gradients = seed(&y, &gradient)?.backward()?;
        results(y, &gradients, &[("x.grad", &x), ("bias.grad", &vars[0].1), ("weight.grad", &vars[1].1)])
    }))
}

pub fn cross_entropy() -> Result<Task> {
    let x = Var::from_tensor(&shared::input("x", (4096, 1000))?)?;
    let labels = shared::labels("y", 4096, 1000)?;
    Ok(Task::new(move || {
        let y = nn::loss::cross_entropy(&x, &labels)?;
        let gradients = y.backward()?;
        results(y, &gradients, &[("x.grad", &x)])
    }))
}

/// Reflected padding of pieces, for there is none, and a convolution with a group for each channel.
pub fn blur_pool() -> Result<Task> {
    let x = Var::from_tensor(&shared::input("x", (64, 64, 28, 28))?)?;
    let gradient = shared::input("gradient", (64, 64, 14, 14))?;
    let row = Tensor::new(&[0.25f32, 0.5, 0.25], x.device())?;
    let filter = row.unsqueeze(1)?.broadcast_mul(&row)?.broadcast_as((64, 1, 3, 3))?.contiguous()?;
    Ok(Task::new(move || {
        let mut padded = x.as_tensor().clone();
        for dim in [2, 3] {
            padded = Tensor::cat(&[&padded.narrow(dim, 1, 1)?, &padded, &padded.narrow(dim, 26, 1)?], dim)?;
        }
        let y = padded.conv2d(&filter, 0, 2, 1, 64)?;
        let gradients = seed(&y, &gradient)?.backward()?;
        results(y, &gradients, &[("x.grad", &x)])
    }))
}

pub fn conv_forward(channels: usize, side: usize) -> Result<Task> {
    let (conv, _, x) = conv(channels, side)?;
    Ok(Task::new(move || Ok(vec![("y", conv.forward(&x.as_detached_tensor())?)])))
}

/// The backward pass alone, again and again over one forward pass.
pub fn conv_backward(channels: usize, side: usize) -> Result<Task> {
    let (conv, vars, x) = conv(channels, side)?;
    let y = conv.forward(&x)?;
    let loss = seed(&y, &shared::input("gradient", y.shape())?)?;
    Ok(Task::new(move || {
        let gradients = loss.backward()?;
        results(y.clone(), &gradients, &[("x.grad", &x), ("bias.grad", &vars[0].1), ("weight.grad", &vars[1].1)])
    }))
}

/// A layer, its parameters by name (`bias`, `weight`), and its input.
type Convolution = (Conv2d, Vec<(String, Var)>, Var);

fn conv(channels: usize, side: usize) -> Result<Convolution> {
    let store = Store::new();
    let config = Conv2dConfig { padding: 1, ..Conv2dConfig::default() };
    let conv = nn::conv2d(channels, channels, 3, config, store.builder())?;
    let vars = store.start()?;
    Ok((conv, vars, Var::from_tensor(&shared::input("x", (64, channels, side, side))?)?))
}

fn results(y: Tensor, gradients: &GradStore, of: &[(&'static str, &Var)]) -> Result<Results> {
    let mut results = vec![("y", y)];
    for (name, var) in of {
        results.push((name, gradients.get(var).ok_or_else(|| format!("there is no {name}"))?.clone()));
    }
    Ok(results)
}
