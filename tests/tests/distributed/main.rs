//! Ranks and their messages.

mod checkpoint;
mod cluster;
mod collective;
mod data_parallel;
mod delay;
mod local_sgd;
mod overlap;
mod parameter_server;
mod pipeline;
mod sampler;
mod simulation;
mod sync_batch_norm;
mod tensor_parallel;
mod top_k;

use candlelight::prelude::*;

/// A parameter `x` of F64 with these values.
fn vector(values: &[f64]) -> Result<(Params, Var)> {
    let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
    let x = params.var("x", values.len(), Init::Constant(0.0))?;
    x.set(&Tensor::new(values, &Device::Cpu)?)?;
    Ok((params, x))
}

/// The gradient store of Σ g x.
fn gradient(x: &Var, g: &[f64]) -> Result<candlelight::candle_core::backprop::GradStore> {
    Ok((x.as_tensor() * Tensor::new(g, &Device::Cpu)?)?.sum_all()?.backward()?)
}

fn plain(params: &Params, lr: f64) -> Result<Sgd> {
    Sgd::new(params.trainable(), SgdConfig { lr, ..SgdConfig::default() })
}
