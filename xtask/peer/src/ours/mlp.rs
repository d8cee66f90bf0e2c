use candlelight::optim::Optimizer;
use candlelight::params::Param;
use candlelight::prelude::*;

use super::training;
use crate::shared;
use crate::task::Task;

/// 784-256-10 with ReLU.
pub fn model(params: &Params) -> Result<Sequential> {
    let (fc1, fc2) = (linear(784, 256, params.pp("fc1"))?, linear(256, 10, params.pp("fc2"))?);
    Ok(Sequential::new().push(fc1).push(Activation::Relu).push(fc2))
}

pub fn mlp<O: Optimizer + 'static>(optimizer: fn(Vec<Param>) -> crate::Result<O>, batch: usize) -> crate::Result<Task> {
    let params = Params::new(0, shared::device())?;
    let model = Sequential::new().push(linear(784, 256, params.pp("fc1"))?).push(Activation::Relu).push(linear(
        256,
        10,
        params.pp("fc2"),
    )?);
    let (x, y) = (shared::input("x", (batch, 784))?, shared::labels("y", batch, 10)?);
    training(&params, optimizer, move || cross_entropy(&model.forward(&x, Mode::Train)?, &y))
}
