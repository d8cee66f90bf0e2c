//! The workloads as one writes them with candlelight.
//!
//! To add one: write its layers under PyTorch's names and its step in a file here, name it in [`task`] (and in
//! `stock/mod.rs`, in `python/peer.py`, and with its target in `xtask/src/bench/peer/workloads.rs`).

mod dqn;
mod epoch;
mod layers;
mod mlp;

use candlelight::autograd::value_and_grad;
use candlelight::candle_core::Tensor;
use candlelight::optim::{Adam, AdamConfig, Optimizer, Sgd, SgdConfig};
use candlelight::params::{Param, Params};

use crate::task::Task;
use crate::{Result, shared};

/// The task of a workload.
pub fn task(workload: &str) -> Option<Result<Task>> {
    Some(match workload {
        "mlp_adam" => mlp::mlp(adam),
        "mlp_sgd" => mlp::mlp(sgd),
        "dqn_step" => dqn::dqn(),
        "adamw_step" => layers::adamw(),
        "cross_entropy" => layers::cross_entropy_loss(),
        "epoch_mlp" => epoch::mlp(),
        _ => return None,
    })
}

fn adam(params: Vec<Param>) -> Result<Adam> {
    Ok(Adam::new(params, AdamConfig::default())?)
}

fn sgd(params: Vec<Param>) -> Result<Sgd> {
    Ok(Sgd::new(params, SgdConfig { lr: 0.05, ..SgdConfig::default() })?)
}

/// Gives the parameters and running statistics the values that all programs start from.
fn start(params: &Params) -> Result<Vec<(String, Tensor)>> {
    for param in params.all() {
        param.var.set(&shared::parameter(&param.name, param.var.shape())?)?;
    }
    Ok(params.all().into_iter().map(|param| (param.name, param.var.as_tensor().clone())).collect())
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
