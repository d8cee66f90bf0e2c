use candlelight_base::range;
use candlelight_kernels::update::{Rule, Value};

use super::method::{Core, Method};
use super::{decayed, optimizer};
use crate::Result;

/// Settings of [`RmsProp`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RmsPropConfig {
    /// Learning rate η, finite and at least 0; default 0.01.
    pub lr: f64,
    /// Decay rate α of the running square, in [0, 1]; default 0.99.
    pub alpha: f64,
    /// ε, added to the root, finite and at least 0; default 1e-8.
    pub eps: f64,
    /// λ of the term λθ added to the gradient, finite and at least 0; default 0.
    pub weight_decay: f64,
    /// Share μ of the last direction that is kept, finite and at least 0 (below 1 to converge); default 0.
    pub momentum: f64,
    /// Whether to divide by the deviation of the gradient instead of its root mean square; default false.
    pub centered: bool,
}

impl Default for RmsPropConfig {
    fn default() -> Self {
        Self { lr: 1e-2, alpha: 0.99, eps: 1e-8, weight_decay: 0.0, momentum: 0.0, centered: false }
    }
}

/// RMSprop: the gradient divided by its running root mean square.
///
/// ```text
/// g ← ∇L(θ) + λθ
/// v ← α v + (1 - α) g²
/// r = √v + ε                     centred: ḡ ← α ḡ + (1 - α) g,   r = √max(v - ḡ², δ v) + ε
/// θ ← θ - η g / r                without momentum
/// b ← μ b + g / r,  θ ← θ - η b  with momentum
/// ```
///
/// Hinton (2012), Neural Networks for Machine Learning, lecture 6e; the centred form is that of Graves (2013), section 4, eq.
/// 38–45. ε stands outside the root, as in PyTorch (TensorFlow and Graves have it inside). v starts from 0 and is not
/// corrected for that, so the first steps are up to 1/√(1 - α) times as long as η: 10 times with the default α.
///
/// The variance v - ḡ² is taken for at least δ v, where δ is the ε of the dtype (1.2e-7 in F32, 2.2e-16 in F64). Where a gradient
/// hardly varies, v and ḡ² agree in all their digits, and their difference is rounding, of either sign. PyTorch takes the
/// root of it as it is: with a constant gradient of 0.1 in F32, the parameter is NaN from step 1 201 on.
///
/// ```
/// use candlelight::{optim::{Optimizer, RmsProp, RmsPropConfig}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
/// let x = params.var("x", (), Init::Constant(1.))?;
/// let mut rmsprop = RmsProp::new(params.trainable(), RmsPropConfig { lr: 0.01, ..RmsPropConfig::default() })?;
/// rmsprop.backward_step(&(x.sqr()? * 1000.)?)?; // g / √(0.01 g²) = 10
/// assert!((x.to_scalar::<f64>()? - 0.9).abs() < 1e-9);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct RmsProp(Core<RmsPropConfig>);

optimizer!(RmsProp, RmsPropConfig);

impl Method for RmsPropConfig {
    type Rule = RmsPropRule;

    fn check(&self) -> Result<()> {
        range::not_negative("momentum", self.momentum)?;
        range::not_negative("eps", self.eps)?;
        range::share("alpha", self.alpha)?;
        Ok(())
    }

    fn memory(&self) -> &'static [&'static str] {
        match (self.centered, self.momentum > 0.0) {
            (false, false) => &["square_avg"],
            (false, true) => &["square_avg", "momentum_buffer"],
            (true, false) => &["square_avg", "grad_avg"],
            (true, true) => &["square_avg", "grad_avg", "momentum_buffer"],
        }
    }

    fn rule(&self, lr: f64, weight_decay: f64, _: u64) -> RmsPropRule {
        RmsPropRule(Self { lr, weight_decay, ..*self })
    }
}

#[derive(Clone, Copy)]
pub(super) struct RmsPropRule(RmsPropConfig);

impl Rule for RmsPropRule {
    #[inline(always)]
    fn apply<V: Value>(&self, theta: V, gradient: V, memory: &mut [V]) -> V {
        let RmsPropConfig { lr, alpha, eps, weight_decay, momentum, centered } = self.0;
        let [v, memory @ ..] = memory else { return theta };
        let g = decayed(gradient, &theta, weight_decay);
        *v = v.clone().scale(alpha) + (g.clone() * g.clone()).scale(1.0 - alpha);
        let (square, memory) = match memory {
            [mean, memory @ ..] if centered => {
                *mean = mean.clone().scale(alpha) + g.clone().scale(1.0 - alpha);
                let variance = v.clone() - mean.clone() * mean.clone();
                (variance.greater(v.clone().resolution()), memory)
            }
            memory => (v.clone(), memory),
        };
        let scaled = g / square.root().shift(eps);
        let direction = match memory {
            [b, ..] => {
                *b = b.clone().scale(momentum) + scaled;
                b.clone()
            }
            [] => scaled,
        };
        theta - direction.scale(lr)
    }
}
