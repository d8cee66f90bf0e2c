//! Sums of moved images, each times a weight.
//!
//! A tile of the result, some channels by some registers of pixels, stays in registers while all taps of all channels
//! are added up.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::super::values::{Parts, unwritten};
use super::Geometry;
use super::lines::lay_out;
use super::plan::{Pass, Plan};
use super::tile::{Tiles, most_rows, most_rows_in_use, shares};
use crate::real::{load, store};
use crate::tiles::tiles;
use crate::{Real, real, threads};

/// Registers of pixels that are finished for all channels before the next ones, so that they are read from the first
/// cache.
const BLOCK: usize = 24;
/// The most numbers in such a block.
const LONGEST: usize = 12 * BLOCK * 16;
/// Pieces that a batch is shared out in.
pub(super) const PIECES: usize = 16;

/// What is summed over, and where its weights are.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub groups: usize,
    /// Channels of a group that are summed over, and that come out.
    pub sources: usize,
    pub targets: usize,
    pub taps: usize,
    /// Distances in the weight from one such channel to the next.
    pub source: usize,
    pub target: usize,
}

impl Sizes {
    pub fn correlate(geometry: &Geometry) -> Self {
        let (channels, maps, taps) = (geometry.channels(), geometry.maps(), geometry.taps());
        Self { groups: geometry.groups, sources: channels, targets: maps, taps, source: taps, target: channels * taps }
    }

    pub fn spread(geometry: &Geometry) -> Self {
        let (channels, maps, taps) = (geometry.channels(), geometry.maps(), geometry.taps());
        Self { groups: geometry.groups, sources: maps, targets: channels, taps, source: channels * taps, target: taps }
    }
}

/// What a plan makes of a batch `x`, with the weights as [`pack`] gave them.
pub(super) fn run<T: Real>(
    plan: &Plan,
    sizes: Sizes,
    packed: &[T],
    batch: usize,
    x: &[T],
    bias: Option<&[T]>,
) -> Vec<T> {
    let Sizes { groups, targets, .. } = sizes;
    // Fewer than there are, if a stride skips some.
    let weights = packed.len() / groups;
    let image = plan.target[0] * plan.target[1];
    let output = groups * targets * image;
    let input = x.len() / batch / groups;
    let each = batch.div_ceil(PIECES);
    // SAFETY: the passes of a plan tile the target, and all targets of all groups are gone through.
    let mut y = unsafe { unwritten(batch * output) };
    {
        let pieces = batch.div_ceil(each);
        let shares = shares::<T>(targets, pieces);
        let y = Parts::new(&mut y);
        threads::run(pieces * shares.len(), |task| {
            let (piece, share) = (task / shares.len(), &shares[task % shares.len()]);
            let mut buffer = vec![T::ZERO; plan.buffer];
            for (i, group) in
                (piece * each..batch.min((piece + 1) * each)).flat_map(|i| (0..groups).map(move |g| (i, g)))
            {
                lay_out(plan, &x[(i * groups + group) * input..][..input], &mut buffer);
                let bias = bias.map(|bias| &bias[group * targets..][..targets]);
                let packed = &packed[group * weights..][..weights];
                // SAFETY: the targets of this image, group and share.
                let y = unsafe { y.part(i * output + (group * targets + share.start) * image, share.len() * image) };
                real::dispatch(Image { plan, targets, share, buffer: &buffer, packed, bias, y });
            }
        });
    }
    y
}

/// Computes some images of a batch `x` once more, in place of what another way made of them.
pub(super) fn replace<T: Real>(
    (plan, sizes): (&Plan, Sizes),
    images: &[usize],
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    y: &mut [T],
) {
    if images.is_empty() {
        return;
    }
    let input = sizes.groups * sizes.sources * plan.source[0] * plan.source[1];
    let output = sizes.groups * sizes.targets * plan.target[0] * plan.target[1];
    let from = images.iter().map(|i| &x[i * input..][..input]).collect::<Vec<_>>().concat();
    let outputs = run(plan, sizes, &pack(plan, sizes, weight), images.len(), &from, bias);
    for (i, from) in images.iter().zip(outputs.chunks_exact(output)) {
        y[i * output..][..output].copy_from_slice(from);
    }
}

/// The weights in the order in which they are used: by group, pass, tile, source channel, tap, channel of the tile.
pub(super) fn pack<T: Real>(plan: &Plan, sizes: Sizes, weight: &[T]) -> Vec<T> {
    let Sizes { groups, sources, targets, taps, source, target } = sizes;
    assert!(weight.len() == groups * sources * targets * taps);
    let most = most_rows_in_use::<T>();
    let mut packed = Vec::with_capacity(weight.len());
    for weight in weight.chunks_exact(sources * targets * taps) {
        for pass in &plan.passes {
            let mut first = 0;
            for rows in tiles(targets, most) {
                for c in 0..sources {
                    for tap in &pass.taps {
                        packed.extend((first..first + rows).map(|t| weight[t * target + c * source + tap]));
                    }
                }
                first += rows;
            }
        }
    }
    packed
}

/// One image of one group.
struct Image<'a, T> {
    plan: &'a Plan,
    targets: usize,
    /// Those that are made; y begins with the first of them.
    share: &'a Range<usize>,
    buffer: &'a [T],
    packed: &'a [T],
    bias: Option<&'a [T]>,
    y: &'a mut [T],
}

impl<T: Real> WithSimd for Image<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { plan, targets, share, buffer, mut packed, bias, y } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let block = BLOCK * lanes;
        let image = plan.target[0] * plan.target[1];
        assert!(
            share.len() * image <= y.len()
                && targets * plan.passes.iter().map(|p| p.offsets.len()).sum::<usize>() <= packed.len()
        );
        // A register more, because the last of them may be read beyond its end.
        let mut sums = [T::ZERO; LONGEST + 16];
        let sums = &mut sums[..(most_rows::<T, S>() * BLOCK + 1) * lanes];
        let mut pieces = Vec::new();
        for pass in &plan.passes {
            let depth = pass.offsets.len();
            let (weights, rest) = packed.split_at(depth * targets);
            packed = rest;
            let pixels = pass.pixels(plan.pitch);
            let furthest = pass.offsets.iter().max().map_or(0, |&last| last);
            assert!(furthest + pixels + lanes <= buffer.len() + 1);
            for start in (0..pixels).step_by(block) {
                let count = block.min(pixels - start);
                pass.pieces(plan, start, count, &mut pieces);
                let (mut first, mut weights) = (0, weights);
                for rows in tiles(targets, most_rows::<T, S>()) {
                    if !share.contains(&first) {
                        weights = &weights[depth * rows..];
                        first += rows;
                        continue;
                    }
                    // SAFETY: tiles read as far as the last register of pixels from each offset on, for which there is
                    // room by the assertion, as many weights as there are, and write inside the rows of the block.
                    unsafe {
                        Tiles {
                            offsets: &pass.offsets,
                            weights: weights.as_ptr(),
                            rows,
                            pixels: count,
                            from: buffer.as_ptr().add(start),
                            to: sums.as_mut_ptr(),
                            pitch: block,
                        }
                        .run(simd);
                    }
                    for r in 0..rows {
                        let bias = bias.map_or(T::ZERO, |bias| bias[first + r]);
                        let y = &mut y[(first + r - share.start) * image..][..image];
                        let sums = &sums[r * block..];
                        for piece in &pieces {
                            piece.write::<T, S>(simd, sums, bias, pass.step[1], y, pass.step == [1, 1]);
                        }
                    }
                    weights = &weights[depth * rows..];
                    first += rows;
                }
            }
        }
    }
}

/// Pixels of a block that lie beside one another in a row of the target; those between two rows belong nowhere.
pub(super) struct Piece {
    /// The first of them, in the block and in the target.
    pub from: usize,
    pub to: usize,
    pub length: usize,
}

impl Pass {
    /// Finds the pieces of the `count` pixels from `start` on, counted along the pitch.
    fn pieces(&self, plan: &Plan, start: usize, count: usize, pieces: &mut Vec<Piece>) {
        let [top, left] = self.start;
        let [down, across] = self.step;
        pieces.clear();
        for i in start / plan.pitch..=(start + count - 1) / plan.pitch {
            let row = i * plan.pitch;
            let (from, end) = (row.max(start), (row + self.columns).min(start + count));
            if from < end {
                let to = (top + i * down) * plan.target[1] + left + (from - row) * across;
                pieces.push(Piece { from: from - start, to, length: end - from });
            }
        }
    }
}

impl Piece {
    /// Writes the piece's sums plus b to every `step`-th number of the target; with `spill`, what follows in the target
    /// may be written over, as it is when it is written later.
    #[inline(always)]
    pub fn write<T: Real, S: Simd>(&self, simd: S, sums: &[T], bias: T, step: usize, target: &mut [T], spill: bool) {
        let &Self { from, to, length } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        assert!(from + length + lanes - 1 <= sums.len() && to + (length - 1) * step < target.len());
        let room = if step > 1 { 0 } else { if spill { target.len() - to } else { length } };
        let (one, plus) = (T::splat(simd, T::ONE), T::splat(simd, bias));
        // SAFETY: by the assertion.
        unsafe {
            let (from, to) = (sums.as_ptr().add(from), target.as_mut_ptr().add(to));
            let mut x = 0;
            while x < length && x + lanes <= room {
                store::<T, S>(to.add(x), T::fma(simd, one, load::<T, S>(from.add(x)), plus));
                x += lanes;
            }
            while x < length {
                *to.add(x * step) = *from.add(x) + bias;
                x += 1;
            }
        }
    }
}
