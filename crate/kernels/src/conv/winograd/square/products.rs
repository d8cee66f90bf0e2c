//! Products at all points, summed over channels, and joined to squares of the output.

use pulp::{Simd, WithSimd};

use super::super::super::direct::{self, Sizes};
use super::super::super::tile::most_rows;
use super::super::super::way::Way;
use super::super::super::weight::{PANEL, images};
use super::super::range::even;
use super::super::scheme::{MOST, ROWS, Scheme, Three};
use super::points::{Images, lay_out};
use super::{BLOCK, Layout, POINTS, Part, Square};
use crate::real::{load, store};
use crate::tiles::tiles;
use crate::values::{Parts, unwritten};
use crate::{Real, real, threads};

/// Numbers at the points that are computed together, in one half of a second cache of 512 kB.
const NUMBERS: usize = 1 << 16;

/// What a way makes of a batch `x`.
pub(in super::super::super) fn run<T: Real>(
    way: &Way<T>,
    square: &Square,
    batch: usize,
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
) -> Vec<T> {
    let Sizes { groups, sources, targets, .. } = way.sizes;
    let (input, output) = (groups * sources * square.source(), groups * targets * square.target());
    let layout = Layout::new(BLOCK, sources);
    let weights = way.packed[0].len() / groups;
    let most = (NUMBERS / (POINTS * layout.panels * PANEL)).max(2 * BLOCK);
    // No fewer parts than threads.
    let most = most.min((batch * square.squares[0] * square.squares[1]).div_ceil(threads::count()));
    let parts = square.parts(0, batch, most);
    // SAFETY: parts have all squares of all images, and these all of the target.
    let mut y = unsafe { unwritten(batch * output) };
    // Images that are not for this way.
    let mut uneven = vec![false; batch];
    {
        let (y, uneven) = (Parts::new(&mut y), Parts::new(&mut uneven));
        threads::run(parts.len(), |task| {
            let part = &parts[task];
            let x = &x[part.image * input..][..part.images * input];
            if part.row == 0 {
                // SAFETY: images of this part, in its first rows alone.
                let uneven = unsafe { uneven.part(part.image, part.images) };
                for (image, uneven) in x.chunks_exact(input).zip(uneven) {
                    *uneven = !even(image);
                }
            }
            // SAFETY: of each square all points are written before they are read.
            let mut points = unsafe { unwritten(layout.buffer(part.squares(square))) };
            for group in 0..groups {
                let images = (&x[group * sources * square.source()..], sources, input);
                lay_out::<T, Images>(square, part, images, (square.source, square.lead), layout, &mut points);
                real::dispatch(Products {
                    square,
                    part,
                    layout,
                    sources,
                    targets,
                    points: &points,
                    packed: &way.packed[0][group * weights..][..weights],
                    bias: bias.map(|bias| &bias[group * targets..][..targets]),
                    y: &y,
                    first: part.image * output + group * targets * square.target(),
                    apart: output,
                });
            }
        });
    }
    let uneven: Vec<usize> = (0..batch).filter(|&i| uneven[i]).collect();
    direct::replace((&way.plan, way.sizes), &uneven, x, weight, bias, &mut y);
    y
}

/// The outputs of one group of a part.
struct Products<'a, T> {
    square: &'a Square,
    part: &'a Part,
    layout: Layout,
    sources: usize,
    targets: usize,
    points: &'a [T],
    packed: &'a [T],
    bias: Option<&'a [T]>,
    y: &'a Parts<'a, T>,
    /// Where the first image of the part begins in y, and how far the next is.
    first: usize,
    apart: usize,
}

impl<T: Real> WithSimd for Products<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { square, part, layout, sources, targets, points, packed, .. } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let squares = part.squares(square);
        let panels = targets.div_ceil(PANEL);
        assert!(
            PANEL.is_multiple_of(lanes)
                && layout.buffer(squares) <= points.len()
                && packed.len() == panels * POINTS * sources * PANEL
        );
        // Two registers of channels at a time, or a panel.
        let together = (2 * lanes).div_ceil(PANEL);
        let pixels = part.lines(square) * square.target[1];
        // SAFETY: all that is read is written before.
        let mut sums: Vec<T> = unsafe { unwritten(POINTS * (BLOCK * together + 1) * PANEL) };
        // SAFETY: likewise.
        let mut outputs: Vec<T> = unsafe { unwritten(part.images * together * pixels * PANEL) };
        for panel in (0..panels).step_by(together) {
            let together = together.min(panels - panel);
            let width = together * PANEL;
            let pitch = (BLOCK * together + 1) * PANEL;
            for start in (0..squares).step_by(BLOCK) {
                let size = BLOCK.min(squares - start);
                for point in 0..POINTS {
                    let from = points[layout.square(start) + point * layout.point()..].as_ptr();
                    let weights = |v: usize| {
                        let (panel, part) = (panel + v * lanes / PANEL, v * lanes % PANEL);
                        packed[(panel * POINTS + point) * sources * PANEL + part..].as_ptr()
                    };
                    for v in (0..width / lanes).step_by(2) {
                        let vectors = 2.min(width / lanes - v);
                        let mut s = 0;
                        for rows in tiles(size, most_rows::<T, S>()) {
                            // SAFETY: the block has its squares at each point and in each panel, the weights so many
                            // source channels, and the sums a row for each square.
                            unsafe {
                                Sums {
                                    rows,
                                    vectors,
                                    depth: sources,
                                    from: from.add(s * PANEL),
                                    panel: layout.panel(),
                                    weights: [weights(v), weights(v + vectors - 1)],
                                    to: sums.as_mut_ptr().add(point * pitch + s * width + v * lanes),
                                    width,
                                }
                                .run(simd);
                            }
                            s += rows;
                        }
                    }
                }
                for s in 0..size {
                    self.fetch(panel, together, start + s);
                    self.join(simd, panel, start + s, &sums[s * width..], (pitch, width), &mut outputs, pixels);
                }
            }
            for i in 0..part.images {
                for p in 0..together {
                    let first = (panel + p) * PANEL;
                    let from = &outputs[(i * together + p) * pixels * PANEL..][..pixels * PANEL];
                    let at = |c| self.first + i * self.apart + c * square.target() + part.row * ROWS * square.target[1];
                    // SAFETY: rows of channels that this part alone has.
                    let to = (first..targets.min(first + PANEL)).map(|c| unsafe { self.y.part(at(c), pixels) });
                    images(from, &mut to.collect::<Vec<_>>());
                }
            }
        }
    }
}

impl<T: Real> Products<'_, T> {
    /// Asks for as many numbers of the outputs as a square has, so that they are near when they are written.
    #[inline(always)]
    fn fetch(&self, panel: usize, together: usize, s: usize) {
        let Self { square, part, .. } = self;
        let squares = part.squares(square) / part.images;
        let (i, pixel) = (s / squares, s % squares * ROWS * ROWS);
        if pixel < part.lines(square) * square.target[1] {
            let first = self.first + i * self.apart + part.row * ROWS * square.target[1] + pixel;
            for c in panel * PANEL..self.targets.min((panel + together) * PANEL) {
                // SAFETY: of a channel that this part alone has.
                real::prefetch_all(unsafe { self.y.part(first + c * square.target(), 1) });
            }
        }
    }

    /// Aᵀ m A + b of one square, where `sums` begins, to the outputs by pixel and channel.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn join<S: Simd>(
        &self,
        simd: S,
        panel: usize,
        s: usize,
        sums: &[T],
        (pitch, width): (usize, usize),
        outputs: &mut [T],
        pixels: usize,
    ) {
        let Self { square, part, .. } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let [_, across] = square.squares;
        let (image, row, column) = (s / (part.rows * across), s / across % part.rows * ROWS, s % across * ROWS);
        let rows = ROWS.min(part.lines(square) - row);
        let columns = ROWS.min(square.target[1] - column);
        let together = width / PANEL;
        assert!((POINTS - 1) * pitch + width <= sums.len());
        let zero = T::splat(simd, T::ZERO);
        for v in (0..width).step_by(lanes) {
            let bias = match self.bias.and_then(|bias| bias.get(panel * PANEL + v..)) {
                Some(bias) => T::load_part(simd, &bias[..lanes.min(bias.len())]),
                None => zero,
            };
            let sums = sums[v..].as_ptr();
            // Written out, as below: in loops LLVM would keep the registers in memory.
            macro_rules! column {
                ($j:literal) => {{
                    // SAFETY: by the assertion.
                    let m = |i: usize| unsafe { load::<T, S>(sums.add((i * MOST + $j) * pitch)) };
                    Three::join::<T, S>(simd, [m(0), m(1), m(2), m(3), m(4), m(5)], zero)
                }};
            }
            let half = [column!(0), column!(1), column!(2), column!(3), column!(4), column!(5)];
            let to = &mut outputs[(image * together + v / PANEL) * pixels * PANEL..][..pixels * PANEL];
            macro_rules! row {
                ($r:literal) => {
                    if $r < rows {
                        let half = [half[0][$r], half[1][$r], half[2][$r], half[3][$r], half[4][$r], half[5][$r]];
                        let values = Three::join::<T, S>(simd, half, bias);
                        let first = ((row + $r) * square.target[1] + column) * PANEL + v % PANEL;
                        let to = to[first..][..(columns - 1) * PANEL + lanes].as_mut_ptr();
                        // SAFETY: the last of them ends where the slice does.
                        unsafe {
                            store::<T, S>(to, values[0]);
                            if columns > 1 {
                                store::<T, S>(to.add(PANEL), values[1]);
                            }
                            if columns > 2 {
                                store::<T, S>(to.add(2 * PANEL), values[2]);
                            }
                            if columns > 3 {
                                store::<T, S>(to.add(3 * PANEL), values[3]);
                            }
                        }
                    }
                };
            }
            row!(0);
            row!(1);
            row!(2);
            row!(3);
        }
    }
}

/// Sums over the source channels for some squares, and one or two registers of target channels.
struct Sums<T> {
    rows: usize,
    vectors: usize,
    depth: usize,
    /// The first channel of the first square; the next square is a panel further.
    from: *const T,
    /// Numbers from one panel of source channels to the next.
    panel: usize,
    /// Of each register; the next source channel is a panel further.
    weights: [*const T; 2],
    to: *mut T,
    /// Numbers from one square of the sums to the next.
    width: usize,
}

impl<T: Real> Sums<T> {
    /// # Safety
    /// So much may be read, and written.
    #[inline(always)]
    unsafe fn run<S: Simd>(self, simd: S) {
        // A function of its own: it is compiled once.
        simd.vectorize(self);
    }
}

impl<T: Real> WithSimd for Sums<T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let many = most_rows::<T, S>() > 6;
        macro_rules! tile {
            ($rows:literal) => {
                match self.vectors {
                    2 => tile::<T, S, $rows, 2>(simd, &self),
                    _ => tile::<T, S, $rows, 1>(simd, &self),
                }
            };
        }
        // SAFETY: as the caller of `run` promised.
        unsafe {
            match self.rows {
                12 if many => tile!(12),
                11 if many => tile!(11),
                10 if many => tile!(10),
                9 if many => tile!(9),
                8 if many => tile!(8),
                7 if many => tile!(7),
                6 => tile!(6),
                5 => tile!(5),
                4 => tile!(4),
                3 => tile!(3),
                2 => tile!(2),
                _ => tile!(1),
            }
        }
    }
}

/// # Safety
/// That of [`Sums::run`].
#[inline(always)]
unsafe fn tile<T: Real, S: Simd, const ROWS: usize, const VECTORS: usize>(simd: S, of: &Sums<T>) {
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    let mut sums = [[T::splat(simd, T::ZERO); VECTORS]; ROWS];
    let (mut from, mut weights, mut left) = (of.from, of.weights, of.depth);
    // SAFETY: the caller's promise.
    unsafe {
        while left > 0 {
            let channels = left.min(PANEL);
            for c in 0..channels {
                let mut w = [T::splat(simd, T::ZERO); VECTORS];
                for (w, weights) in w.iter_mut().zip(weights) {
                    *w = load::<T, S>(weights.add(c * PANEL));
                }
                for (r, sums) in sums.iter_mut().enumerate() {
                    let x = T::splat(simd, *from.add(r * PANEL + c));
                    for (sum, w) in sums.iter_mut().zip(w) {
                        *sum = T::fma(simd, x, w, *sum);
                    }
                }
            }
            left -= channels;
            from = from.wrapping_add(of.panel);
            weights = [weights[0].wrapping_add(PANEL * PANEL), weights[1].wrapping_add(PANEL * PANEL)];
        }
        for (r, sums) in sums.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                store::<T, S>(of.to.add(r * of.width + v * lanes), sum);
            }
        }
    }
}
