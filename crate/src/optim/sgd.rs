use candlelight_base::range;
use candlelight_kernels::update::{Rule, Value};

use super::method::{Core, Method};
use super::{decayed, optimizer};
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
/// As PyTorch's `SGD`: η multiplies the finished direction, where Sutskever et al. (2013), section 2, eq. 1–4 put it
/// inside v; the two differ once η changes during training. λ is that of ½λ‖θ‖² in the loss, see
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
pub struct Sgd(Core<SgdConfig>);

optimizer!(Sgd, SgdConfig);

impl Method for SgdConfig {
    type Rule = SgdRule;

    fn check(&self) -> Result<()> {
        range::not_negative("momentum", self.momentum)?;
        range::share("dampening", self.dampening)?;
        if self.nesterov && (self.momentum == 0.0 || self.dampening != 0.0) {
            let actual = format!("momentum {} and dampening {}", self.momentum, self.dampening);
            return Err(Error::setting("nesterov", "used with a momentum above 0 and no dampening", actual));
        }
        Ok(())
    }

    fn memory(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["momentum_buffer"] }
    }

    fn rule(&self, lr: f64, weight_decay: f64, step: u64) -> SgdRule {
        // v starts from 0, so that v = g at the first step takes no more than leaving out the dampening.
        let undamped = if step == 1 { 1.0 } else { 1.0 - self.dampening };
        SgdRule { lr, weight_decay, momentum: self.momentum, undamped, nesterov: self.nesterov }
    }
}

#[derive(Clone, Copy)]
pub(super) struct SgdRule {
    lr: f64,
    weight_decay: f64,
    momentum: f64,
    undamped: f64,
    nesterov: bool,
}

impl Rule for SgdRule {
    #[inline(always)]
    fn apply<V: Value>(&self, theta: V, gradient: V, memory: &mut [V]) -> V {
        let g = decayed(gradient, &theta, self.weight_decay);
        let direction = match memory {
            [v, ..] => {
                *v = v.clone().scale(self.momentum) + g.clone().scale(self.undamped);
                if self.nesterov { g + v.clone().scale(self.momentum) } else { v.clone() }
            }
            [] => g,
        };
        theta - direction.scale(self.lr)
    }
}
