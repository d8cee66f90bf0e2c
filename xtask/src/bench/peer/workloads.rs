//! What is measured, and how much faster than PyTorch it is to be.

use crate::error::Result;

/// A workload: a name that the three programs know.
pub struct Workload {
    pub name: &'static str,
    /// The ways PyTorch is tried; the fastest counts.
    pub variants: &'static [&'static str],
    /// The ratio to reach against the fastest way.
    pub target: Option<f64>,
    /// The ratio to reach against PyTorch's plain optimizer, where that was set apart.
    pub plain_target: Option<f64>,
    /// How far results may differ.
    pub tolerance: Tolerance,
    /// What stock Candle gets wrong here; then only its first loss is compared.
    pub stock_fault: Option<&'static str>,
    pub quantity: Quantity,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Milliseconds of a step.
    Time,
    /// By how many MB the peak of memory grows in the first steps of this workload, in a program of its own.
    Memory(&'static str),
}

/// How far results may differ, relative to their norm, after the first and after the third step.
#[derive(Clone, Copy)]
pub struct Tolerance {
    pub first: f64,
    pub third: f64,
}

/// Sums in another order, in one layer.
const LAYER: Tolerance = Tolerance { first: 1e-4, third: 1e-4 };

/// The same through a network. PyTorch's own F32 is up to 3e-4 away from its F64 here (`weight_hh_l0` of the LSTM).
const NETWORK: Tolerance = Tolerance { first: 1e-3, third: 1e-3 };

/// Gradients of batch norms are sums over the batch that nearly cancel, and at some activations near 0 rounding
/// decides. PyTorch's own F32 is 3e-4 away from its F64 after one step of the ResNet and 2e-3 after three.
const NORMED: Tolerance = Tolerance { first: 1e-2, third: 1e-2 };

/// The same in 19 layers, which training by a few steps does not damp: PyTorch's own F32 is 5e-3 away from its F64
/// after one step and 5e-2 after three.
const DEEP: Tolerance = Tolerance { first: 2e-2, third: 0.15 };

const PLAIN: &[&str] = &["plain"];
const OPTIMIZERS: &[&str] = &["plain", "fused"];
/// The module; its TorchScript, frozen, which folds batch norms into convolutions; and the same for the layouts of oneDNN.
const INFERENCE: &[&str] = &["plain", "frozen", "optimized"];
/// CleanRL's program as it stands; with the fused optimizer; and what is left of it without its layers of wrappers.
const AGENT: &[&str] = &["plain", "fused", "lean", "lean_fused"];
/// A table as a NumPy array; and as lists of Python, which are faster where single numbers are read.
const TABLE: &[&str] = &["plain", "lean"];
/// Environments one after another; and those that NumPy computes as one.
const VECTOR: &[&str] = &["plain", "native"];
const EPOCH: &[&str] = &["plain", "indexed", "indexed_fused"];
const MAX_POOL: Option<&str> = Some("the gradient of `max_pool2d` is a quarter of what it should be");

/// All of them, in the order of the report.
pub const WORKLOADS: &[Workload] = &[
    Workload { plain_target: Some(3.0), ..training("mlp_adam", 2.3) },
    training("mlp_sgd", 2.5),
    Workload { stock_fault: MAX_POOL, ..training("lenet_sgd", 2.5) },
    single("lenet_forward", None),
    Workload { tolerance: NORMED, ..training("resnet_sgd", 1.4) },
    single("resnet_forward", None),
    Workload { variants: INFERENCE, ..single("lenet_latency", None) },
    Workload { variants: INFERENCE, ..single("resnet20_latency", None) },
    Workload { tolerance: DEEP, ..training("resnet20_sgd", 1.0) },
    Workload { tolerance: NORMED, ..training("dcgan_step", 1.5) },
    training("wgan_gp_step", 1.5),
    training("lstm_sgd", 1.5),
    training("gru_sgd", 1.5),
    training("rnn_sgd", 1.5),
    single("layer_norm", Some(2.0)),
    single("batch_norm2d", Some(3.0)),
    single("blur_pool", Some(2.0)),
    single("cross_entropy", Some(3.0)),
    training("adamw_step", 1.5),
    training("dqn_step", 8.0),
    Workload { variants: AGENT, ..training("dqn_cart_pole", 10.0) },
    single("cart_pole_steps", Some(20.0)),
    Workload { variants: VECTOR, ..single("cart_pole_steps_of_8", Some(20.0)) },
    Workload { variants: TABLE, ..single("q_learning_taxi", None) },
    single("conv_16_forward", None),
    single("conv_16_backward", None),
    single("conv_64_forward", Some(1.0)),
    single("conv_64_backward", Some(1.0)),
    single("conv_128_forward", Some(1.0)),
    single("conv_128_backward", Some(1.0)),
    Workload { variants: EPOCH, ..training("epoch_mlp", 1.5) },
    Workload { variants: EPOCH, stock_fault: MAX_POOL, ..training("epoch_lenet", 1.5) },
    memory("mlp_peak_memory", "mlp_adam"),
    memory("lenet_peak_memory", "lenet_sgd"),
    memory("resnet_peak_memory", "resnet_sgd"),
    memory("resnet20_peak_memory", "resnet20_sgd"),
    memory("dcgan_peak_memory", "dcgan_step"),
    memory("lstm_peak_memory", "lstm_sgd"),
];

/// On several ranks: the workloads that have a batch for each.
pub const OF_RANKS: &[Workload] =
    &[training("lenet_sgd", 1.5), Workload { tolerance: NORMED, ..training("resnet_sgd", 1.5) }];

/// On a card: training steps in the batches that are measured on the CPU, and in batches of 1024.
pub const ON_CARD: &[Workload] = &[
    training("mlp_adam", 1.0),
    training("mlp_sgd", 1.0),
    training("lenet_sgd", 0.7),
    Workload { tolerance: DEEP, ..training("resnet20_sgd", 0.5) },
    training("lstm_sgd", 0.3),
    training("mlp_adam_1024", 1.0),
    training("mlp_sgd_1024", 1.0),
    training("lenet_sgd_1024", 0.7),
    Workload { tolerance: DEEP, ..training("resnet20_sgd_1024", 0.5) },
    training("lstm_sgd_1024", 0.3),
];

impl Workload {
    /// Whether a card is to be no slower than the CPU here.
    pub fn beside_cpu(&self) -> bool {
        self.name.ends_with("_1024")
    }

    /// Whether it needs the full Fashion-MNIST.
    pub fn needs_data(&self) -> bool {
        self.name.starts_with("epoch_")
    }
}

/// The workloads that are named, in the order of the table.
pub fn chosen(workloads: &'static [Workload], only: Option<&str>) -> Result<Vec<&'static Workload>> {
    let Some(only) = only else { return Ok(workloads.iter().collect()) };
    let names: Vec<&str> = only.split(',').collect();
    if let Some(unknown) = names.iter().find(|name| workloads.iter().all(|workload| workload.name != **name)) {
        let known: Vec<&str> = workloads.iter().map(|workload| workload.name).collect();
        return Err(format!("there is no workload `{unknown}`; there are {}", known.join(", ")).into());
    }
    Ok(workloads.iter().filter(|workload| names.contains(&workload.name)).collect())
}

const fn single(name: &'static str, target: Option<f64>) -> Workload {
    Workload {
        name,
        variants: PLAIN,
        target,
        plain_target: None,
        tolerance: LAYER,
        stock_fault: None,
        quantity: Quantity::Time,
    }
}

const fn training(name: &'static str, target: f64) -> Workload {
    Workload { variants: OPTIMIZERS, tolerance: NETWORK, ..single(name, Some(target)) }
}

const fn memory(name: &'static str, of: &'static str) -> Workload {
    Workload { quantity: Quantity::Memory(of), ..single(name, Some(1.0)) }
}
