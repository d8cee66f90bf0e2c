//! What keeps weights small: penalties to add to the loss, and changes to apply to the weights after a step.

mod decay;
mod max_norm;
mod penalty;

use candle_core::Tensor;

use crate::Result;
use crate::params::{Param, Params};

pub use decay::{decay_l1, decay_l2};
pub use max_norm::max_norm;
pub use penalty::{elastic_net, l1, l2};

/// The trainable parameters of two or more dimensions: weights, but neither biases nor the scales and shifts of
/// normalization layers, which hold no complexity to speak of and are usually not penalized.
///
/// ```
/// use candlelight::{nn::linear, prelude::*, regularization::weights};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// linear(3, 2, params.pp("fc"))?;
/// assert_eq!(weights(&params).iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["fc.weight"]);
/// # Ok(()) }
/// ```
pub fn weights(params: &Params) -> Vec<Param> {
    params.trainable().into_iter().filter(|param| param.var.rank() >= 2).collect()
}

/// Sets each parameter to what `change` makes of it.
pub(crate) fn change_each(params: &[Param], change: impl Fn(&Tensor) -> candle_core::Result<Tensor>) -> Result<()> {
    // Of nothing, Candle returns the very tensor it was given, and refuses to set a variable to itself.
    for Param { var, .. } in params.iter().filter(|param| param.var.elem_count() > 0) {
        var.set(&change(&var.as_detached_tensor())?)?;
    }
    Ok(())
}
