use candlelight::candle_core::{DType, Module, Tensor};
use candlelight::candle_nn::{self as nn, Linear, VarBuilder};

use super::{Store, adam, training};
use crate::task::Task;
use crate::{Result, shared};

/// 4-128-2 with ReLU.
struct Net {
    fc1: Linear,
    fc2: Linear,
}

impl Net {
    fn new(vb: &VarBuilder) -> Result<Self> {
        Ok(Self { fc1: nn::linear(4, 128, vb.pp("fc1"))?, fc2: nn::linear(128, 2, vb.pp("fc2"))? })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.fc2.forward(&self.fc1.forward(x)?.relu()?)?)
    }
}

/// A step of temporal-difference learning with a target network.
pub fn dqn() -> Result<Task> {
    let (store, frozen) = (Store::new(), Store::new());
    let online = Net::new(&store.builder().pp("online"))?;
    let target = Net::new(&frozen.builder().pp("target"))?;
    frozen.start()?;
    let (states, next) = (shared::input("states", (128, 4))?, shared::input("next", (128, 4))?);
    let actions = shared::labels("actions", 128, 2)?.unsqueeze(1)?;
    let rewards = shared::input("rewards", 128)?;
    let going_on = shared::labels("done", 128, 10)?.ne(0u32)?.to_dtype(DType::F32)?;
    training(&store, adam, move || {
        let best = target.forward(&next)?.max(1)?;
        let wanted = (&rewards + (best * &going_on)?.affine(0.99, 0.0)?)?.detach();
        let q = online.forward(&states)?.gather(&actions, 1)?.squeeze(1)?;
        Ok(nn::loss::huber(&q, &wanted, 1.0)?)
    })
}
