use candlelight::loss::huber;
use candlelight::prelude::*;

use super::{adam, start, training};
use crate::shared;
use crate::task::Task;

/// 4-128-2 with ReLU.
fn net(params: &Params) -> Result<Sequential> {
    let (fc1, fc2) = (linear(4, 128, params.pp("fc1"))?, linear(128, 2, params.pp("fc2"))?);
    Ok(Sequential::new().push(fc1).push(Activation::Relu).push(fc2))
}

/// A step of temporal-difference learning with a target network.
pub fn dqn() -> crate::Result<Task> {
    let (params, frozen) = (Params::new(0, &Device::Cpu)?, Params::new(0, &Device::Cpu)?);
    let (online, target) = (net(&params.pp("online"))?, net(&frozen.pp("target"))?);
    start(&frozen)?;
    let (states, next) = (shared::input("states", (128, 4))?, shared::input("next", (128, 4))?);
    let actions = shared::labels("actions", 128, 2)?.unsqueeze(1)?;
    let rewards = shared::input("rewards", 128)?;
    let going_on = shared::labels("done", 128, 10)?.ne(0u32)?.to_dtype(DType::F32)?;
    training(&params, adam, move || {
        let best = target.forward(&next, Mode::Eval)?.detach().max(1)?;
        let wanted = (&rewards + (best * &going_on)?.affine(0.99, 0.0)?)?;
        let q = online.forward(&states, Mode::Train)?.gather(&actions, 1)?.squeeze(1)?;
        huber(&q, &wanted)
    })
}
