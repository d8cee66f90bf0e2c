//! Optimizers, with the update rules, argument names and defaults of PyTorch.
//!
//! An optimizer takes the parameters it is to change, in order ([`Params::trainable`](crate::params::Params::trainable)), and
//! keeps its state per parameter. Where PyTorch skips a parameter without a gradient, these refuse the whole step
//! ([`Error::MissingGradient`]): in Candle an operation without a backward pass is otherwise silent.

mod adam;
mod sgd;

use candle_core::Tensor;
use candle_core::backprop::GradStore;

use crate::params::Param;
use crate::state::{State, Stateful};
use crate::{Error, Result, device};

pub use adam::{Adam, AdamConfig, AdamW, AdamWConfig};
pub use sgd::{Sgd, SgdConfig};

/// Changes parameters along their gradients.
///
/// Its state ([`Stateful`]) is what it remembers of each parameter, under the parameter's name and PyTorch's
/// (`fc1.weight.exp_avg`), the number of steps (`step`) and the learning rate (`param_groups.0.lr`).
pub trait Optimizer: Stateful + Send {
    /// Makes one update. If it fails, no parameter has changed.
    ///
    /// # Errors
    /// [`Error::MissingGradient`] where one of the parameters has none.
    fn step(&mut self, gradients: &GradStore) -> Result<()>;

    /// The learning rate of the next step.
    fn learning_rate(&self) -> f64;

    /// Sets the learning rate of the next step: finite and at least 0.
    ///
    /// # Errors
    /// A rate outside its range.
    fn set_learning_rate(&mut self, lr: f64) -> Result<()>;

    /// Takes the gradients of `loss`, a scalar, and makes one update.
    ///
    /// # Errors
    /// As [`Optimizer::step`], or if the loss is not a scalar.
    fn backward_step(&mut self, loss: &Tensor) -> Result<()> {
        if loss.elem_count() != 1 {
            return Err(Error::shape("loss", "one element", loss.dims()));
        }
        self.step(&loss.backward()?)
    }
}

/// What every constructor checks first.
fn check_params(params: &[Param]) -> Result<()> {
    device::check_statics()?;
    if params.is_empty() { Err(Error::setting("params", "at least one parameter", "none")) } else { Ok(()) }
}

/// Each parameter's gradient, in order.
fn gradients<'a>(params: &[Param], gradients: &'a GradStore) -> Result<Vec<&'a Tensor>> {
    let find =
        |param: &Param| gradients.get(&param.var).ok_or_else(|| Error::MissingGradient { name: param.name.clone() });
    params.iter().map(find).collect()
}

fn check_not_negative(name: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 { Ok(()) } else { Err(Error::setting(name, "finite and at least 0", value)) }
}

/// Adds what is remembered of each parameter to `state`.
fn save_slot(state: &mut State, params: &[Param], name: &str, values: &[Tensor]) -> Result<()> {
    for (param, value) in params.iter().zip(values) {
        state.tensors.insert(format!("{}.{name}", param.name), value.copy()?);
    }
    Ok(())
}

/// What [`save_slot`] added.
fn load_slot(state: &State, params: &[Param], name: &str) -> Result<Vec<Tensor>> {
    params.iter().map(|param| Ok(state.tensor(&format!("{}.{name}", param.name), &param.var)?.copy()?)).collect()
}

/// The learning rate of a state.
fn load_rate(state: &State) -> Result<f64> {
    let name = "param_groups.0.lr";
    let lr = state.get(name)?;
    check_not_negative("lr", lr)
        .map_err(|_| Error::State { name: name.into(), problem: format!("must be finite and at least 0, got {lr}") })?;
    Ok(lr)
}
