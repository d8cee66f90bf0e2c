use candlelight_base::range;
use candlelight_kernels::update::{Rule, Value};

use super::method::{Core, Method};
use super::{decayed, optimizer};
use crate::{Error, Result};

/// Settings of [`Adam`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamConfig {
    /// Learning rate η, finite and at least 0; default 0.001.
    pub lr: f64,
    /// Decay rates (β₁, β₂) of the two moments, each in [0, 1); default (0.9, 0.999).
    pub betas: (f64, f64),
    /// ε, added to the root of the second moment, finite and at least 0; default 1e-8.
    pub eps: f64,
    /// λ of the term λθ added to the gradient (L2 in the loss), finite and at least 0; default 0.
    pub weight_decay: f64,
    /// AMSGrad: whether √v̂ takes the greatest v so far, so that no step size grows again; default false.
    pub amsgrad: bool,
    /// Whether the moments, which start from 0, are divided by 1 - βᵗ; default true. PyTorch always does.
    pub correct_bias: bool,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { lr: 1e-3, betas: (0.9, 0.999), eps: 1e-8, weight_decay: 0.0, amsgrad: false, correct_bias: true }
    }
}

/// Settings of [`AdamW`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWConfig {
    /// Learning rate η, finite and at least 0; default 0.001.
    pub lr: f64,
    /// Decay rates (β₁, β₂) of the two moments, each in [0, 1); default (0.9, 0.999).
    pub betas: (f64, f64),
    /// ε, added to the root of the second moment, finite and at least 0; default 1e-8.
    pub eps: f64,
    /// λ of the decoupled decay, finite and at least 0; default 0.01.
    pub weight_decay: f64,
    /// AMSGrad: whether √v̂ takes the greatest v so far, so that no step size grows again; default false.
    pub amsgrad: bool,
}

impl Default for AdamWConfig {
    fn default() -> Self {
        Self { lr: 1e-3, betas: (0.9, 0.999), eps: 1e-8, weight_decay: 1e-2, amsgrad: false }
    }
}

/// Adam: steps scaled by running moments of the gradient.
///
/// ```text
/// g ← ∇L(θ) + λθ
/// m ← β₁ m + (1 - β₁) g
/// v ← β₂ v + (1 - β₂) g²
/// θ ← θ - η m̂ / (√v̂ + ε),    m̂ = m / (1 - β₁ᵗ),   v̂ = v / (1 - β₂ᵗ)
/// ```
///
/// The decay λθ passes through the scaling, so it is not the decay of the weights that it is under plain gradient descent;
/// see [`AdamW`]. Kingma and Ba (2015), algorithm 1; λ and its place as in PyTorch.
///
/// With `amsgrad`, v̂ = max(v₁, …, vₜ) / (1 - β₂ᵗ): Reddi et al. (2018), algorithm 2, which has neither correction 1 -
/// βᵗ; as in PyTorch, both are kept here. Without `correct_bias`, m̂ = m and v̂ = v.
///
/// ```
/// use candlelight::{optim::{Adam, AdamConfig, Optimizer}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
/// let x = params.var("x", (), Init::Constant(1.))?;
/// let mut adam = Adam::new(params.trainable(), AdamConfig { lr: 0.1, ..AdamConfig::default() })?;
/// adam.backward_step(&(x.sqr()? * 1000.)?)?; // the first step is η, whatever the size of the gradient
/// assert!((x.to_scalar::<f64>()? - 0.9).abs() < 1e-9);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Adam(Core<AdamConfig>);

optimizer!(Adam, AdamConfig);

/// Adam with decoupled weight decay: the weights shrink by themselves, apart from the gradient's scaling.
///
/// ```text
/// θ ← (1 - ηλ) θ
/// θ ← θ - η m̂ / (√v̂ + ε),    m̂, v̂ as in Adam without decay
/// ```
///
/// Loshchilov and Hutter (2019), algorithm 2, with the decay multiplied by η, as in PyTorch.
///
/// ```
/// use candlelight::{optim::{AdamW, AdamWConfig, Optimizer}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
/// let x = params.var("x", (), Init::Constant(1.))?;
/// let config = AdamWConfig { lr: 0.1, weight_decay: 0.5, ..AdamWConfig::default() };
/// let mut adamw = AdamW::new(params.trainable(), config)?;
/// adamw.backward_step(&x.sqr()?)?; // 1 - 0.1 · 0.5, then - 0.1
/// assert!((x.to_scalar::<f64>()? - 0.85).abs() < 1e-9);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct AdamW(Core<AdamWConfig>);

optimizer!(AdamW, AdamWConfig);

macro_rules! method {
    ($config:ident, decoupled: $decoupled:expr, correct_bias: $correct_bias:expr) => {
        impl Method for $config {
            type Rule = AdamRule;

            fn check(&self) -> Result<()> {
                range::not_negative("eps", self.eps)?;
                if !((0.0..1.0).contains(&self.betas.0) && (0.0..1.0).contains(&self.betas.1)) {
                    return Err(Error::setting("betas", "each in [0, 1)", format!("{:?}", self.betas)));
                }
                Ok(())
            }

            fn memory(&self) -> &'static [&'static str] {
                if self.amsgrad { &["exp_avg", "exp_avg_sq", "max_exp_avg_sq"] } else { &["exp_avg", "exp_avg_sq"] }
            }

            fn rule(&self, lr: f64, weight_decay: f64, step: u64) -> AdamRule {
                let correct_bias: fn(&Self) -> bool = $correct_bias;
                // What a moment that started from 0 has of the mean by now.
                let share = |beta: f64| if correct_bias(self) { 1.0 - beta.powf(step as f64) } else { 1.0 };
                AdamRule {
                    betas: self.betas,
                    eps: self.eps,
                    step_size: lr / share(self.betas.0),
                    correction: 1.0 / share(self.betas.1).sqrt(),
                    coupled: if $decoupled { 0.0 } else { weight_decay },
                    shrink: if $decoupled { 1.0 - lr * weight_decay } else { 1.0 },
                }
            }
        }
    };
}

method!(AdamConfig, decoupled: false, correct_bias: |config| config.correct_bias);
method!(AdamWConfig, decoupled: true, correct_bias: |_| true);

/// The update of both.
#[derive(Clone, Copy)]
pub(super) struct AdamRule {
    betas: (f64, f64),
    eps: f64,
    /// η / (1 - β₁ᵗ), or η
    step_size: f64,
    /// 1 / √(1 - β₂ᵗ), or 1
    correction: f64,
    /// λ in the gradient.
    coupled: f64,
    /// What the weights are multiplied by.
    shrink: f64,
}

impl Rule for AdamRule {
    #[inline(always)]
    fn apply<V: Value>(&self, theta: V, gradient: V, memory: &mut [V]) -> V {
        let [m, v, greatest @ ..] = memory else { return theta };
        let (beta1, beta2) = self.betas;
        let g = decayed(gradient, &theta, self.coupled);
        *m = m.clone().scale(beta1) + g.clone().scale(1.0 - beta1);
        *v = v.clone().scale(beta2) + (g.clone() * g).scale(1.0 - beta2);
        let v = match greatest {
            [greatest, ..] => {
                *greatest = greatest.clone().greater(v.clone());
                greatest.clone()
            }
            [] => v.clone(),
        };
        let scale = v.root().scale(self.correction).shift(self.eps);
        theta.scale(self.shrink) - (m.clone() / scale).scale(self.step_size)
    }
}
