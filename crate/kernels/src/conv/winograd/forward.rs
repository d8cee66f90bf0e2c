//! Products at all points, summed over channels, and joined to rows of the output.

use std::marker::PhantomData;

use pulp::{Simd, WithSimd};

use super::super::super::values::unwritten;
use super::super::direct::{self, PIECES, Piece, Sizes, most_rows, most_rows_in_use, tile, tile_of, vectors};
use super::super::plan::{Pass, Plan};
use super::range::even;
use super::scheme::{MOST, ROWS, Scheme};
use super::{Layout, Streams};
use crate::real::{load, store};
use crate::tiles::tiles;
use crate::{Real, real, threads};

/// Numbers of the sums at all points of a block of pixels, for the most rows.
const LONGEST: usize = MOST * 6 * 12 * 16;

/// Registers of pixels that are finished for all channels before the next ones: a multiple of every tile's. With twice the
/// rows half as many, or the sums would not stay in the first cache.
const fn block<T: Real, S: Simd>() -> usize {
    if most_rows::<T, S>() == 12 { 6 } else { 12 }
}

/// What a plan makes of a batch `x`.
pub(in super::super) fn run<T: Real, K: Scheme>(
    plan: &Plan,
    sizes: Sizes,
    batch: usize,
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
) -> Vec<T> {
    let Sizes { groups, sources, targets, .. } = sizes;
    let each = batch.div_ceil(PIECES);
    let layout = &Layout::new(plan, each);
    let streams: Vec<Streams> = plan.passes.iter().map(|pass| Streams::new(plan, pass)).collect();
    let packed: Vec<Vec<T>> =
        plan.passes.iter().zip(&streams).map(|(pass, streams)| pack::<T, K>(sizes, pass, streams, weight)).collect();
    let image = plan.target[0] * plan.target[1];
    let (input, output) = (x.len() / batch / groups, groups * targets * image);
    let furthest = streams.iter().map(|streams| streams.first).max().unwrap_or(0);
    // SAFETY: the passes of a plan tile the target, and all targets of all groups are gone through.
    let mut y = unsafe { unwritten(batch * output) };
    // Images that are not for this way.
    let mut uneven = vec![false; batch];
    threads::run_each(y.chunks_mut(each * output).zip(uneven.chunks_mut(each)), |i, (y, uneven)| {
        let mut padded = vec![T::ZERO; layout.copies * layout.padded::<K>(plan, furthest)];
        let mut rows = vec![T::ZERO; layout.buffer::<K>(sources * layout.copies)];
        let images = x[i * each * groups * input..].chunks(layout.together * groups * input);
        let pieces = y.chunks_mut(layout.together * output).zip(uneven.chunks_mut(layout.together));
        for (images, (y, uneven)) in images.zip(pieces) {
            let count = y.len() / output;
            // Here, because the images are then near when they are laid out.
            for (image, uneven) in images.chunks_exact(groups * input).zip(uneven) {
                *uneven = !even(image);
            }
            for group in 0..groups {
                let images = &images[group * input..count * groups * input];
                let mut laid_out = None;
                for ((pass, streams), packed) in plan.passes.iter().zip(&streams).zip(&packed) {
                    if laid_out.replace(streams.first) != Some(streams.first) {
                        let apart = groups * input;
                        layout.rows::<T, K>(plan, streams.first, sources, images, apart, &mut padded, &mut rows);
                    }
                    let weights = packed.len() / groups;
                    real::dispatch(Products::<T, K> {
                        layout,
                        count,
                        plan,
                        pass,
                        offsets: &streams.offsets(layout, sources),
                        targets,
                        rows: &rows,
                        point: layout.point(sources * layout.copies),
                        packed: &packed[group * weights..][..weights],
                        bias: bias.map(|bias| &bias[group * targets..][..targets]),
                        y: &mut y[group * targets * image..],
                        image: output,
                        scheme: PhantomData,
                    });
                }
            }
        }
    });
    let uneven: Vec<usize> = (0..batch).filter(|&i| uneven[i]).collect();
    if !uneven.is_empty() {
        let images = uneven.iter().map(|i| &x[i * groups * input..][..groups * input]).collect::<Vec<_>>().concat();
        let outputs = direct::run(plan, sizes, uneven.len(), &images, weight, bias);
        for (i, from) in uneven.into_iter().zip(outputs.chunks_exact(output)) {
            y[i * output..][..output].copy_from_slice(from);
        }
    }
    y
}

/// G w in the order in which it is used: by group, point, tile, source channel, stream, channel of the tile.
fn pack<T: Real, K: Scheme>(sizes: Sizes, pass: &Pass, streams: &Streams, weight: &[T]) -> Vec<T> {
    let Sizes { groups, sources, targets, taps, source, target } = sizes;
    let all = sources * targets * taps;
    assert!(weight.len() == groups * all);
    let (part, most) = (sources * targets * streams.all.len(), most_rows_in_use::<T>());
    let mut packed = vec![T::ZERO; groups * K::POINTS * part];
    threads::run_chunks(&mut packed, part, |start, packed| {
        let (group, point) = (start / part / K::POINTS, start / part % K::POINTS);
        let weight = &weight[group * all..][..all];
        let factors = K::G[point].map(T::of);
        real::vectorized(
            #[inline(always)]
            || {
                let mut packed = packed.iter_mut();
                let mut first = 0;
                for tile in tiles(targets, most) {
                    for c in 0..sources {
                        for stream in &streams.all {
                            // A row without a tap has the weight 0.
                            let taps = stream.taps.map(|tap| tap.map(|tap| pass.taps[tap]));
                            for (t, to) in (first..first + tile).zip(packed.by_ref()) {
                                let weight = &weight[t * target + c * source..];
                                for (tap, factor) in taps.iter().zip(factors) {
                                    if let Some(tap) = tap {
                                        *to = weight[*tap].mul_add(factor, *to);
                                    }
                                }
                            }
                        }
                    }
                    first += tile;
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
        let Self { offsets, targets, rows, packed, bias, point, .. } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let (most, block, depth) = (most_rows::<T, S>(), block::<T, S>() * lanes, offsets.len());
        let pixels = self.count * self.layout.image();
        let furthest = offsets.iter().max().map_or(0, |&last| last);
        assert!(
            (K::POINTS - 1) * point + furthest + pixels + 8 * lanes <= rows.len()
                && packed.len() == K::POINTS * depth * targets
        );
        let [height, width] = self.plan.target;
        let step = self.pass.step;
        // A register more, because the last of them may be read beyond its end.
        let mut sums = [T::ZERO; LONGEST + 16];
        let sums = &mut sums[..MOST * most * block + lanes];
        let mut quads = Vec::new();
        for start in (0..pixels).step_by(block) {
            let size = block.min(pixels - start);
            self.quads(start, size, &mut quads);
            let mut first = 0;
            for tall in tiles(targets, most) {
                for i in 0..K::POINTS {
                    let weights = &packed[i * depth * targets + first * depth..][..depth * tall];
                    let sums = &mut sums[i * most * block..][..most * block];
                    macro_rules! tiles {
                        ($rows:literal) => {
                            for p in (0..size).step_by(vectors::<T, S>($rows) * lanes) {
                                // SAFETY: a tile reads at most 8 registers from each offset on, which the assertion
                                // leaves room for; it writes its rows, each inside its block, of which its width is a
                                // divisor.
                                unsafe {
                                    let from = rows.as_ptr().add(i * point + start + p);
                                    let to = sums.as_mut_ptr().add(p);
                                    tile::<T, S, $rows>(simd, offsets, weights.as_ptr(), from, to, block);
                                }
                            }
                        };
                    }
                    tile_of!(tall, T, S, tiles);
                }
                for r in 0..tall {
                    let bias = bias.map_or(T::ZERO, |bias| bias[first + r]);
                    finish::<T, S, K>(simd, &mut sums[r * block..], most * block, size, bias);
                    for &Quad { piece: Piece { from, to, length }, image, rows, whole } in &quads {
                        let y = &mut self.y[image + (first + r) * height * width..][..height * width];
                        for k in 0..rows {
                            let piece = Piece { from, to: to + k * step[0] * width, length };
                            let sums = &sums[(k * most + r) * block..];
                            // Of a row that was begun in the last block, the next row was begun too.
                            piece.write::<T, S>(simd, sums, T::ZERO, step[1], y, whole && step == [1, 1]);
                        }
                    }
                }
                first += tall;
            }
        }
    }
}

/// Aᵀ of products at the points, `pitch` apart, plus b, in place of the first four.
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
