//! Indices that no one has looked at: they stay on their device, and whoever trains looks at them when a loss is NaN.

use std::cell::RefCell;

use candle_core::{DType, Tensor};
use candlelight_base::Scoped;
use candlelight_kernels as kernels;

use crate::Result;

type Check = Box<dyn Fn() -> Result<()>>;

/// How what was left unread is looked at.
#[derive(Default)]
pub(crate) struct Unread(Vec<Check>);

thread_local! {
    /// `None` where nobody asks.
    static NOTED: RefCell<Option<Unread>> = const { RefCell::new(None) };
}

/// Runs `f`, such as a forward pass, and says what it has left unread.
///
/// # Errors
/// Those of `f`.
pub(crate) fn with_unread<T>(f: impl FnOnce() -> Result<T>) -> Result<(T, Unread)> {
    let noted = Scoped::new(&NOTED, Some(Unread::default()));
    let result = f()?;
    Ok((result, noted.finish().unwrap_or_default()))
}

impl Unread {
    /// Looks at what was left: for a loss that turned out to be NaN.
    ///
    /// # Errors
    /// For the first index that is none, what its own check reports.
    pub(crate) fn check(&self) -> Result<()> {
        self.0.iter().try_for_each(|check| check())
    }
}

/// Notes how indices can be looked at that no one has looked at.
pub(crate) fn note_unread(check: impl Fn() -> Result<()> + 'static) {
    NOTED.with_borrow_mut(|noted| {
        if let Some(Unread(all)) = noted {
            all.push(Box::new(check));
        }
    });
}

/// Whether the host leaves the numbers of `x` unread, because it would have to wait for a device: on all but the CPU, and in the
/// composed form, which is what runs there.
pub(crate) fn is_unread(x: &Tensor) -> bool {
    !x.device().is_cpu() || kernels::is_composed()
}

/// Of indices U8, U32 or I64 where one is a row of `rows`, U8, and the indices as U32, 0 where it is none; both on their device.
pub(crate) fn rows_among(indices: &Tensor, rows: usize) -> Result<(Tensor, Tensor)> {
    // As I64 only where an index may be below 0.
    let signed = indices.dtype() == DType::I64;
    let indices = indices.contiguous()?.to_dtype(if signed { DType::I64 } else { DType::U32 })?;
    let rows = match signed {
        true => Tensor::full(rows as i64, indices.shape(), indices.device())?,
        false => Tensor::full(rows as u32, indices.shape(), indices.device())?,
    };
    let (zeros, below) = (indices.zeros_like()?, indices.lt(&rows)?);
    let inside = if signed { (below * indices.ge(&zeros)?)? } else { below };
    let index = inside.where_cond(&indices, &zeros)?.to_dtype(DType::U32)?;
    Ok((inside, index))
}

/// The rows of `x` [N, ...] where `inside`, U8 [N], and NaN elsewhere. Nothing flows back through the latter.
pub(crate) fn or_nan(inside: &Tensor, x: &Tensor) -> Result<Tensor> {
    let mut each = vec![1; x.rank()];
    each[0] = inside.elem_count();
    let nan = Tensor::full(f64::NAN, (), x.device())?.to_dtype(x.dtype())?.broadcast_as(x.shape())?;
    Ok(inside.reshape(each)?.broadcast_as(x.shape())?.where_cond(x, &nan)?)
}
