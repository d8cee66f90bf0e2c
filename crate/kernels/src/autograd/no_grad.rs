//! Forward passes without a way back.

use std::cell::RefCell;

use candle_core::Tensor;
use candlelight_base::Scoped;

thread_local! {
    static NO_GRAD: RefCell<bool> = const { RefCell::new(false) };
}

/// Runs `f` without keeping what a backward pass would need: PyTorch's `torch.no_grad`.
///
/// What the layers and losses of this crate give inside has no derivative, and each result is freed as soon as the next
/// layer has used it. It holds on this thread. Operations of Candle's own go on as ever, and a
/// [`value_and_grad`](super::value_and_grad) inside computes its gradients.
///
/// ```
/// use candlelight::{autograd::no_grad, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let layer = linear(3, 2, Params::new(0, &Device::Cpu)?)?;
/// let x = Tensor::ones((1, 3), DType::F32, &Device::Cpu)?;
/// let y = no_grad(|| layer.forward(&x, Mode::Eval))?;
/// assert!(!y.track_op() && layer.forward(&x, Mode::Eval)?.track_op());
/// # Ok(()) }
/// ```
pub fn no_grad<T>(f: impl FnOnce() -> T) -> T {
    let _off = Scoped::new(&NO_GRAD, true);
    f()
}

/// Runs `f` with gradients again.
pub(super) fn with_grad<T>(f: impl FnOnce() -> T) -> T {
    let _on = Scoped::new(&NO_GRAD, false);
    f()
}

/// Whether what is computed from these will need a derivative.
pub(crate) fn is_tracked(inputs: &[&Tensor]) -> bool {
    !NO_GRAD.with_borrow(|no_grad| *no_grad) && inputs.iter().any(|input| input.track_op())
}
