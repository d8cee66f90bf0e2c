//! Optimizers, with the update rules, argument names and defaults of PyTorch.
//!
//! An optimizer takes the parameters it is to change, in order ([`Params::trainable`](crate::params::Params::trainable)), and
//! keeps its state per parameter. Where PyTorch skips a parameter without a gradient, these refuse the whole step
//! ([`Error::MissingGradient`]): in Candle an operation without a backward pass is otherwise silent.
//! A gradient that is NaN or infinite passes into the parameters, as in PyTorch; [`clip_grad_norm`] can refuse it.
//!
//! Parameters of F32 or F64 on the CPU are updated in place, in one pass over all of them. Elsewhere a step is composed of
//! tensor operations on one vector of all parameters of a group, if something is remembered of them; each optimizer's `composed`
//! switches to that on the CPU too.

mod adadelta;
mod adagrad;
mod adam;
mod clip;
mod composed;
mod flat;
mod group;
mod joint;
mod lbfgs;
mod members;
mod memory;
mod method;
pub mod newton;
mod rmsprop;
pub mod schedule;
mod sgd;
mod test_function;

use candle_core::Tensor;
use candle_core::backprop::GradStore;

use crate::state::{State, Stateful};
use crate::{Error, Result};

pub use adadelta::{Adadelta, AdadeltaConfig};
pub use adagrad::{Adagrad, AdagradConfig};
pub use adam::{Adam, AdamConfig, AdamW, AdamWConfig};
pub use clip::{clip_grad_norm, clip_grad_norm_unread, clip_grad_value, grad_norms};
pub use group::ParamGroup;
pub use lbfgs::{Lbfgs, LbfgsConfig, LineSearch};
#[doc(inline)]
pub use newton::{Newton, NewtonMethod};
pub use rmsprop::{RmsProp, RmsPropConfig};
#[doc(inline)]
pub use schedule::{LrScheduler, ReduceLrOnPlateau, ReduceLrOnPlateauConfig};
pub use sgd::{Sgd, SgdConfig};
pub use test_function::TestFunction;

/// Changes parameters along their gradients.
///
/// Its state ([`Stateful`]) is what it remembers of each parameter, under the parameter's name and PyTorch's
/// (`fc1.weight.exp_avg`), the number of steps (`step`) and each group's learning rate (`param_groups.0.lr`). Other settings
/// are not part of it (PyTorch's state dict has them all).
pub trait Optimizer: Stateful + Send {
    /// Makes one update. If it fails, no parameter has changed.
    ///
    /// # Errors
    /// [`Error::MissingGradient`] where one of the parameters has none; a gradient of another shape, dtype or device.
    fn step(&mut self, gradients: &GradStore) -> Result<()>;

    /// The learning rate of each group in the next step.
    fn learning_rates(&self) -> Vec<f64>;

    /// Sets the learning rate of each group: finite and at least 0.
    ///
    /// # Errors
    /// A rate outside its range, or not one rate a group.
    fn set_learning_rates(&mut self, rates: &[f64]) -> Result<()>;

    /// The learning rate of the next step; of the first group, if there are several.
    fn learning_rate(&self) -> f64 {
        self.learning_rates().first().copied().unwrap_or(f64::NAN)
    }

    /// Sets the learning rate of all groups: finite and at least 0.
    ///
    /// # Errors
    /// A rate outside its range.
    fn set_learning_rate(&mut self, lr: f64) -> Result<()> {
        self.set_learning_rates(&vec![lr; self.learning_rates().len()])
    }

    /// Makes one update with gradients taken the slower way, by Candle's own backward pass; `loss`: a scalar.
    ///
    /// The fast step is [`value_and_grad`](crate::autograd::value_and_grad), then [`Optimizer::step`]. The gradients are the
    /// same.
    ///
    /// # Errors
    /// As [`Optimizer::step`]; if the loss is not a scalar; or if it depends on layers that ran inside
    /// [`value_and_grad`](crate::autograd::value_and_grad), which takes their gradients itself.
    fn backward_step(&mut self, loss: &Tensor) -> Result<()> {
        if loss.elem_count() != 1 {
            return Err(Error::shape("loss", "one element", loss.dims()));
        }
        self.step(&loss.backward()?)
    }
}

/// For optimizers that are chosen at run time.
impl Optimizer for Box<dyn Optimizer> {
    fn step(&mut self, gradients: &GradStore) -> Result<()> {
        self.as_mut().step(gradients)
    }

    fn learning_rates(&self) -> Vec<f64> {
        self.as_ref().learning_rates()
    }

    fn set_learning_rates(&mut self, rates: &[f64]) -> Result<()> {
        self.as_mut().set_learning_rates(rates)
    }
}

impl Stateful for Box<dyn Optimizer> {
    fn state(&self) -> Result<State> {
        self.as_ref().state()
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        self.as_mut().load_state(state)
    }
}

/// The part of an optimizer's code that is the same for all of them: it passes calls on to `method::Core`.
macro_rules! optimizer {
    ($name:ident, $config:ident) => {
        impl $name {
            /// An optimizer for `params`, at least one.
            ///
            /// # Errors
            /// No parameter or one given twice, or a setting outside its range.
            pub fn new(params: Vec<$crate::params::Param>, config: $config) -> $crate::Result<Self> {
                Self::with_groups(vec![$crate::optim::ParamGroup::new(params)], config)
            }

            /// An optimizer for groups of parameters, each with settings of its own.
            ///
            /// # Errors
            /// As for one group.
            pub fn with_groups(groups: Vec<$crate::optim::ParamGroup>, config: $config) -> $crate::Result<Self> {
                Ok(Self(super::method::Core::new(groups, config)?))
            }

            /// The settings, with the present learning rate (of the first group).
            pub fn config(&self) -> $config {
                $config { lr: $crate::optim::Optimizer::learning_rate(self), ..*self.0.method() }
            }

            /// The same optimizer with steps composed of tensor operations, as on devices other than the CPU: what the
            /// update in place is compared with.
            ///
            /// # Errors
            /// If Candle cannot make the tensors.
            pub fn composed(self) -> $crate::Result<Self> {
                Ok(Self(self.0.composed()?))
            }
        }

        impl super::method::Rates for $config {
            fn lr(&self) -> f64 {
                self.lr
            }

            fn weight_decay(&self) -> f64 {
                self.weight_decay
            }
        }

        impl $crate::optim::Optimizer for $name {
            fn step(&mut self, gradients: &candle_core::backprop::GradStore) -> $crate::Result<()> {
                self.0.step(gradients)
            }

            fn learning_rates(&self) -> Vec<f64> {
                self.0.learning_rates()
            }

            fn set_learning_rates(&mut self, rates: &[f64]) -> $crate::Result<()> {
                self.0.set_learning_rates(rates)
            }
        }

        impl $crate::state::Stateful for $name {
            fn state(&self) -> $crate::Result<$crate::state::State> {
                self.0.state()
            }

            fn load_state(&mut self, state: &$crate::state::State) -> $crate::Result<()> {
                self.0.load_state(state)
            }
        }
    };
}
use optimizer;

/// ∇L(θ) + λθ
#[inline(always)]
fn decayed<V: candlelight_kernels::update::Value>(gradient: V, theta: &V, weight_decay: f64) -> V {
    if weight_decay == 0.0 { gradient } else { gradient + theta.clone().scale(weight_decay) }
}
