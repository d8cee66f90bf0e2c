//! Products at all points, summed over channels, and joined to rows of the output.

use std::marker::PhantomData;
use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::super::super::values::{Parts, unwritten};
use super::super::direct::{self, PIECES, Piece, Sizes};
use super::super::plan::{Pass, Plan};
use super::super::tile::{Tiles, most_rows, most_rows_in_use, shares};
use super::super::way::Way;
use super::range::even;
use super::scheme::{MOST, ROWS, Scheme};
use super::{Layout, Streams};
use crate::real::{load, store};
use crate::tiles::tiles;
use crate::{Real, real, threads};

/// Numbers of the sums at all points of a block of pixels, which stay in the first cache: the block is as long as it may be.
const SUMS: usize = 6912;

/// What a way makes of a batch `x`.
pub(in super::super) fn run<T: Real, K: Scheme>(
    way: &Way<T>,
    batch: usize,
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
) -> Vec<T> {
    let &Way { ref plan, sizes, ref streams, ref packed, .. } = way;
    let Sizes { groups, sources, targets, .. } = sizes;
    let each = batch.div_ceil(PIECES);
    let layout = &Layout::new(plan, each);
    let image = plan.target[0] * plan.target[1];
    let (input, output) = (x.len() / batch / groups, groups * targets * image);
    // SAFETY: the passes of a plan tile the target, and all targets of all groups are gone through.
    let mut y = unsafe { unwritten(batch * output) };
    // Images that are not for this way.
    let mut uneven = vec![false; batch];
    {
        let pieces = batch.div_ceil(each);
        let shares = shares::<T>(targets, pieces);
        let (y, uneven) = (Parts::new(&mut y), Parts::new(&mut uneven));
        threads::run(pieces * shares.len(), |task| {
            let (piece, share) = (task / shares.len(), &shares[task % shares.len()]);
            let mut rows = vec![T::ZERO; layout.buffer::<K>(sources * layout.copies)];
            let end = batch.min((piece + 1) * each);
            for first in (piece * each..end).step_by(layout.together) {
                let count = layout.together.min(end - first);
                let images = &x[first * groups * input..][..count * groups * input];
                if share.start == 0 {
                    // SAFETY: images of this piece, in its first share alone.
                    let uneven = unsafe { uneven.part(first, count) };
                    // Here, because the images are then near when they are laid out.
                    for (image, uneven) in images.chunks_exact(groups * input).zip(uneven) {
                        *uneven = !even(image);
                    }
                }
                for group in 0..groups {
                    let images = &images[group * input..];
                    let start = first * output + (group * targets + share.start) * image;
                    // SAFETY: targets of this piece; those of other shares lie between them only where there are no others.
                    let y = unsafe { y.part(start, (count - 1) * output + share.len() * image) };
                    let mut laid_out = None;
                    for ((pass, streams), packed) in plan.passes.iter().zip(streams).zip(packed) {
                        if laid_out.replace(streams.first) != Some(streams.first) {
                            layout.rows::<T, K>(plan, streams.first, sources, (images, groups * input), &mut rows);
                        }
                        let weights = packed.len() / groups;
                        real::dispatch(Products::<T, K> {
                            layout,
                            count,
                            plan,
                            pass,
                            offsets: &streams.offsets(layout, sources),
                            targets,
                            share,
                            rows: &rows,
                            point: layout.point(sources * layout.copies),
                            packed: &packed[group * weights..][..weights],
                            bias: bias.map(|bias| &bias[group * targets..][..targets]),
                            y: &mut *y,
                            image: output,
                            scheme: PhantomData,
                        });
                    }
                }
            }
        });
    }
    let uneven: Vec<usize> = (0..batch).filter(|&i| uneven[i]).collect();
    direct::replace((plan, sizes), &uneven, x, weight, bias, &mut y);
    y
}

/// G w for each pass of a plan.
pub(in super::super) fn pack<T: Real, K: Scheme>(
    plan: &Plan,
    sizes: Sizes,
    streams: &[Streams],
    weight: &[T],
) -> Vec<Vec<T>> {
    plan.passes.iter().zip(streams).map(|(pass, streams)| pack_pass::<T, K>(sizes, pass, streams, weight)).collect()
}

/// G w in the order in which it is used: by group, point, tile, source channel, stream, channel of the tile.
fn pack_pass<T: Real, K: Scheme>(sizes: Sizes, pass: &Pass, streams: &Streams, weight: &[T]) -> Vec<T> {
    let Sizes { groups, sources, targets, taps, source, target } = sizes;
    let all = sources * targets * taps;
    assert!(weight.len() == groups * all);
    let (depth, most) = (sources * streams.all.len(), most_rows_in_use::<T>());
    let part = depth * targets;
    // SAFETY: all channels of all streams at all points are gone through.
    let mut packed = unsafe { unwritten(groups * K::POINTS * part) };
    let parts = Parts::new(&mut packed);
    let factors = K::G.map(|row| row.map(T::of));
    threads::run(groups * sources, |task| {
        let (group, c) = (task / sources, task % sources);
        let weight = &weight[group * all + c * source..][..all - c * source];
        // By tap, so that numbers of all target channels lie beside one another.
        let mut turned = vec![T::ZERO; taps * targets];
        let mut row = vec![T::ZERO; targets];
        real::vectorized(
            #[inline(always)]
            || {
                for (t, weight) in weight.chunks(target).take(targets).enumerate() {
                    for (turned, &w) in turned[t..].iter_mut().step_by(targets).zip(weight) {
                        *turned = w;
                    }
                }
                for (s, stream) in streams.all.iter().enumerate() {
                    for (point, factors) in factors.iter().take(K::POINTS).enumerate() {
                        row.fill(T::ZERO);
                        // A row without a tap has the weight 0.
                        for (tap, &factor) in stream.taps.iter().zip(factors) {
                            let Some(tap) = tap else { continue };
                            let weights = &turned[pass.taps[*tap] * targets..][..targets];
                            row.iter_mut().zip(weights).for_each(|(sum, &w)| *sum = w.mul_add(factor, *sum));
                        }
                        let mut first = 0;
                        for tile in tiles(targets, most) {
                            let at = (group * K::POINTS + point) * part + first * depth;
                            // SAFETY: a source channel belongs to one task.
                            let to = unsafe { parts.part(at + (c * streams.all.len() + s) * tile, tile) };
                            to.copy_from_slice(&row[first..first + tile]);
                            first += tile;
                        }
                    }
                }
            },
        );
    });
    packed
}

/// What one pass makes of rows that are laid out.
struct Products<'a, T, K> {
    layout: &'a Layout,
    /// Images that are laid out.
    count: usize,
    plan: &'a Plan,
    pass: &'a Pass,
    offsets: &'a [usize],
    targets: usize,
    /// Those that are made; y begins with the first of them.
    share: &'a Range<usize>,
    rows: &'a [T],
    /// Numbers of the rows from one point to the next.
    point: usize,
    packed: &'a [T],
    bias: Option<&'a [T]>,
    y: &'a mut [T],
    /// Numbers of y from one image to the next.
    image: usize,
    scheme: PhantomData<K>,
}

/// Pixels of a block in one group of four rows.
struct Quad {
    piece: Piece,
    /// Where the image begins.
    image: usize,
    /// Rows that there are.
    rows: usize,
    /// Whether the rows begin in this block.
    whole: bool,
}

impl Quad {
    /// Writes Aᵀ of the products at the points, `pitch` apart, plus b, to rows of y that are `width` apart.
    #[inline(always)]
    fn join<T: Real, S: Simd, K: Scheme>(&self, simd: S, sums: &[T], pitch: usize, bias: T, y: &mut [T], width: usize) {
        let &Quad { piece: Piece { from, to, length }, rows, whole, .. } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        assert!(
            (K::POINTS - 1) * pitch + from + length.next_multiple_of(lanes) <= sums.len()
                && to + (rows - 1) * width + length <= y.len()
                && length > 0
        );
        let bias = T::splat(simd, bias);
        let (from, to, end) = (sums.as_ptr().wrapping_add(from), y.as_mut_ptr().wrapping_add(to), y.len() - to);
        // From the end on: what is written beyond a row is the start of the next, which then is written over. Of a row that
        // was begun in the last block, the next row was begun too.
        for x in (0..length).step_by(lanes).rev() {
            // SAFETY: by the assertion.
            unsafe {
                let m = std::array::from_fn(|i| load::<T, S>(from.add(i.min(K::POINTS - 1) * pitch + x)));
                let joined = K::join::<T, S>(simd, m, bias);
                for (k, &row) in joined.iter().enumerate().take(rows) {
                    let at = k * width + x;
                    if x + lanes <= length || whole && at + lanes <= end {
                        store::<T, S>(to.add(at), row);
                    } else {
                        T::store_part(simd, std::slice::from_raw_parts_mut(to.add(at), length - x), row);
                    }
                }
            }
        }
    }
}

impl<T: Real, K: Scheme> Products<'_, T, K> {
    /// Finds the pixels of the block from `start` on that belong somewhere.
    fn quads(&self, start: usize, size: usize, quads: &mut Vec<Quad>) {
        let (pitch, down) = (self.layout.pitch, self.layout.down);
        let Pass { rows, columns, start: [top, left], step: [vertical, across], .. } = *self.pass;
        quads.clear();
        for u in start / pitch..=(start + size - 1) / pitch {
            let (from, end) = ((u * pitch).max(start), (u * pitch + columns).min(start + size));
            let (i, row) = (u / down, u % down * ROWS);
            if from < end && row < rows {
                let to = (top + row * vertical) * self.plan.target[1] + left + (from - u * pitch) * across;
                let piece = Piece { from: from - start, to, length: end - from };
                let rows = ROWS.min(rows - row);
                quads.push(Quad { piece, image: i * self.image, rows, whole: from == u * pitch });
            }
        }
    }
}

impl<T: Real, K: Scheme> WithSimd for Products<'_, T, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { offsets, targets, share, rows, packed, bias, point, .. } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let depth = offsets.len();
        let most = tiles(targets, most_rows::<T, S>()).next().unwrap_or(1);
        let block = (SUMS / (MOST * most * lanes * 2)).max(1) * lanes * 2;
        let pixels = self.count * self.layout.image();
        let furthest = offsets.iter().max().map_or(0, |&last| last);
        assert!(
            (K::POINTS - 1) * point + furthest + pixels + lanes <= rows.len() + 1
                && packed.len() == K::POINTS * depth * targets
        );
        let [height, width] = self.plan.target;
        let step = self.pass.step;
        // A register more, because the last of them may be read beyond its end.
        let mut sums = [T::ZERO; SUMS + 16];
        let sums = &mut sums[..MOST * most * block + lanes];
        let mut quads = Vec::new();
        for start in (0..pixels).step_by(block) {
            let size = block.min(pixels - start);
            self.quads(start, size, &mut quads);
            let mut first = 0;
            for tall in tiles(targets, most) {
                if !share.contains(&first) {
                    first += tall;
                    continue;
                }
                for i in 0..K::POINTS {
                    let weights = &packed[i * depth * targets + first * depth..][..depth * tall];
                    let sums = &mut sums[i * most * block..][..most * block];
                    // SAFETY: tiles read as far as the last register of pixels from each offset on, for which there is
                    // room by the assertion, as many weights as there are, and write inside the rows of the block.
                    unsafe {
                        Tiles {
                            offsets,
                            weights: weights.as_ptr(),
                            rows: tall,
                            pixels: size,
                            from: rows.as_ptr().add(i * point + start),
                            to: sums.as_mut_ptr(),
                            pitch: block,
                        }
                        .run(simd);
                    }
                }
                for r in 0..tall {
                    let bias = bias.map_or(T::ZERO, |bias| bias[first + r]);
                    let sums = &mut sums[r * block..];
                    if step != [1, 1] {
                        finish::<T, S, K>(simd, sums, most * block, size, bias);
                    }
                    for quad in &quads {
                        let y =
                            &mut self.y[quad.image + (first + r - share.start) * height * width..][..height * width];
                        match step {
                            [1, 1] => quad.join::<T, S, K>(simd, sums, most * block, bias, y, width),
                            [down, across] => {
                                let Piece { from, to, length } = quad.piece;
                                for k in 0..quad.rows {
                                    let piece = Piece { from, to: to + k * down * width, length };
                                    piece.write::<T, S>(simd, &sums[k * most * block..], T::ZERO, across, y, false);
                                }
                            }
                        }
                    }
                }
                first += tall;
            }
        }
    }
}

/// Aᵀ of products at the points, `pitch` apart, plus b, in place of the first four: for outputs that are not beside one
/// another.
#[inline(always)]
fn finish<T: Real, S: Simd, K: Scheme>(simd: S, sums: &mut [T], pitch: usize, size: usize, bias: T) {
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    assert!((K::POINTS - 1) * pitch + size.next_multiple_of(lanes) <= sums.len());
    let bias = T::splat(simd, bias);
    for x in (0..size).step_by(lanes) {
        // SAFETY: by the assertion.
        unsafe {
            let at = sums.as_mut_ptr().add(x);
            let m = std::array::from_fn(|i| load::<T, S>(at.add(i.min(K::POINTS - 1) * pitch)));
            for (k, row) in K::join::<T, S>(simd, m, bias).into_iter().enumerate() {
                store::<T, S>(at.add(k * pitch), row);
            }
        }
    }
}
