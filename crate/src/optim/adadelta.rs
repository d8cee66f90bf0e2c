use candlelight_base::range;
use candlelight_kernels::update::{Rule, Value};

use super::method::{Core, Method};
use super::{decayed, optimizer};
use crate::Result;

/// Settings of [`Adadelta`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdadeltaConfig {
    /// Learning rate η, a factor of the finished step, finite and at least 0; default 1.
    pub lr: f64,
    /// Decay rate ρ of both running squares, in [0, 1]; default 0.9.
    pub rho: f64,
    /// ε, added to both squares, finite and at least 0; default 1e-6. It sets the size of the first steps.
    pub eps: f64,
    /// λ of the term λθ added to the gradient, finite and at least 0; default 0.
    pub weight_decay: f64,
}

impl Default for AdadeltaConfig {
    fn default() -> Self {
        Self { lr: 1.0, rho: 0.9, eps: 1e-6, weight_decay: 0.0 }
    }
}

/// Adadelta: the gradient times the ratio of two running root mean squares, that of past steps over that of gradients,
/// so that a step has the unit of the parameter.
///
/// ```text
/// g ← ∇L(θ) + λθ
/// v ← ρ v + (1 - ρ) g²
/// Δ = √(u + ε) / √(v + ε) · g
/// u ← ρ u + (1 - ρ) Δ²
/// θ ← θ - η Δ
/// ```
///
/// Zeiler (2012), algorithm 1, which has no η (η = 1).
///
/// ```
/// use candlelight::{optim::{Adadelta, AdadeltaConfig, Optimizer}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
/// let x = params.var("x", (), Init::Constant(1.))?;
/// let mut adadelta = Adadelta::new(params.trainable(), AdadeltaConfig::default())?;
/// adadelta.backward_step(&(x.as_tensor() * 5.)?)?; // √1e-6 / √(0.1 · 5² + 1e-6) · 5
/// assert!((x.to_scalar::<f64>()? - (1. - 1e-3 / 0.1f64.sqrt())).abs() < 1e-9);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Adadelta(Core<AdadeltaConfig>);

optimizer!(Adadelta, AdadeltaConfig);

impl Method for AdadeltaConfig {
    type Rule = AdadeltaRule;

    fn check(&self) -> Result<()> {
        range::not_negative("eps", self.eps)?;
        range::share("rho", self.rho)?;
        Ok(())
    }

    fn memory(&self) -> &'static [&'static str] {
        &["square_avg", "acc_delta"]
    }

    fn rule(&self, lr: f64, weight_decay: f64, _: u64) -> AdadeltaRule {
        AdadeltaRule(Self { lr, weight_decay, ..*self })
    }
}

#[derive(Clone, Copy)]
pub(super) struct AdadeltaRule(AdadeltaConfig);

impl Rule for AdadeltaRule {
    #[inline(always)]
    fn apply<V: Value>(&self, theta: V, gradient: V, memory: &mut [V]) -> V {
        let AdadeltaConfig { lr, rho, eps, weight_decay } = self.0;
        let [v, u, ..] = memory else { return theta };
        let g = decayed(gradient, &theta, weight_decay);
        *v = v.clone().scale(rho) + (g.clone() * g.clone()).scale(1.0 - rho);
        let step = u.clone().shift(eps).root() / v.clone().shift(eps).root() * g;
        *u = u.clone().scale(rho) + (step.clone() * step.clone()).scale(1.0 - rho);
        theta - step.scale(lr)
    }
}
