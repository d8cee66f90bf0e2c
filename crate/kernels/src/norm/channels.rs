//! The channels of a batch: how they lie in memory, what each is normalized with, and what it adds to its gradients.

use candle_core::Tensor;

use super::Line;
use crate::values::PIECE;
use crate::{real, threads};

/// Images, channels, and numbers of a channel in an image.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub n: usize,
    pub c: usize,
    pub s: usize,
}

impl Size {
    pub fn of(x: &Tensor) -> Self {
        let (n, c) = (x.dims().first().copied().unwrap_or(1), x.dims().get(1).copied().unwrap_or(1));
        Self { n, c, s: x.elem_count() / (n * c) }
    }

    /// Where a channel of an image starts.
    #[inline(always)]
    pub fn plane(&self, n: usize, c: usize) -> usize {
        (n * self.c + c) * self.s
    }

    /// Calls `task` for pieces of the channels, each with its first channel and their number, in vector code.
    pub fn by_channels(&self, task: impl Fn(usize, usize) + Sync) {
        let length = match self.s {
            // Whole cache lines of a row.
            1 => (PIECE / self.n).next_multiple_of(16).clamp(16, 256),
            _ => (PIECE / (self.n * self.s)).max(1),
        };
        threads::run(self.c.div_ceil(length), |i| {
            real::vectorized(
                #[inline(always)]
                || task(i * length, length.min(self.c - i * length)),
            );
        });
    }
}

/// What a channel is normalized with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Channel<T> {
    pub line: Line<T>,
    /// 1 / standard deviation.
    pub rstd: f64,
}

/// What a channel adds to its gradients: Σ g and Σ g d, with d = x - mean.
pub(super) type Sums = (f64, f64);
