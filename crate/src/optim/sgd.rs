use candle_core::Tensor;
use candle_core::backprop::GradStore;

use super::{Optimizer, check_not_negative, check_params, gradients, load_rate, load_slot, save_slot};
use crate::params::Param;
use crate::state::{State, Stateful};
use crate::{Error, Result};

/// Settings of [`Sgd`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SgdConfig {
    /// Learning rate η, finite and at least 0; default 0.001.
    pub lr: f64,
    /// Share μ of the last direction that is kept, finite and at least 0 (below 1 to converge); default 0.
    pub momentum: f64,
    /// Share τ of the gradient that is held back from the momentum, in [0, 1]; default 0.
    pub dampening: f64,
    /// λ of the term λθ added to the gradient, finite and at least 0; default 0.
    pub weight_decay: f64,
    /// Whether to look ahead along the momentum; takes a momentum above 0 and no dampening; default false.
    pub nesterov: bool,
}

impl Default for SgdConfig {
    fn default() -> Self {
        Self { lr: 1e-3, momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false }
    }
}

impl SgdConfig {
    fn check(&self) -> Result<()> {
        check_not_negative("lr", self.lr)?;
        check_not_negative("momentum", self.momentum)?;
        check_not_negative("weight_decay", self.weight_decay)?;
        if !(0.0..=1.0).contains(&self.dampening) {
            return Err(Error::setting("dampening", "in [0, 1]", self.dampening));
        }
        if self.nesterov && (self.momentum == 0.0 || self.dampening != 0.0) {
            let actual = format!("momentum {} and dampening {}", self.momentum, self.dampening);
            return Err(Error::setting("nesterov", "used with a momentum above 0 and no dampening", actual));
        }
        Ok(())
    }
}

/// Stochastic gradient descent, plain, with momentum or with Nesterov's.
///
/// ```text
/// g ← ∇L(θ) + λθ
/// v ← μv + (1 - τ) g          (v = g at the first step)
/// θ ← θ - η g                 without momentum
/// θ ← θ - η v                 with momentum
/// θ ← θ - η (g + μv)          with Nesterov's momentum
/// ```
///
/// As PyTorch's `SGD`: η multiplies the finished direction, where Sutskever et al. (2013), section 2, eq. 1–4 put it inside v;
/// the two differ once η changes during training. λ is that of ½λ‖θ‖² in the loss, see
/// [`l2`](crate::regularization::l2).
///
/// ```
/// use candlelight::{optim::{Optimizer, Sgd, SgdConfig}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let x = params.var("x", (), Init::Constant(1.))?;
/// let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 0.25, ..SgdConfig::default() })?;
/// sgd.backward_step(&x.sqr()?)?; // 1 - 0.25 · 2
/// assert_eq!(x.to_scalar::<f32>()?, 0.5);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Sgd {
    params: Vec<Param>,
    config: SgdConfig,
    /// v of each parameter; empty before the first step and without momentum.
    momentum: Vec<Tensor>,
    steps: u64,
}

impl Sgd {
    /// An optimizer for `params`, at least one.
    ///
    /// # Errors
    /// No parameter, or a setting outside its range.
    pub fn new(params: Vec<Param>, config: SgdConfig) -> Result<Self> {
        check_params(&params)?;
        config.check()?;
        Ok(Self { params, config, momentum: Vec::new(), steps: 0 })
    }

    /// The settings, with the present learning rate.
    pub fn config(&self) -> &SgdConfig {
        &self.config
    }

    /// The next v, given the last one.
    fn next_momentum(&self, last: Option<&Tensor>, gradient: &Tensor) -> Result<Tensor> {
        let SgdConfig { momentum, dampening, .. } = self.config;
        match last {
            Some(last) => Ok(((last * momentum)? + (gradient * (1.0 - dampening))?)?),
            None => Ok(gradient.clone()),
        }
    }
}

impl Optimizer for Sgd {
    fn step(&mut self, store: &GradStore) -> Result<()> {
        let SgdConfig { lr, momentum, weight_decay, nesterov, .. } = self.config;
        let mut next = Vec::with_capacity(self.params.len());
        let mut velocities = Vec::with_capacity(self.momentum.len());
        for (i, (param, gradient)) in self.params.iter().zip(gradients(&self.params, store)?).enumerate() {
            // Detached, or the state would hold the graph of every step before it.
            let (theta, mut gradient) = (param.var.as_detached_tensor(), gradient.detach());
            if weight_decay != 0.0 {
                gradient = (gradient + (&theta * weight_decay)?)?;
            }
            let direction = if momentum == 0.0 {
                gradient
            } else {
                let velocity = self.next_momentum(self.momentum.get(i), &gradient)?;
                let direction = if nesterov { (gradient + (&velocity * momentum)?)? } else { velocity.clone() };
                velocities.push(velocity);
                direction
            };
            next.push((theta - (direction * lr)?)?);
        }
        for (param, value) in self.params.iter().zip(&next) {
            param.var.set(value)?;
        }
        self.momentum = velocities;
        self.steps += 1;
        Ok(())
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

impl Stateful for Sgd {
    fn state(&self) -> Result<State> {
        let mut state = State::default();
        state.set("step", self.steps);
        state.set("param_groups.0.lr", self.config.lr);
        save_slot(&mut state, &self.params, "momentum_buffer", &self.momentum)?;
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let (steps, lr) = (state.get("step")?, load_rate(state)?);
        let started = steps > 0 && self.config.momentum != 0.0;
        let momentum = if started { load_slot(state, &self.params, "momentum_buffer")? } else { Vec::new() };
        (self.momentum, self.steps, self.config.lr) = (momentum, steps, lr);
        Ok(())
    }
}
