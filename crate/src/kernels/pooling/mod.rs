//! Pooling over windows of planes.
//!
//! Forward and backward each read and write every number once or a few times, so the floor is memory; a task takes some
//! planes. Windows of 2 × 2 that do not overlap are vector code; others are taken one by one.

mod average;
mod max;

pub(crate) use average::average;
pub(crate) use max::max;

use std::ops::Range;

use super::values::{PIECE, unwritten};
use super::{Real, pool, real};

/// The part of an axis that one window covers: `count` places from `start` on, `step` apart, all inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub start: usize,
    pub count: usize,
    pub step: usize,
    /// What an average divides by: `count`, and the padding where that counts.
    pub divisor: usize,
}

impl Window {
    /// The places.
    #[inline(always)]
    pub(crate) fn places(self) -> impl Iterator<Item = usize> {
        (0..self.count).map(move |i| self.start + i * self.step)
    }
}

/// Rows and columns of a plane, and the windows on them.
#[derive(Debug, Clone)]
pub(crate) struct Windows {
    pub height: usize,
    pub width: usize,
    pub rows: Vec<Window>,
    pub columns: Vec<Window>,
}

impl Windows {
    fn inputs(&self) -> usize {
        self.height * self.width
    }

    fn outputs(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    /// The place in the output of each window, with its rows and columns.
    #[inline(always)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, Window, Window)> + '_ {
        let width = self.columns.len();
        self.rows.iter().enumerate().flat_map(move |(i, &rows)| {
            self.columns.iter().enumerate().map(move |(j, &columns)| (i * width + j, rows, columns))
        })
    }

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

    /// Where the gradients of `planes` planes go: zeros, unless each place is written once.
    fn gradient<T: Real>(&self, planes: usize) -> Vec<T> {
        let n = planes * self.inputs();
        let tiled = 2 * self.rows.len() == self.height && 2 * self.columns.len() == self.width;
        match self.are_pairs() && tiled {
            // SAFETY: the windows cover the plane, and both kinds of pairs write all four places of each.
            true => unsafe { unwritten(n) },
            false => vec![T::ZERO; n],
        }
    }

    /// Calls `task` for pieces of `planes` planes, in vector code.
    fn by_planes(&self, planes: usize, task: impl Fn(Range<usize>) + Sync) {
        let length = (PIECE / self.inputs()).max(1);
        pool::run(planes.div_ceil(length), |i| {
            real::vectorized(
                #[inline(always)]
                || task(i * length..planes.min((i + 1) * length)),
            );
        });
    }
}
