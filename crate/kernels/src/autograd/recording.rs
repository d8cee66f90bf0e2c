//! A forward pass whose backward pass comes later.

use candle_core::Tensor;
use candle_core::backprop::GradStore;
use candlelight_base::Result;

use super::tape::Tape;
use super::{backward, check_gradient, run};

/// A forward pass, and what its backward pass needs: made by [`record`].
pub struct Recording {
    output: Tensor,
    tape: Tape,
}

/// Computes an output now, for a backward pass later: [`vjp`](super::vjp) in two halves, between which others may be recorded.
///
/// It keeps what the layers keep for their backward passes until it is dropped or used.
///
/// # Errors
/// Those of `output`.
///
/// ```
/// use candlelight::{autograd::record, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let layer = linear(3, 2, Params::new(0, &Device::Cpu)?)?;
/// let [first, second] = [[1f32, 2., 3.], [4., 5., 6.]].map(|x| Tensor::new(&[x], &Device::Cpu).unwrap());
/// let first = record(|| layer.forward(&first, Mode::Train))?;
/// let second = record(|| layer.forward(&second, Mode::Train))?;
/// let ones = second.output().ones_like()?;
/// assert_eq!(second.vjp(&ones)?.get(layer.weight()).unwrap().to_vec2::<f32>()?, [[4., 5., 6.], [4., 5., 6.]]);
/// assert_eq!(first.vjp(&ones)?.get(layer.weight()).unwrap().to_vec2::<f32>()?, [[1., 2., 3.], [1., 2., 3.]]);
/// # Ok(()) }
/// ```
pub fn record(output: impl FnOnce() -> Result<Tensor>) -> Result<Recording> {
    let (output, tape) = run(output)?;
    Ok(Recording { output, tape })
}

impl Recording {
    /// What was computed, without its past.
    pub fn output(&self) -> Tensor {
        self.output.detach()
    }

    /// The product of a given gradient of the output with its derivatives, for every variable it depends on.
    ///
    /// # Errors
    /// If `gradient` has another shape or dtype than the output; or [`Error::Recorded`](candlelight_base::Error::Recorded), as
    /// of [`value_and_grad`](super::value_and_grad).
    pub fn vjp(self, gradient: &Tensor) -> Result<GradStore> {
        check_gradient(&self.output, gradient)?;
        backward(&self.output, Some(gradient), self.tape, None)
    }
}
