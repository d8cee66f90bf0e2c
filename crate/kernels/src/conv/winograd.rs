//! Fewer multiplications for kernels of two or three rows.
//!
//! Four rows of the output are sums over six rows of the input, of three products each: twelve. As polynomials, kernel
//! and rows can instead be multiplied at six points and joined again (Winograd 1980; Lavin and Gray 2016, section 4):
//! with d six rows of the input and w a column of the kernel,
//!
//! ```text
//! y = Aᵀ [(G w) · (Bᵀ d)]        ∂L/∂w = Gᵀ [(A ∂L/∂y) · (Bᵀ d)]
//! ```
//!
//! Two rows of the kernel need five products instead of eight; with a stride, a kernel of four rows is two such, one
//! for every second row of the input. Across, the kernel is taken as it is, which leaves all numbers of a row beside
//! one another; only a kernel of 3 × 3 without stride has points along both axes (`square`).

mod forward;
mod range;
mod rows;
mod scheme;
mod square;
mod weight;

pub(super) use forward::{pack, run};
pub(super) use scheme::{Three, Two};
pub(super) use square::{Square, gradient as gradient_of_squares, pack as pack_squares, run as squares};
pub(super) use weight::gradient;

use std::marker::PhantomData;

use rows::Rows;
use scheme::{ROWS, Scheme, Transform};

use super::direct::Sizes;
use super::plan::{Pass, Plan, SLACK};
use super::weight::{PANEL, panels};
use crate::Real;

/// Pixels of transformed rows that are laid out together.
const PIXELS: usize = 320;

/// What is multiplied at the points: columns of so many rows, or the whole kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernel {
    Two,
    Three,
    /// Three of three columns.
    Square(Square),
}

/// The scheme that makes a plan faster, if one does.
pub(super) fn kernel(plan: &Plan, sizes: Sizes) -> Option<Kernel> {
    if sizes.sources.min(sizes.targets) < 3 || sizes.sources * sizes.targets < 48 {
        return None;
    }
    if let Some(square) = Square::new(plan, sizes) {
        return Some(Kernel::Square(square));
    }
    let streams: Vec<Streams> = plan.passes.iter().map(|pass| Streams::new(plan, pass)).collect();
    let (kernel, points) = match streams.iter().map(|streams| streams.height).max()? {
        2 => (Kernel::Two, Two::POINTS),
        3 => (Kernel::Three, Three::POINTS),
        _ => return None,
    };
    let plain = |pass: &Pass| pass.rows * pass.taps.len();
    let fewer = |(pass, streams): (&Pass, &Streams)| pass.rows.div_ceil(ROWS) * points * streams.all.len();
    let (plain, fewer) =
        (plan.passes.iter().map(plain).sum::<usize>(), plan.passes.iter().zip(&streams).map(fewer).sum::<usize>());
    // The transforms take their share.
    (5 * fewer <= 4 * plain).then_some(kernel)
}

/// The columns of a pass's kernel.
pub(super) struct Streams {
    /// Line of the laid out images that the first row of the kernel sees at first.
    first: usize,
    /// Rows of the kernel.
    height: usize,
    all: Vec<Stream>,
}

/// A column of the kernel.
struct Stream {
    /// The copy of the image that it sees, and the column of it at first.
    copy: usize,
    column: usize,
    /// Its taps, by their place in the pass.
    taps: [Option<usize>; 3],
}

impl Streams {
    pub(super) fn new(plan: &Plan, pass: &Pass) -> Self {
        let rows = || pass.places.iter().map(|place| place[0]);
        let first = rows().min().unwrap_or_default();
        let height = rows().max().map_or(0, |last| last - first + 1);
        let mut all: Vec<Stream> = Vec::new();
        for (tap, (&[row, column], offset)) in pass.places.iter().zip(&pass.offsets).enumerate() {
            let copy = (offset - row * plan.pitch - column) / plan.plane;
            let at = all.iter().position(|stream| (stream.copy, stream.column) == (copy, column));
            let at = at.unwrap_or_else(|| {
                all.push(Stream { copy, column, taps: [None; 3] });
                all.len() - 1
            });
            if let Some(slot) = all[at].taps.get_mut(row - first) {
                *slot = Some(tap);
            }
        }
        Self { first, height, all }
    }

    /// For each channel and stream, where its number for the first pixel lies.
    fn offsets(&self, layout: &Layout, channels: usize) -> Vec<usize> {
        let one = |c| self.all.iter().map(move |s| (c * layout.copies + s.copy) * layout.channel + s.column);
        (0..channels).flat_map(one).collect()
    }
}

/// How transformed rows lie in memory: by point, channel, copy, image, four rows of the output.
struct Layout {
    pitch: usize,
    /// Copies of each image.
    copies: usize,
    /// Groups of four rows in an image.
    down: usize,
    /// Images side by side.
    together: usize,
    /// Numbers from one channel to the next; a multiple of 16.
    channel: usize,
}

impl Layout {
    fn new(plan: &Plan, images: usize) -> Self {
        let down = plan.passes.iter().map(|pass| pass.rows.div_ceil(ROWS)).max().unwrap_or(1);
        let image = down * plan.pitch;
        // As many as leave least of the last tile unused.
        let unused = |n: usize| (n * image).next_multiple_of(16) as f64 / (n * image) as f64;
        let most = (PIXELS / image).clamp(1, images);
        let together = (1..=most).rev().min_by(|&a, &b| unused(a).total_cmp(&unused(b))).unwrap_or(1);
        // An odd number of cache lines, or the channels would meet in a few places of the cache.
        let channel = ((together * image).div_ceil(16) | 1) * 16;
        Self { pitch: plan.pitch, copies: plan.channel / plan.plane, down, together, channel }
    }

    /// Pixels of an image, counted along the pitch.
    fn image(&self) -> usize {
        self.down * self.pitch
    }

    /// Numbers from one point to the next.
    fn point(&self, channels: usize) -> usize {
        channels * self.channel + SLACK
    }

    /// Length of a buffer for all points.
    fn buffer<K: Scheme>(&self, channels: usize) -> usize {
        K::POINTS * self.point(channels) + SLACK
    }

    /// Lays out Bᵀ d for the rows, from line `first` on, of each channel of images that are `apart`.
    ///
    /// Channel by channel, because a row is written somewhat beyond its end, which the next one then writes over.
    fn rows<T: Real, K: Scheme>(
        &self,
        plan: &Plan,
        first: usize,
        channels: usize,
        (images, apart): (&[T], usize),
        to: &mut [T],
    ) {
        let (size, point) = (plan.source[0] * plan.source[1], self.point(channels * self.copies));
        for c in 0..channels {
            for copy in 0..self.copies {
                let to = &mut to[(c * self.copies + copy) * self.channel..];
                let images = &images[c * size..];
                Rows::<T, K> { layout: self, plan, copy, first, images, apart, to, point, scheme: PhantomData }.run();
            }
        }
    }

    /// Lays out A g of each channel of such images in panels; `padded` stays zero around the image.
    fn grads<T: Real, K: Scheme>(
        &self,
        plan: &Plan,
        maps: usize,
        images: &[T],
        apart: usize,
        padded: &mut [T],
        to: &mut [T],
    ) {
        let (width, image) = (self.pitch * PANEL, plan.target[0] * plan.target[1]);
        let point = self.point(maps.next_multiple_of(PANEL));
        let pixels = self.down * ROWS * self.pitch;
        for (i, images) in images.chunks(apart).enumerate() {
            for (panel, g) in images[..maps * image].chunks(PANEL * image).enumerate() {
                if g.len() < PANEL * image {
                    padded.fill(T::ZERO);
                }
                panels(g, plan.target, self.pitch, pixels, padded);
                let to = &mut to[(panel * self.channel + i * self.image()) * PANEL..];
                Transform::<T, K>::new(self.down, width, padded, to, point).run();
            }
        }
    }
}
