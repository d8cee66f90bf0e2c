use candle_core::{Tensor, Var};

use super::Module;
use crate::{Error, Result};

/// A layer that can compute with another weight than its own.
pub trait HasWeight: Module {
    /// The layer's own weight; its first dimension is that of the outputs.
    fn weight(&self) -> &Var;

    /// The output with `weight` in place of the layer's own.
    ///
    /// # Errors
    /// Those of [`Module::forward`]; if `weight` has another shape or dtype than the layer's.
    fn forward_with_weight(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor>;

    /// The same without the bias: the layer's linear part.
    ///
    /// # Errors
    /// Those of [`HasWeight::forward_with_weight`].
    fn product(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor>;
}

/// Refuses a weight that cannot stand for a layer's own.
pub(super) fn check_weight(what: &'static str, own: &Tensor, weight: &Tensor) -> Result<()> {
    if weight.shape() != own.shape() {
        return Err(Error::shape(what, format!("{:?}", own.dims()), weight.dims()));
    }
    if weight.dtype() != own.dtype() {
        return Err(Error::DType { what, expected: "that of the layer's own", actual: weight.dtype() });
    }
    Ok(())
}
