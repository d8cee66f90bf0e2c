use candle_core::Tensor;
use candle_core::backprop::GradStore;

use super::{Optimizer, check_not_negative, check_params, gradients, load_rate, load_slot, save_slot};
use crate::params::Param;
use crate::state::{State, Stateful};
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
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { lr: 1e-3, betas: (0.9, 0.999), eps: 1e-8, weight_decay: 0.0 }
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
}

impl Default for AdamWConfig {
    fn default() -> Self {
        Self { lr: 1e-3, betas: (0.9, 0.999), eps: 1e-8, weight_decay: 1e-2 }
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
pub struct Adam {
    config: AdamConfig,
    moments: Moments,
}

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
pub struct AdamW {
    config: AdamWConfig,
    moments: Moments,
}

impl Adam {
    /// An optimizer for `params`, at least one.
    ///
    /// # Errors
    /// No parameter, or a setting outside its range.
    pub fn new(params: Vec<Param>, config: AdamConfig) -> Result<Self> {
        check_not_negative("lr", config.lr)?;
        check_not_negative("weight_decay", config.weight_decay)?;
        Ok(Self { config, moments: Moments::new(params, config.betas, config.eps)? })
    }

    /// The settings, with the present learning rate.
    pub fn config(&self) -> &AdamConfig {
        &self.config
    }
}

impl Optimizer for Adam {
    fn step(&mut self, gradients: &GradStore) -> Result<()> {
        let AdamConfig { lr, weight_decay, .. } = self.config;
        self.moments.step(gradients, lr, |theta, gradient| {
            let gradient = if weight_decay == 0.0 { gradient.clone() } else { (gradient + (theta * weight_decay)?)? };
            Ok((theta.clone(), gradient))
        })
    }

    fn learning_rate(&self) -> f64 {
        self.config.lr
    }

    fn set_learning_rate(&mut self, lr: f64) -> Result<()> {
        check_not_negative("lr", lr)?;
        self.config.lr = lr;
        Ok(())
    }
}

impl Stateful for Adam {
    fn state(&self) -> Result<State> {
        let mut state = self.moments.state()?;
        state.set("param_groups.0.lr", self.config.lr);
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let lr = load_rate(state)?;
        self.moments.load_state(state)?;
        self.config.lr = lr;
        Ok(())
    }
}

impl AdamW {
    /// An optimizer for `params`, at least one.
    ///
    /// # Errors
    /// No parameter, or a setting outside its range.
    pub fn new(params: Vec<Param>, config: AdamWConfig) -> Result<Self> {
        check_not_negative("lr", config.lr)?;
        check_not_negative("weight_decay", config.weight_decay)?;
        Ok(Self { config, moments: Moments::new(params, config.betas, config.eps)? })
    }

    /// The settings, with the present learning rate.
    pub fn config(&self) -> &AdamWConfig {
        &self.config
    }
}

impl Optimizer for AdamW {
    fn step(&mut self, gradients: &GradStore) -> Result<()> {
        let AdamWConfig { lr, weight_decay, .. } = self.config;
        self.moments.step(gradients, lr, |theta, gradient| Ok(((theta * (1.0 - lr * weight_decay))?, gradient.clone())))
    }

    fn learning_rate(&self) -> f64 {
        self.config.lr
    }

    fn set_learning_rate(&mut self, lr: f64) -> Result<()> {
        check_not_negative("lr", lr)?;
        self.config.lr = lr;
        Ok(())
    }
}

impl Stateful for AdamW {
    fn state(&self) -> Result<State> {
        let mut state = self.moments.state()?;
        state.set("param_groups.0.lr", self.config.lr);
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let lr = load_rate(state)?;
        self.moments.load_state(state)?;
        self.config.lr = lr;
        Ok(())
    }
}

/// The parameters with their moments: what the two have in common.
#[derive(Debug)]
struct Moments {
    params: Vec<Param>,
    betas: (f64, f64),
    eps: f64,
    first: Vec<Tensor>,
    second: Vec<Tensor>,
    steps: u64,
}

impl Moments {
    fn new(params: Vec<Param>, betas: (f64, f64), eps: f64) -> Result<Self> {
        check_params(&params)?;
        check_not_negative("eps", eps)?;
        if !((0.0..1.0).contains(&betas.0) && (0.0..1.0).contains(&betas.1)) {
            return Err(Error::setting("betas", "each in [0, 1)", format!("{betas:?}")));
        }
        let zeros = || params.iter().map(|param| param.var.zeros_like()).collect::<candle_core::Result<Vec<_>>>();
        let (first, second) = (zeros()?, zeros()?);
        Ok(Self { params, betas, eps, first, second, steps: 0 })
    }

    /// One step; `decay` turns a parameter and its gradient into those that the rule starts from.
    fn step(
        &mut self,
        store: &GradStore,
        lr: f64,
        decay: impl Fn(&Tensor, &Tensor) -> Result<(Tensor, Tensor)>,
    ) -> Result<()> {
        let (beta1, beta2) = self.betas;
        let steps = self.steps + 1;
        let correction1 = 1.0 - beta1.powf(steps as f64);
        let correction2 = 1.0 - beta2.powf(steps as f64);
        let gradients = gradients(&self.params, store)?;
        let (mut first, mut second) = (Vec::with_capacity(gradients.len()), Vec::with_capacity(gradients.len()));
        let mut next = Vec::with_capacity(gradients.len());
        for (i, (param, gradient)) in self.params.iter().zip(gradients).enumerate() {
            // Detached, or the state would hold the graph of every step before it.
            let (theta, gradient) = decay(&param.var.as_detached_tensor(), &gradient.detach())?;
            let m = ((&self.first[i] * beta1)? + (&gradient * (1.0 - beta1))?)?;
            let v = ((&self.second[i] * beta2)? + (gradient.sqr()? * (1.0 - beta2))?)?;
            let scale = ((v.sqrt()? / correction2.sqrt())? + self.eps)?;
            next.push((theta - ((&m / scale)? * (lr / correction1))?)?);
            first.push(m);
            second.push(v);
        }
        for (param, value) in self.params.iter().zip(&next) {
            param.var.set(value)?;
        }
        (self.first, self.second, self.steps) = (first, second, steps);
        Ok(())
    }
}

impl Stateful for Moments {
    fn state(&self) -> Result<State> {
        let mut state = State::default();
        state.set("step", self.steps);
        save_slot(&mut state, &self.params, "exp_avg", &self.first)?;
        save_slot(&mut state, &self.params, "exp_avg_sq", &self.second)?;
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let steps = state.get("step")?;
        let first = load_slot(state, &self.params, "exp_avg")?;
        let second = load_slot(state, &self.params, "exp_avg_sq")?;
        (self.first, self.second, self.steps) = (first, second, steps);
        Ok(())
    }
}
