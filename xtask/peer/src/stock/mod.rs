//! The workloads as one writes them with candle-core and candle-nn alone. There is no vanilla RNN, and no
//! gradient penalty: most of its gradient would be missing.

mod dcgan;
mod dqn;
mod epoch;
mod images;
pub mod layers;
mod mlp;
mod sequences;

use candlelight::candle_core::{DType, Device, Tensor, Var};
use candlelight::candle_nn::optim::{AdamW, Optimizer, ParamsAdamW, SGD};
use candlelight::candle_nn::{VarBuilder, VarMap};

use crate::task::Task;
use crate::{Result, shared};

/// What the crate `gemm` uses here, which has its products: it is compiled without AVX-512, and nothing holds it to less.
pub fn instructions() -> String {
    #[cfg(target_arch = "x86_64")]
    return if std::arch::is_x86_feature_detected!("fma") { "AVX2" } else { "base" }.into();
    #[cfg(not(target_arch = "x86_64"))]
    if cfg!(target_arch = "aarch64") { "NEON" } else { "base" }.into()
}

/// The task of a workload.
pub fn task(workload: &str) -> Option<Result<Task>> {
    Some(match workload {
        "mlp_adam" => mlp::mlp(adam),
        "mlp_sgd" => mlp::mlp(sgd),
        "lenet_sgd" => images::training(images::LENET),
        "lenet_forward" => images::forward(images::LENET),
        "resnet_sgd" => images::training(images::RESNET),
        "resnet_forward" => images::forward(images::RESNET),
        "lenet_latency" => images::latency(images::LENET),
        "resnet20_latency" => images::latency(images::RESNET20),
        "resnet20_sgd" => images::training(images::RESNET20),
        "dcgan_step" => dcgan::dcgan(),
        "lstm_sgd" => sequences::lstm(),
        "gru_sgd" => sequences::gru(),
        "dqn_step" => dqn::dqn(),
        "adamw_step" => layers::adamw(),
        "layer_norm" => layers::layer_norm(),
        "batch_norm2d" => layers::batch_norm2d(),
        "blur_pool" => layers::blur_pool(),
        "cross_entropy" => layers::cross_entropy(),
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

/// Parameters in the making.
struct Store(VarMap);

impl Store {
    fn new() -> Self {
        Self(VarMap::new())
    }

    fn builder(&self) -> VarBuilder<'static> {
        VarBuilder::from_varmap(&self.0, DType::F32, &Device::Cpu)
    }

    /// Gives the parameters the values that all programs start from; running statistics are left out: `batch_norm` keeps
    /// copies of those in the map.
    fn start(&self) -> Result<Vec<(String, Var)>> {
        let vars = self.0.data().lock().map_err(|error| error.to_string())?;
        let trained = vars.iter().filter(|(name, _)| !name.contains("running_"));
        let mut vars: Vec<_> = trained.map(|(name, var)| (name.clone(), var.clone())).collect();
        vars.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, var) in &vars {
            var.set(&shared::parameter(name, var.shape())?)?;
        }
        Ok(vars)
    }
}

fn adam(vars: Vec<Var>) -> Result<AdamW> {
    Ok(AdamW::new(vars, ParamsAdamW { weight_decay: 0.0, ..ParamsAdamW::default() })?)
}

fn sgd(vars: Vec<Var>) -> Result<SGD> {
    Ok(SGD::new(vars, 0.01)?)
}

/// The variables without and with their names.
fn split(named: Vec<(String, Var)>) -> (Vec<Var>, Vec<(String, Tensor)>) {
    named.into_iter().map(|(name, var)| (var.clone(), (name, var.as_tensor().clone()))).unzip()
}

/// A step of `optimizer` on `loss`.
fn training<O: Optimizer + 'static>(
    store: &Store,
    optimizer: impl Fn(Vec<Var>) -> Result<O>,
    loss: impl Fn() -> Result<Tensor> + 'static,
) -> Result<Task> {
    let (vars, named) = split(store.start()?);
    let mut optimizer = optimizer(vars)?;
    Ok(Task::changing(named, move || {
        let loss = loss()?;
        optimizer.backward_step(&loss)?;
        Ok(vec![("loss", loss)])
    }))
}
