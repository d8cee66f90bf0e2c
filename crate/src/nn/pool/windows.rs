//! Where the windows of an axis lie.

use candle_core::{DType, Tensor};
use candlelight_kernels as kernels;
use candlelight_kernels::windows::{Pooling, Window, Windows};

use super::composed;
use crate::nn::kind::Kind;
use crate::nn::summary::{Reach, record};
use crate::{Error, Result, memory};

/// No setting is larger, so that nothing overflows.
const LARGEST: usize = 1 << 20;

/// Windows of one size, one stride after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Axis {
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    pub dilation: usize,
    pub ceil_mode: bool,
    pub count_padding: bool,
}

impl Axis {
    /// Each place a window of its own.
    pub const ONE: Self =
        Self { kernel: 1, stride: 1, padding: 0, dilation: 1, ceil_mode: false, count_padding: false };

    /// The axis, if its settings are in their ranges.
    pub fn checked(self) -> Result<Self> {
        for (name, value) in [("kernel_size", self.kernel), ("stride", self.stride), ("dilation", self.dilation)] {
            if !(1..=LARGEST).contains(&value) {
                return Err(Error::setting(name, "from 1 to 1048576", value));
            }
        }
        if self.padding > self.kernel / 2 {
            return Err(Error::setting("padding", "at most half of kernel_size", self.padding));
        }
        Ok(self)
    }

    /// What a window is made of, for a summary.
    pub fn reach(self) -> Reach {
        let Self { kernel: size, stride, padding, dilation, .. } = self;
        Reach::Kernel { size, stride, padding, dilation }
    }

    /// The windows on `size` places; none of them is empty.
    pub fn windows(self, what: &'static str, size: usize, dims: &[usize]) -> Result<Vec<Window>> {
        let Self { kernel, stride, padding, dilation, .. } = self;
        let refuse = |expected: String| Err(Error::shape(what, expected, dims));
        let reach = (kernel - 1) * dilation + 1;
        let Some(room) = (size + 2 * padding).checked_sub(reach) else {
            return refuse(format!("at least {} along this dimension", reach.saturating_sub(2 * padding)));
        };
        let mut count = if self.ceil_mode { room.div_ceil(stride) } else { room / stride } + 1;
        // The last window must start inside, or in the padding before.
        if self.ceil_mode && (count - 1) * stride >= size + padding {
            count -= 1;
        }
        let mut windows = Vec::with_capacity(count);
        for i in 0..count {
            // Counted from the start of the padding.
            let from = i * stride;
            let skipped = padding.saturating_sub(from).div_ceil(dilation);
            let start = from + skipped * dilation;
            let end = (from + reach).min(size + padding);
            if start >= end {
                return refuse("no window that lies in the padding alone".into());
            }
            let inside = (end - start).div_ceil(dilation);
            let divisor = match self.count_padding {
                true => (from + kernel).min(size + 2 * padding) - from,
                false => inside,
            };
            windows.push(Window { start: start - padding, count: inside, step: dilation, divisor });
        }
        Ok(windows)
    }
}

/// The dimensions before the planes, and height and width of the planes.
pub(super) fn planes<'a>(what: &'static str, x: &'a Tensor, spatial: usize) -> Result<(&'a [usize], &'a [usize])> {
    let dims = x.dims();
    let expected = match spatial {
        1 => "[N, C, L] or [C, L], L at least 1",
        _ => "[N, C, H, W] or [C, H, W], H and W at least 1",
    };
    if dims.len() != spatial + 1 && dims.len() != spatial + 2 {
        return Err(Error::shape(what, expected, dims));
    }
    let (lead, plane) = dims.split_at(dims.len() - spatial);
    if plane.contains(&0) {
        return Err(Error::shape(what, expected, dims));
    }
    if !matches!(x.dtype(), DType::F32 | DType::F64) {
        return Err(Error::DType { what, expected: "F32 or F64", actual: x.dtype() });
    }
    Ok((lead, plane))
}

/// One number for each window of each plane of `x`; the result has `shape`.
pub(super) fn pool(kind: Kind, pooling: Pooling, x: &Tensor, windows: Windows, shape: Vec<usize>) -> Result<Tensor> {
    memory::check(kind.input, &shape, x.dtype().size_in_bytes())?;
    let y = match kernels::can_take(&[x]) {
        _ if x.elem_count() == 0 => kernels::empty(shape, [x])?,
        true => kernels::pooling::pooling(pooling, x, windows, shape.into())?,
        false => composed::pool(pooling, x, &windows, shape)?,
    };
    record(kind.name, [], &y, 0);
    Ok(y)
}
