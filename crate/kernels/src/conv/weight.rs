//! The gradients of a convolution's weight and bias.
//!
//! Each is a sum, over pixels and images, of a moved image times the gradient of an output channel, both with the same
//! distance between their rows. Each piece of the batch has its own sums, which are added in order.

mod dots;
mod outer;
mod panels;

use dots::Correlations;
pub(super) use outer::Outer;
pub(super) use panels::{PANEL, images, panel, panels};

use super::Geometry;
use super::lines::lay_out;
use super::plan::{Plan, SLACK};
use crate::{Real, real, threads};

/// Pieces that a batch is shared out in, and the fewer ones where each has so many sums.
const PIECES: usize = 16;
const FEW_PIECES: usize = 8;
const MANY_SUMS: usize = 1 << 14;
/// Pixels after which adding up the lanes of a register costs little.
const PIXELS: usize = 2048;

/// Pieces of a batch for so many sums.
pub(super) fn piece(batch: usize, sums: usize) -> usize {
    batch.div_ceil(if sums < MANY_SUMS { PIECES } else { FEW_PIECES })
}

/// The gradient of W [out, in / groups, ...] for x [N, in, ...] and the gradient g of y [N, out, ...].
pub(super) fn gradient<T: Real>(geometry: &Geometry, plan: &Plan, x: &[T], g: &[T]) -> Vec<T> {
    let &Geometry { batch, groups, .. } = geometry;
    let maps = geometry.maps();
    let (input, output) = (geometry.input() / groups, geometry.output() / groups);
    let [pass] = plan.passes.as_slice() else { return Vec::new() };
    let [rows, columns] = plan.target;
    let pixels = pass.pixels(plan.pitch).next_multiple_of(16);
    let wide = Outer::<T>::fits(maps);
    let all_maps = if wide { maps.next_multiple_of(PANEL) } else { maps };
    let sums = all_maps * pass.offsets.len();
    let each = piece(batch, groups * sums);
    let together = if wide { 1 } else { PIXELS.div_ceil(pixels).min(each) };
    let mut partial = vec![T::ZERO; batch.div_ceil(each) * groups * sums];
    threads::run_chunks(&mut partial, groups * sums, |start, partial| {
        let first = start / (groups * sums) * each;
        let last = (first + each).min(batch);
        let mut images = vec![T::ZERO; together * plan.buffer];
        let mut grads = vec![T::ZERO; together * all_maps * pixels + SLACK];
        for (group, sums) in partial.chunks_exact_mut(sums).enumerate() {
            for start in (first..last).step_by(together) {
                let count = together.min(last - start);
                for i in 0..count {
                    let at = (start + i) * groups + group;
                    let (x, g) = (&x[at * input..][..input], &g[at * output..][..output]);
                    lay_out(plan, x, &mut images[i * plan.buffer..][..plan.buffer]);
                    if wide {
                        panels(g, plan.target, plan.pitch, pixels, &mut grads);
                        continue;
                    }
                    let grads = grads[i * maps * pixels..][..maps * pixels].chunks_exact_mut(pixels);
                    for (grads, g) in grads.zip(g.chunks_exact(rows * columns)) {
                        for (r, row) in g.chunks_exact(columns).enumerate() {
                            grads[r * plan.pitch..][..columns].copy_from_slice(row);
                        }
                    }
                }
                let (offsets, images, grads) = (&pass.offsets, &images, &grads);
                match wide {
                    true => {
                        let add = start > first;
                        real::dispatch(Outer { offsets, pixels, images, grads, apart: pixels, sums, add });
                    }
                    false => crate::dots::dispatch(Correlations {
                        offsets,
                        pixels,
                        count,
                        images,
                        image: plan.buffer,
                        grads,
                        maps,
                        sums,
                    }),
                }
            }
        }
    });
    let sums = ordered_sum(partial, groups * sums);
    if wide { transposed(&sums, groups, pass.offsets.len(), all_maps, maps) } else { sums }
}

/// [`gradient`] by its definition, of products that an output really is made of.
pub(super) fn plain<T: Real>(geometry: &Geometry, x: &[T], g: &[T]) -> Vec<T> {
    let &Geometry { batch, groups, axes: [down, across], .. } = geometry;
    let (channels, maps, taps) = (geometry.channels(), geometry.maps(), geometry.taps());
    let mut dw = vec![T::ZERO; groups * maps * channels * taps];
    threads::run_chunks(&mut dw, channels * taps, |start, dw| {
        let map = start / (channels * taps);
        let first = map / maps * channels;
        for (i, dw) in dw.iter_mut().enumerate() {
            let (c, tap) = (first + i / taps, i % taps);
            let (rows, top) = down.seen(tap / across.kernel);
            let (columns, left) = across.seen(tap % across.kernel);
            for n in 0..batch {
                let x = &x[(n * groups * channels + c) * down.input * across.input..];
                let g = &g[(n * groups * maps + map) * down.output * across.output..];
                for (line, row) in rows.clone().enumerate() {
                    let g = &g[row * across.output..][columns.clone()];
                    let x = &x[(top + line * down.stride) * across.input..][left..];
                    *dw += g.iter().zip(x.iter().step_by(across.stride)).map(|(&g, &x)| g * x).sum();
                }
            }
        }
    });
    dw
}

/// [groups, columns, rows] without the rows beyond `kept`, as [groups, kept, columns].
pub(super) fn transposed<T: Real>(x: &[T], groups: usize, columns: usize, rows: usize, kept: usize) -> Vec<T> {
    let mut y = vec![T::ZERO; groups * kept * columns];
    threads::run_chunks(&mut y, columns, |start, y| {
        let (group, row) = (start / columns / kept, start / columns % kept);
        let x = &x[group * columns * rows..][..columns * rows];
        y.iter_mut().zip(x[row..].iter().step_by(rows)).for_each(|(y, &x)| *y = x);
    });
    y
}

/// The sum of each channel of g [N, channels, ...].
pub(super) fn channel_sums<T: Real>(g: &[T], batch: usize, channels: usize) -> Vec<T> {
    let image = g.len() / batch / channels;
    let mut partial = vec![T::ZERO; batch * channels];
    let each = batch.div_ceil(PIECES) * channels;
    threads::run_chunks(&mut partial, each, |start, partial| {
        real::vectorized(
            #[inline(always)]
            || {
                for (sum, image) in partial.iter_mut().zip(g[start * image..].chunks_exact(image)) {
                    *sum = lanes_sum(image);
                }
            },
        );
    });
    ordered_sum(partial, channels)
}

/// The sum of a slice, in sixteen parts.
#[inline(always)]
fn lanes_sum<T: Real>(x: &[T]) -> T {
    let mut sums = [T::ZERO; 16];
    let pieces = x.chunks_exact(16);
    let rest = pieces.remainder();
    for piece in pieces {
        for (sum, &x) in sums.iter_mut().zip(piece) {
            *sum += x;
        }
    }
    rest.iter().copied().sum::<T>() + sums.into_iter().sum()
}

/// The sum of pieces of `length`, in order.
pub(super) fn ordered_sum<T: Real>(mut pieces: Vec<T>, length: usize) -> Vec<T> {
    let (sum, rest) = pieces.split_at_mut(length);
    real::vectorized(
        #[inline(always)]
        || {
            for piece in rest.chunks_exact(length) {
                sum.iter_mut().zip(piece).for_each(|(sum, &x)| *sum += x);
            }
        },
    );
    pieces.truncate(length);
    pieces
}
