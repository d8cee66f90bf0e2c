//! Convolutions: which numbers of input, filter and output belong together, and the sums over them.

use std::ops::Range;

use super::status::{Outcome, bad};
use super::tensor::{Kind, Tensor};

/// How a filter goes along an axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) pad: usize,
    pub(super) stride: usize,
    pub(super) dilation: usize,
}

/// What a descriptor says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Convolution {
    /// Along the rows' axis and the columns', once it was set.
    pub(super) axes: Option<[Axis; 2]>,
    /// Whether the filter is turned by half a circle, as mathematicians have it.
    pub(super) turned: bool,
    pub(super) computed: Kind,
    /// Whether factors of F32 are rounded to TF32.
    pub(super) tf32: bool,
    pub(super) groups: usize,
}

impl Default for Convolution {
    fn default() -> Self {
        Self { axes: None, turned: false, computed: Kind::F32, tf32: true, groups: 1 }
    }
}

/// The sizes of input, filter and output, which fit each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    x: [usize; 4],
    w: [usize; 4],
    y: [usize; 4],
    axes: [Axis; 2],
    groups: usize,
    turned: bool,
}

/// What a tap of the filter meets along an axis: some outputs, and the input of the first of them.
#[derive(Clone, Debug)]
struct Meeting {
    outputs: Range<usize>,
    input: usize,
}

/// A part of a row of the output, and the part of a row of the input that a tap brings there. The input goes on by the stride.
struct Row {
    x: usize,
    w: usize,
    y: Range<usize>,
}

impl Sizes {
    pub(super) fn new(x: &Tensor, w: &Tensor, y: &Tensor, convolution: &Convolution) -> Outcome<Self> {
        let Convolution { axes, turned, computed, groups, .. } = *convolution;
        let Some(axes) = axes else {
            return bad("the descriptor of a convolution that was not set".to_string());
        };
        let kinds = [x.kind, w.kind, y.kind, computed];
        if kinds.iter().any(|&kind| kind != x.kind) {
            return bad(format!("the types of input, filter, output and sums {kinds:?}, where one is expected"));
        }
        let (x, w, y) = (x.sizes, w.sizes, y.sizes);
        if !x[1].is_multiple_of(groups) || !w[0].is_multiple_of(groups) || w[1] != x[1] / groups {
            return bad(format!("{groups} groups of the channels of an input of {x:?} with a filter of {w:?}"));
        }
        let mut expected = [x[0], w[0], 0, 0];
        for (at, Axis { pad, stride, dilation }) in (2..).zip(axes) {
            let (padded, filter) = (x[at] + 2 * pad, (w[at] - 1) * dilation + 1);
            expected[at] = padded.checked_sub(filter).map_or(0, |room| 1 + room / stride);
        }
        if y != expected || expected.contains(&0) {
            return bad(format!(
                "an output of {y:?}, where {expected:?} is expected from an input of {x:?}, a filter of {w:?} and {axes:?}"
            ));
        }
        Ok(Self { x, w, y, axes, groups, turned })
    }

    /// What each tap meets along an axis: 0 for that of the rows, 1 for that of the columns.
    fn meetings(&self, axis: usize) -> Vec<Meeting> {
        let Axis { pad, stride, dilation } = self.axes[axis];
        let meeting = |tap| {
            let offset = tap * dilation;
            let start = pad.saturating_sub(offset).div_ceil(stride);
            let end = (self.x[axis + 2] + pad).saturating_sub(offset).div_ceil(stride).min(self.y[axis + 2]);
            if start < end {
                Meeting { outputs: start..end, input: start * stride + offset - pad }
            } else {
                // The tap lies in the padding everywhere.
                Meeting { outputs: 0..0, input: 0 }
            }
        };
        (0..self.w[axis + 2]).map(meeting).collect()
    }

    /// Goes over all rows: images, channels of the output, channels of the input, taps, rows of the output.
    fn rows(&self, mut each: impl FnMut(Row)) {
        let Self { x, w, y, axes, groups, turned } = *self;
        let (down, along) = (self.meetings(0), self.meetings(1));
        let taps = w[2] * w[3];
        for image in 0..x[0] {
            for output in 0..y[1] {
                for channel in 0..w[1] {
                    let input = output / (w[0] / groups) * w[1] + channel;
                    let (plane_x, plane_y) = ((image * x[1] + input) * x[2], (image * y[1] + output) * y[2]);
                    for tap in 0..taps {
                        let (rows, columns) = (&down[tap / w[3]], &along[tap % w[3]]);
                        let turned = if turned { taps - 1 - tap } else { tap };
                        for (at, row) in rows.outputs.clone().enumerate() {
                            let (line_x, line_y) = (plane_x + rows.input + at * axes[0].stride, (plane_y + row) * y[3]);
                            each(Row {
                                x: line_x * x[3] + columns.input,
                                w: (output * w[1] + channel) * taps + turned,
                                y: line_y + columns.outputs.start..line_y + columns.outputs.end,
                            });
                        }
                    }
                }
            }
        }
    }

    /// The output, from input and filter.
    pub(super) fn output(&self, x: &[f64], w: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.y.iter().product()];
        let stride = self.axes[1].stride;
        self.rows(|row| {
            let factor = w[row.w];
            for (sum, value) in sums[row.y].iter_mut().zip(x[row.x..].iter().step_by(stride)) {
                *sum += value * factor;
            }
        });
        sums
    }

    /// The gradient of the input, from the filter and the gradient of the output.
    pub(super) fn input(&self, w: &[f64], dy: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.x.iter().product()];
        let stride = self.axes[1].stride;
        self.rows(|row| {
            let factor = w[row.w];
            for (sum, value) in sums[row.x..].iter_mut().step_by(stride).zip(&dy[row.y]) {
                *sum += value * factor;
            }
        });
        sums
    }

    /// The gradient of the filter, from the input and the gradient of the output.
    pub(super) fn filter(&self, x: &[f64], dy: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.w.iter().product()];
        let stride = self.axes[1].stride;
        self.rows(|row| {
            let products = dy[row.y].iter().zip(x[row.x..].iter().step_by(stride)).map(|(dy, x)| dy * x);
            sums[row.w] = products.fold(sums[row.w], |sum, product| sum + product);
        });
        sums
    }
}
