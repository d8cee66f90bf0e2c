use candlelight::candle_core::{Module, Tensor, Var};
use candlelight::candle_nn::{self as nn, Optimizer, VarBuilder};

use super::{Store, training};
use crate::task::Task;
use crate::{Result, shared};

/// 784-256-10 with ReLU.
pub struct Mlp {
    fc1: nn::Linear,
    fc2: nn::Linear,
}

impl Mlp {
    pub fn new(vb: &VarBuilder) -> Result<Self> {
        Ok(Self { fc1: nn::linear(784, 256, vb.pp("fc1"))?, fc2: nn::linear(256, 10, vb.pp("fc2"))? })
    }

    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.fc2.forward(&self.fc1.forward(x)?.relu()?)?)
    }
}

pub fn mlp<O: Optimizer + 'static>(optimizer: fn(Vec<Var>) -> Result<O>) -> Result<Task> {
    let store = Store::new();
    let model = Mlp::new(&store.builder())?;
    let (x, y) = (shared::input("x", (64, 784))?, shared::labels("y", 64, 10)?);
    training(&store, optimizer, move || Ok(nn::loss::cross_entropy(&model.forward(&x)?, &y)?))
}
