//! The windows of a pooling layer: what the layers, the composed form and the kernels share.

/// What is taken of each window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The greatest number; NaN if there is one.
    Max,
    /// The sum over the divisor.
    Average,
}

/// The part of an axis that one window covers: `count` places from `start` on, `step` apart, all inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first place.
    pub start: usize,
    /// How many places.
    pub count: usize,
    /// From one place to the next.
    pub step: usize,
    /// What an average divides by: `count`, and the padding where that counts.
    pub divisor: usize,
}

impl Window {
    /// The places.
    #[inline(always)]
    pub fn places(self) -> impl Iterator<Item = usize> {
        (0..self.count).map(move |i| self.start + i * self.step)
    }
}

/// Rows and columns of a plane, and the windows on them.
#[derive(Debug, Clone)]
pub struct Windows {
    /// Rows of the plane.
    pub height: usize,
    /// Columns of the plane.
    pub width: usize,
    /// The rows of each row of windows.
    pub rows: Vec<Window>,
    /// The columns of each column of windows.
    pub columns: Vec<Window>,
}

impl Windows {
    pub(crate) fn inputs(&self) -> usize {
        self.height * self.width
    }

    pub(crate) fn outputs(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    /// The place in the output of each window, with its rows and columns.
    #[inline(always)]
    pub fn iter(&self) -> impl Iterator<Item = (usize, Window, Window)> + '_ {
        let width = self.columns.len();
        self.rows.iter().enumerate().flat_map(move |(i, &rows)| {
            self.columns.iter().enumerate().map(move |(j, &columns)| (i * width + j, rows, columns))
        })
    }
}
