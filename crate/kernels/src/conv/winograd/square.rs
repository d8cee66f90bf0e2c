//! Kernels of three rows and three columns: 4 × 4 outputs from 36 products instead of 144.
//!
//! The points of [`Three`] along both axes (Lavin and Gray 2016, section 4.2): with d a square of 6 × 6 pixels and w the
//! kernel,
//!
//! ```text
//! y = Aᵀ [(G w Gᵀ) · (Bᵀ d B)] A        ∂L/∂w = Gᵀ [(A ∂L/∂y Aᵀ) · (Bᵀ d B)] G
//! ```
//!
//! A register holds channels of one pixel, so that squares may lie anywhere in an image. At each point, squares by channels
//! and channels by channels are two matrices; the rounding error is 1.7 to 2 times that of the plain sum.

mod points;
mod products;
mod weight;

pub(in super::super) use products::run;
pub(in super::super) use weight::gradient;

use super::super::direct::Sizes;
use super::super::plan::{Pass, Plan};
use super::super::weight::PANEL;
use super::scheme::{MOST, ROWS, Scheme, Three};
use crate::values::{Parts, unwritten};
use crate::{Real, real, threads};

/// Points of both axes.
const POINTS: usize = MOST * MOST;
/// Pixels of both axes.
const TAPS: usize = Three::TAPS * Three::TAPS;
/// Channels that the transforms and the panels are worth it for.
const FEWEST: usize = 12;
/// Squares whose points lie together, so many that the sums at all points stay in the first cache.
const BLOCK: usize = 12;

/// A convolution with a kernel of 3 × 3 and no stride, in squares of 4 × 4 outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Square {
    source: [usize; 2],
    target: [usize; 2],
    /// Rows and columns of zeros before an image.
    lead: [usize; 2],
    /// Squares of an image, down and across.
    squares: [usize; 2],
    /// Where in the kernel the weight of each pixel is, row by row.
    taps: [usize; TAPS],
}

impl Square {
    /// For a plan that is such a convolution, with channels enough.
    pub fn new(plan: &Plan, sizes: Sizes) -> Option<Self> {
        let [pass] = plan.passes.as_slice() else { return None };
        let Pass { start: [0, 0], step: [1, 1], places, taps: all, .. } = pass else { return None };
        let [down, across] = plan.view(0);
        let one = plan.channel == plan.plane && down.step == 1 && across.step == 1;
        if sizes.sources.min(sizes.targets) < FEWEST || all.len() != TAPS || !one {
            return None;
        }
        let first = [0, 1].map(|axis| places.iter().map(|place| place[axis]).min().unwrap_or_default());
        let mut taps = [usize::MAX; TAPS];
        for (&tap, place) in all.iter().zip(places) {
            let [row, column] = [place[0] - first[0], place[1] - first[1]];
            if row.max(column) >= Three::TAPS {
                return None;
            }
            taps[row * Three::TAPS + column] = tap;
        }
        let shown = [plan.rows(0).0, plan.columns(0).0];
        let whole = down.at(shown[0]) == Some(0) && across.at(shown[1]) == Some(0);
        let lead = [shown[0].checked_sub(first[0])?, shown[1].checked_sub(first[1])?];
        let this = Self {
            source: plan.source,
            target: plan.target,
            lead,
            squares: plan.target.map(|n| n.div_ceil(ROWS)),
            taps,
        };
        let fits = (0..2).all(|axis| lead[axis] + plan.source[axis] <= this.seen()[axis]);
        // As many products as panels have, and as a kernel that is taken as it is across would need.
        let square = this.squares[0] * this.squares[1] * POINTS * sizes.targets.next_multiple_of(PANEL);
        let rows = this.squares[0] * MOST * Three::TAPS * plan.pitch * sizes.targets;
        (whole && fits && !taps.contains(&usize::MAX) && 5 * square <= 4 * rows).then_some(this)
    }

    /// Height and width of what the squares of an image see.
    fn seen(&self) -> [usize; 2] {
        self.squares.map(|n| n * ROWS + Three::TAPS - 1)
    }

    fn source(&self) -> usize {
        self.source[0] * self.source[1]
    }

    fn target(&self) -> usize {
        self.target[0] * self.target[1]
    }

    /// Images from `start` to before `end` in parts of about so many squares.
    fn parts(&self, start: usize, end: usize, squares: usize) -> Vec<Part> {
        let [down, across] = self.squares;
        let rows = (squares / across).max(1);
        if rows >= down {
            let images = rows / down;
            let part = |first: usize| Part { image: first, images: images.min(end - first), row: 0, rows: down };
            return (start..end).step_by(images).map(part).collect();
        }
        let strips = down.div_ceil(rows);
        let part = |image, strip| {
            let row = strip * down / strips;
            Part { image, images: 1, row, rows: (strip + 1) * down / strips - row }
        };
        (start..end).flat_map(|image| (0..strips).map(move |strip| part(image, strip))).collect()
    }
}

/// What is computed together: some whole images, or some rows of the squares of one.
struct Part {
    image: usize,
    images: usize,
    row: usize,
    rows: usize,
}

impl Part {
    fn squares(&self, square: &Square) -> usize {
        self.images * self.rows * square.squares[1]
    }

    /// The rows of the target that it has.
    fn lines(&self, square: &Square) -> usize {
        (self.rows * ROWS).min(square.target[0] - self.row * ROWS)
    }
}

/// How numbers at the points lie in memory: by block of squares, point, panel of channels, square, channel.
#[derive(Clone, Copy)]
struct Layout {
    /// Squares of a block.
    block: usize,
    panels: usize,
}

impl Layout {
    fn new(block: usize, channels: usize) -> Self {
        Self { block, panels: channels.div_ceil(PANEL) }
    }

    /// Numbers from one panel to the next.
    fn panel(&self) -> usize {
        self.block * PANEL
    }

    /// Numbers from one point to the next: an odd number of cache lines, or the points would meet in a few places of the cache.
    fn point(&self) -> usize {
        ((self.panels * self.block) | 1) * PANEL
    }

    /// Where the first channel of a square is, at the first point.
    fn square(&self, square: usize) -> usize {
        square / self.block * POINTS * self.point() + square % self.block * PANEL
    }

    /// Length of a buffer for so many squares.
    fn buffer(&self, squares: usize) -> usize {
        squares.div_ceil(self.block) * POINTS * self.point()
    }
}

/// G w Gᵀ in the order in which it is used: by group, panel of target channels, point, source channel, target channel.
pub(in super::super) fn pack<T: Real>(square: &Square, sizes: Sizes, weight: &[T]) -> Vec<T> {
    let Sizes { groups, sources, targets, taps, source, target } = sizes;
    let all = sources * targets * taps;
    assert!(weight.len() == groups * all && taps == TAPS);
    let (panels, point) = (targets.div_ceil(PANEL), sources * PANEL);
    // SAFETY: all channels at all points are gone through.
    let mut packed = unsafe { unwritten(groups * panels * POINTS * point) };
    let parts = Parts::new(&mut packed);
    let factors = Three::G.map(|row| row.map(T::of));
    threads::run(groups * sources, |task| {
        let (group, c) = (task / sources, task % sources);
        let weight = &weight[group * all + c * source..][..all - c * source];
        let width = panels * PANEL;
        // By tap and by point, so that numbers of all target channels lie beside one another.
        let (mut turned, mut rows) = (vec![T::ZERO; TAPS * width], vec![T::ZERO; MOST * Three::TAPS * width]);
        let mut sum = vec![T::ZERO; width];
        real::vectorized(
            #[inline(always)]
            || {
                for (t, weight) in weight.chunks(target).take(targets).enumerate() {
                    for (turned, &tap) in turned[t..].iter_mut().step_by(width).zip(&square.taps) {
                        *turned = weight[tap];
                    }
                }
                for (i, factors) in factors.iter().enumerate() {
                    for column in 0..Three::TAPS {
                        let to = &mut rows[(i * Three::TAPS + column) * width..][..width];
                        for (row, &factor) in factors.iter().enumerate() {
                            let weights = &turned[(row * Three::TAPS + column) * width..][..width];
                            to.iter_mut().zip(weights).for_each(|(sum, &w)| *sum = w.mul_add(factor, *sum));
                        }
                    }
                }
                for i in 0..MOST {
                    for (j, factors) in factors.iter().enumerate() {
                        sum.fill(T::ZERO);
                        for (column, &factor) in factors.iter().enumerate() {
                            let weights = &rows[(i * Three::TAPS + column) * width..][..width];
                            sum.iter_mut().zip(weights).for_each(|(sum, &w)| *sum = w.mul_add(factor, *sum));
                        }
                        for (panel, sum) in sum.chunks_exact(PANEL).enumerate() {
                            let at = ((group * panels + panel) * POINTS + i * MOST + j) * point + c * PANEL;
                            // SAFETY: a source channel belongs to one task.
                            unsafe { parts.part(at, PANEL) }.copy_from_slice(sum);
                        }
                    }
                }
            },
        );
    });
    packed
}
