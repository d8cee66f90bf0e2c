use candlelight_base::range;
use candlelight_kernels::update::{Rule, Value};

use super::method::{Core, Method};
use super::{decayed, optimizer};
use crate::Result;

/// Settings of [`Adagrad`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdagradConfig {
    /// Learning rate η, finite and at least 0; default 0.01.
    pub lr: f64,
    /// δ, by which the rate falls beside the sum's effect, finite and at least 0; default 0.
    pub lr_decay: f64,
    /// λ of the term λθ added to the gradient, finite and at least 0; default 0.
    pub weight_decay: f64,
    /// What the sum of squares starts from, finite and at least 0; default 0.
    pub initial_accumulator_value: f64,
    /// ε, added to the root, finite and at least 0; default 1e-10.
    pub eps: f64,
}

impl Default for AdagradConfig {
    fn default() -> Self {
        Self { lr: 1e-2, lr_decay: 0.0, weight_decay: 0.0, initial_accumulator_value: 0.0, eps: 1e-10 }
    }
}

/// Adagrad: the gradient divided by the root of the sum of all its squares so far, so that step sizes only fall.
///
/// ```text
/// g ← ∇L(θ) + λθ
/// s ← s + g²
/// θ ← θ - ηₜ g / (√s + ε),    ηₜ = η / (1 + (t - 1) δ)
/// ```
///
/// Duchi, Hazan and Singer (2011), figure 1, with a diagonal matrix; δ as in PyTorch.
///
/// ```
/// use candlelight::{optim::{Adagrad, AdagradConfig, Optimizer}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
/// let x = params.var("x", (), Init::Constant(0.))?;
/// let mut adagrad = Adagrad::new(params.trainable(), AdagradConfig { lr: 1., ..AdagradConfig::default() })?;
/// for _ in 0..3 {
///     adagrad.backward_step(&(x.as_tensor() * 7.)?)?; // of a slope that stays: -1, -1/√2, -1/√3
/// }
/// assert!((x.to_scalar::<f64>()? + 1. + 0.5f64.sqrt() + (1. / 3f64).sqrt()).abs() < 1e-9);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Adagrad(Core<AdagradConfig>);

optimizer!(Adagrad, AdagradConfig);

impl Method for AdagradConfig {
    type Rule = AdagradRule;

    fn check(&self) -> Result<()> {
        range::not_negative("lr_decay", self.lr_decay)?;
        range::not_negative("initial_accumulator_value", self.initial_accumulator_value)?;
        range::not_negative("eps", self.eps)
    }

    fn memory(&self) -> &'static [&'static str] {
        &["sum"]
    }

    fn initial_memory(&self) -> f64 {
        self.initial_accumulator_value
    }

    fn rule(&self, lr: f64, weight_decay: f64, step: u64) -> AdagradRule {
        AdagradRule { lr: lr / (1.0 + (step - 1) as f64 * self.lr_decay), weight_decay, eps: self.eps }
    }
}

#[derive(Clone, Copy)]
pub(super) struct AdagradRule {
    lr: f64,
    weight_decay: f64,
    eps: f64,
}

impl Rule for AdagradRule {
    #[inline(always)]
    fn apply<V: Value>(&self, theta: V, gradient: V, memory: &mut [V]) -> V {
        let [sum, ..] = memory else { return theta };
        let g = decayed(gradient, &theta, self.weight_decay);
        *sum = sum.clone() + g.clone() * g.clone();
        theta - (g / sum.clone().root().shift(self.eps)).scale(self.lr)
    }
}
