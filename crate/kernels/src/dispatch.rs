//! Which of two ways a layer computes: the kernels, or its composed form.

use std::cell::RefCell;

use candle_core::{DType, Device, Tensor};
use candlelight_base::Scoped;

use crate::real;

/// Runs `f` with every layer in its composed form, made of Candle's operations: the reference that the kernels are
/// tested against, and what other devices run.
///
/// ```
/// use candlelight::{kernels::composed, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let layer = linear(3, 2, Params::new(0, &Device::Cpu)?)?;
/// let x = Tensor::new(&[[1f32, 2., 3.]], &Device::Cpu)?;
/// let (fast, plain) = (layer.forward(&x, Mode::Eval)?, composed(|| layer.forward(&x, Mode::Eval))?);
/// assert!((fast - plain)?.abs()?.max_all()?.to_scalar::<f32>()? < 1e-6);
/// # Ok(()) }
/// ```
pub fn composed<T>(f: impl FnOnce() -> T) -> T {
    let _composed = Scoped::new(&COMPOSED, true);
    f()
}

thread_local! {
    static COMPOSED: RefCell<bool> = const { RefCell::new(false) };
}

/// Whether this runs in [`composed`].
pub fn is_composed() -> bool {
    COMPOSED.with_borrow(|composed| *composed)
}

/// Whether a kernel can take these: tensors of one dtype, F32 or F64, on the CPU, not empty.
pub fn can_take(tensors: &[&Tensor]) -> bool {
    let [first, ..] = tensors else { return false };
    !is_composed()
        && real::available()
        && matches!(first.dtype(), DType::F32 | DType::F64)
        && tensors.iter().all(|t| matches!(t.device(), Device::Cpu) && t.dtype() == first.dtype() && t.elem_count() > 0)
}

/// Runs an expression with `$T` standing for the number type of a dtype; `can_take` has seen to it that it is one of the two.
macro_rules! for_dtype {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            candle_core::DType::F64 => {
                type $T = f64;
                $body
            }
            _ => {
                type $T = f32;
                $body
            }
        }
    };
}
pub(crate) use for_dtype;
