//! Single layers and the optimizer.

use candlelight::autograd::value_and_grad;
use candlelight::candle_core::backprop::GradStore;
use candlelight::prelude::*;

use crate::shared;
use crate::stock::layers::SHAPES;
use crate::task::{Results, Task};

pub fn adamw() -> crate::Result<Task> {
    let params = Params::new(0, &Device::Cpu)?;
    let mut gradients = GradStore::default();
    for (name, shape) in SHAPES {
        let (layer, name_in_layer) = name.split_once('.').ok_or("a name without a layer")?;
        let var = params.pp(layer).var(name_in_layer, shape, Init::Constant(0.0))?;
        gradients.insert(&var, shared::input(&format!("gradient of {name}"), shape)?);
    }
    let mut adamw = AdamW::new(params.trainable(), AdamWConfig::default())?;
    Ok(Task::changing(super::start(&params)?, move || {
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

fn results(y: Tensor, gradients: &GradStore, of: &[(&'static str, &Var)]) -> crate::Result<Results> {
    let mut results = vec![("y", y)];
    for (name, var) in of {
        results.push((name, gradients.get(var).ok_or_else(|| format!("there is no {name}"))?.clone()));
    }
    Ok(results)
}
