//! Pooling over windows of planes.
//!
//! Forward and backward each read and write every number once or a few times, so the floor is memory; a task takes some
//! planes. Windows of 2 × 2 that do not overlap are vector code; others are taken one by one.

mod average;
mod max;

use std::sync::Arc;

use candle_core::{Shape, Tensor};
use candlelight_base::Result;

use super::values::{PIECE, Parts, unwritten};
use super::windows::{Pooling, Window, Windows};
use super::{Real, real, threads};

/// One number for each window of each plane of x, which is not empty, as a tensor of `shape`.
pub fn pooling(kind: Pooling, x: &Tensor, windows: Windows, shape: Shape) -> Result<Tensor> {
    match kind {
        Pooling::Max => max::max(x, Arc::new(windows), shape),
        Pooling::Average => average::average(x, Arc::new(windows), shape),
    }
}

impl Windows {
    /// Whether every window is 2 × 2, two places after the one before.
    fn are_pairs(&self) -> bool {
        let pairs = |windows: &[Window]| {
            let pair = |(i, window)| window == Window { start: 2 * i, count: 2, step: 1, divisor: 2 };
            windows.iter().copied().enumerate().all(pair)
        };
        pairs(&self.rows) && pairs(&self.columns)
    }

    /// Whether the one window is the whole plane.
    fn is_whole(&self) -> bool {
        let whole = |windows: &[Window], size| windows == [Window { start: 0, count: size, step: 1, divisor: size }];
        whole(&self.rows, self.height) && whole(&self.columns, self.width)
    }

    /// The gradient of x: `task` adds to that of one plane, by its number, in vector code.
    fn gradient<T: Real>(&self, x: &Tensor, task: impl Fn(usize, &mut [T]) + Sync) -> Result<Tensor> {
        let inputs = self.inputs();
        let planes = x.elem_count() / inputs;
        let mut dx = self.fresh::<T>(planes);
        {
            let dx = Parts::new(&mut dx);
            self.by_planes(
                planes,
                #[inline(always)]
                |plane| {
                    // SAFETY: a plane belongs to one task.
                    task(plane, unsafe { dx.part(plane * inputs, inputs) });
                },
            );
        }
        Ok(Tensor::from_vec(dx, x.shape(), x.device())?)
    }

    /// Where the gradients of `planes` planes go: zeros, unless each place is written once.
    fn fresh<T: Real>(&self, planes: usize) -> Vec<T> {
        let n = planes * self.inputs();
        let tiled = 2 * self.rows.len() == self.height && 2 * self.columns.len() == self.width;
        match self.are_pairs() && tiled {
            // SAFETY: the windows cover the plane, and both kinds of pairs write all four places of each.
            true => unsafe { unwritten(n) },
            false => vec![T::ZERO; n],
        }
    }

    /// Calls `task` for each of `planes` planes, by its number, in vector code.
    fn by_planes(&self, planes: usize, task: impl Fn(usize) + Sync) {
        let length = (PIECE / self.inputs()).max(1);
        threads::run(planes.div_ceil(length), |i| {
            real::vectorized(
                #[inline(always)]
                || {
                    for plane in i * length..planes.min((i + 1) * length) {
                        task(plane);
                    }
                },
            );
        });
    }
}
