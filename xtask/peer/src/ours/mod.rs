//! The workloads as one writes them with candlelight.
//!
//! To add one: write its layers under PyTorch's names and its step in a file here, name it in [`task`] (and in
//! `stock/mod.rs`, in `python/peer.py`, and with its target in `xtask/src/bench/peer/workloads.rs`).

mod agents;
mod dcgan;
mod dqn;
mod epoch;
mod images;
mod layers;
mod mlp;
mod sequences;
mod wgan;

use std::sync::Arc;

use candlelight::autograd::value_and_grad;
use candlelight::candle_core::{Device, Tensor};
use candlelight::distributed::{Communicator, DataParallel, DataParallelConfig};
use candlelight::optim::{Adam, AdamConfig, Optimizer, Sgd, SgdConfig};
use candlelight::params::{Param, Params};

use crate::task::Task;
use crate::{Result, shared};

/// What the kernels use here.
pub fn instructions() -> String {
    candlelight::kernels::Instructions::in_use().to_string()
}

/// The task of a workload.
pub fn task(workload: &str) -> Option<Result<Task>> {
    Some(match workload {
        "mlp_adam" => mlp::mlp(adam, 64),
        "mlp_adam_1024" => mlp::mlp(adam, 1024),
        "mlp_sgd" => mlp::mlp(sgd, 64),
        "mlp_sgd_1024" => mlp::mlp(sgd, 1024),
        "lenet_sgd" => images::training(images::LENET),
        "lenet_sgd_1024" => images::training(images::LENET.of(1024)),
        "lenet_forward" => images::forward(images::LENET),
        "resnet_sgd" => images::training(images::RESNET),
        "resnet_forward" => images::forward(images::RESNET),
        "lenet_latency" => images::latency(images::LENET),
        "resnet20_latency" => images::latency(images::RESNET20),
        "resnet20_sgd" => images::training(images::RESNET20),
        "resnet20_sgd_1024" => images::training(images::RESNET20.of(1024)),
        "dcgan_step" => dcgan::dcgan(),
        "wgan_gp_step" => wgan::wgan_gp(),
        "lstm_sgd" => sequences::lstm(sequences::BATCH),
        "lstm_sgd_1024" => sequences::lstm(1024),
        "gru_sgd" => sequences::gru(),
        "rnn_sgd" => sequences::rnn(),
        "dqn_step" => dqn::dqn(),
        "dqn_cart_pole" => agents::dqn(),
        "cart_pole_steps" => agents::cart_pole(),
        "cart_pole_steps_of_8" => agents::cart_poles(8),
        "q_learning_taxi" => agents::taxi(),
        "adamw_step" => layers::adamw(),
        "layer_norm" => layers::layer_norm(),
        "batch_norm2d" => layers::batch_norm2d(),
        "blur_pool" => layers::blur_pool(),
        "cross_entropy" => layers::cross_entropy_loss(),
        "conv_16_forward" => layers::conv_forward(16, 28),
        "conv_64_forward" => layers::conv_forward(64, 14),
        "conv_128_forward" => layers::conv_forward(128, 7),
        "conv_16_backward" => layers::conv_backward(16, 28),
        "conv_64_backward" => layers::conv_backward(64, 14),
        "conv_128_backward" => layers::conv_backward(128, 7),
        "epoch_mlp" => epoch::mlp(),
        "epoch_lenet" => epoch::lenet(),
        _ => return None,
    })
}

fn adam(params: Vec<Param>) -> Result<Adam> {
    Ok(Adam::new(params, AdamConfig::default())?)
}

fn sgd(params: Vec<Param>) -> Result<Sgd> {
    Ok(Sgd::new(params, SgdConfig { lr: 0.01, ..SgdConfig::default() })?)
}

/// Gives the parameters and running statistics the values that all programs start from. PyTorch counts batches in an integer,
/// which is not compared.
fn start(params: &Params) -> Result<Vec<(String, Tensor)>> {
    let named: Vec<Param> =
        params.all().into_iter().filter(|param| !param.name.ends_with("num_batches_tracked")).collect();
    for param in &named {
        param.var.set(&shared::parameter(&param.name, param.var.shape())?)?;
    }
    Ok(named.into_iter().map(|param| (param.name, param.var.as_tensor().clone())).collect())
}

/// A step of `optimizer` on `loss`.
fn training<O: Optimizer + 'static>(
    params: &Params,
    optimizer: impl Fn(Vec<Param>) -> Result<O>,
    loss: impl Fn() -> candlelight::Result<Tensor> + 'static,
) -> Result<Task> {
    let mut optimizer = optimizer(params.trainable())?;
    Ok(Task::changing(start(params)?, move || {
        let (loss, gradients) = value_and_grad(&loss)?;
        optimizer.step(&gradients)?;
        Ok(vec![("loss", loss)])
    }))
}

/// The same on several ranks, each with `samples` of its own.
fn training_together<O: Optimizer + 'static>(
    comm: &Arc<dyn Communicator>,
    params: &Params,
    optimizer: impl Fn(Vec<Param>) -> Result<O>,
    samples: usize,
    loss: impl Fn() -> candlelight::Result<Tensor> + 'static,
) -> Result<Task> {
    let mut optimizer = optimizer(params.trainable())?;
    let changing = start(params)?;
    let mut parallel = DataParallel::new(comm, params, DataParallelConfig::default())?;
    Ok(Task::changing(changing, move || {
        let (loss, gradients) = parallel.value_and_grad(samples, &loss)?;
        optimizer.step(&gradients)?;
        Ok(vec![("loss", Tensor::new(loss as f32, &Device::Cpu)?)])
    }))
}
