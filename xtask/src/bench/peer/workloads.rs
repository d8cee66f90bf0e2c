//! What is measured, and how much faster than PyTorch it is to be.

/// A workload: a name that the three programs know.
pub struct Workload {
    pub name: &'static str,
    /// The ways PyTorch is tried; the fastest counts.
    pub variants: &'static [&'static str],
    /// The ratio to reach against the fastest way.
    pub target: Option<f64>,
    /// The ratio to reach against PyTorch's plain optimizer, where that was set apart.
    pub plain_target: Option<f64>,
    /// How far results may differ, relative to their norm.
    pub tolerance: f64,
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

/// Sums of F32 in another order, and what three steps of training make of that. The largest seen is 2e-5; Adam, which divides by
/// the size of the gradient, makes more of it where a gradient is nearly 0.
const ROUNDING: f64 = 1e-4;
const ROUNDING_UNDER_ADAM: f64 = 1e-3;

const PLAIN: &[&str] = &["plain"];
const OPTIMIZERS: &[&str] = &["plain", "fused"];
const EPOCH: &[&str] = &["plain", "indexed", "indexed_fused"];
const MAX_POOL: Option<&str> = Some("the gradient of `max_pool2d` is a quarter of what it should be");

/// All of them, in the order of the report.
pub const WORKLOADS: &[Workload] = &[
    Workload { plain_target: Some(3.0), ..adam("mlp_adam", 2.3) },
    sgd("mlp_sgd", 2.5),
    Workload { stock_fault: MAX_POOL, ..sgd("lenet_sgd", 2.5) },
    single("lenet_forward", None),
    sgd("resnet_sgd", 1.4),
    single("resnet_forward", None),
    sgd("resnet20_sgd", 1.0),
    adam("dcgan_step", 1.5),
    sgd("lstm_sgd", 1.5),
    sgd("gru_sgd", 1.5),
    sgd("rnn_sgd", 1.5),
    single("layer_norm", Some(2.0)),
    single("batch_norm2d", Some(3.0)),
    single("cross_entropy", Some(3.0)),
    adam("adamw_step", 1.5),
    adam("dqn_step", 8.0),
    single("conv_16_forward", None),
    single("conv_16_backward", None),
    single("conv_64_forward", Some(1.0)),
    single("conv_64_backward", Some(1.0)),
    single("conv_128_forward", Some(1.0)),
    single("conv_128_backward", Some(1.0)),
    Workload { variants: EPOCH, ..sgd("epoch_mlp", 1.5) },
    Workload { variants: EPOCH, stock_fault: MAX_POOL, ..sgd("epoch_lenet", 1.5) },
    memory("mlp_peak_memory", "mlp_adam"),
    memory("lenet_peak_memory", "lenet_sgd"),
    memory("resnet_peak_memory", "resnet_sgd"),
    memory("resnet20_peak_memory", "resnet20_sgd"),
    memory("dcgan_peak_memory", "dcgan_step"),
    memory("lstm_peak_memory", "lstm_sgd"),
];

impl Workload {
    /// Whether it needs the full Fashion-MNIST.
    pub fn needs_data(&self) -> bool {
        self.name.starts_with("epoch_")
    }
}

const fn single(name: &'static str, target: Option<f64>) -> Workload {
    Workload {
        name,
        variants: PLAIN,
        target,
        plain_target: None,
        tolerance: ROUNDING,
        stock_fault: None,
        quantity: Quantity::Time,
    }
}

const fn sgd(name: &'static str, target: f64) -> Workload {
    Workload { variants: OPTIMIZERS, ..single(name, Some(target)) }
}

const fn adam(name: &'static str, target: f64) -> Workload {
    Workload { tolerance: ROUNDING_UNDER_ADAM, ..sgd(name, target) }
}

const fn memory(name: &'static str, of: &'static str) -> Workload {
    Workload { quantity: Quantity::Memory(of), ..single(name, Some(1.0)) }
}
