use candle_core::Tensor;

use crate::Result;
use crate::nn::{Linearized, Mode, Module};

/// A part of a model that is not trained: in training it runs in [`Mode::Eval`], in other modes as they say.
///
/// So it does not drop units, and running statistics stay as they are; together with
/// [`Params::freeze`](crate::params::Params::freeze) nothing in it changes, bit for bit. (In PyTorch: `eval()` and
/// `requires_grad = False`; the first is often forgotten.)
///
/// Where its input needs no gradient, as at the front of a model, neither does its output, and the backward pass ends there.
/// Elsewhere the gradient passes through to what comes before.
///
/// ```
/// use candlelight::{nn::{Mode, Module, Sequential, linear}, prelude::*, train::Frozen};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let body = linear(4, 3, params.pp("body"))?;
/// let head = linear(3, 2, params.pp("head"))?;
/// let model = Sequential::new().push(Frozen::new(body)).push(head);
/// let y = model.forward(&Tensor::ones((1, 4), DType::F32, &Device::Cpu)?, Mode::Train)?;
/// let gradients = y.sum_all()?.backward()?;
/// let reached = |name: &str| Ok::<_, Error>(gradients.get(params.get(name)?.as_tensor()).is_some());
/// assert!(!reached("body.weight")? && reached("head.weight")?);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Frozen<M> {
    inner: M,
}

impl<M: Module> Frozen<M> {
    /// Freezes a layer or a model.
    pub fn new(inner: M) -> Self {
        Self { inner }
    }

    /// The layer or model, to train it from now on.
    pub fn into_inner(self) -> M {
        self.inner
    }
}

impl<M: Module> Module for Frozen<M> {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let mode = if mode == Mode::Train { Mode::Eval } else { mode };
        let y = self.inner.forward(x, mode)?;
        Ok(if x.track_op() { y } else { y.detach() })
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        self.inner.linearize(x, if mode == Mode::Train { Mode::Eval } else { mode })
    }
}
