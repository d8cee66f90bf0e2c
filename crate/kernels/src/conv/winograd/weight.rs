//! The gradient of the weight from products at the points.

use std::sync::atomic::{AtomicBool, Ordering};

use super::super::plan::Plan;
use super::super::weight::{Outer, PANEL, ordered_sum, piece, transposed};
use super::super::{Geometry, Sizes};
use super::range::even;
use super::scheme::{MOST, ROWS, Scheme};
use super::{Layout, Streams};
use crate::{Real, real, threads};

/// The gradient of W [out, in / groups, ...] for x [N, in, ...] and the gradient g of y [N, out, ...]; `None` if one of
/// them is not for this way.
pub(in super::super) fn gradient<T: Real, K: Scheme>(
    geometry: &Geometry,
    plan: &Plan,
    x: &[T],
    g: &[T],
) -> Option<Vec<T>> {
    let &Geometry { batch, groups, .. } = geometry;
    let Sizes { sources, targets, taps, .. } = Sizes::correlate(geometry);
    let (input, output) = (geometry.input() / groups, geometry.output() / groups);
    let [pass] = plan.passes.as_slice() else { return None };
    let streams = &Streams::new(plan, pass);
    let all_maps = targets.next_multiple_of(PANEL);
    let sums = sources * taps * all_maps;
    let each = piece(batch, groups * sums);
    let layout = &Layout::new(plan, each);
    let copies = sources * layout.copies;
    let offsets = streams.offsets(layout, sources);
    let offsets = offsets.as_slice();
    let mut partial = vec![T::ZERO; batch.div_ceil(each) * groups * sums];
    let uneven = AtomicBool::new(false);
    threads::run_chunks(&mut partial, groups * sums, |start, partial| {
        let first = start / (groups * sums) * each;
        let last = (first + each).min(batch);
        let mut padded_grads = vec![T::ZERO; layout.down * ROWS * layout.pitch * PANEL];
        let mut rows = vec![T::ZERO; layout.buffer::<K>(copies)];
        let mut grads = vec![T::ZERO; layout.buffer::<K>(all_maps)];
        let mut products = vec![T::ZERO; K::POINTS * offsets.len() * all_maps];
        for (group, partial) in partial.chunks_exact_mut(sums).enumerate() {
            if group > 0 {
                products.fill(T::ZERO);
            }
            for start in (first..last).step_by(layout.together) {
                let count = layout.together.min(last - start);
                let of = |one: usize| (start * groups + group) * one..(start + count) * groups * one;
                let (images, outputs) = (&x[of(input)], &g[of(output)]);
                let apart = |all: &[T], one: usize| all.chunks(groups * one).all(|image| even(&image[..one]));
                if !(apart(images, input) && apart(outputs, output)) {
                    return uneven.store(true, Ordering::Relaxed);
                }
                layout.rows::<T, K>(plan, streams.first, sources, (images, groups * input), &mut rows);
                layout.grads::<T, K>(plan, targets, outputs, groups * output, &mut padded_grads, &mut grads);
                for (point, sums) in products.chunks_exact_mut(offsets.len() * all_maps).enumerate() {
                    let images = &rows[point * layout.point(copies)..];
                    let grads = &grads[point * layout.point(all_maps)..];
                    let pixels = count * layout.image();
                    real::dispatch(Outer { offsets, pixels, images, grads, apart: layout.channel, sums });
                }
            }
            real::vectorized(
                #[inline(always)]
                || join::<T, K>(&products, streams, taps, all_maps, partial),
            );
        }
    });
    let sum = || transposed(&ordered_sum(partial, groups * sums), groups, sources * taps, all_maps, targets);
    (!uneven.into_inner()).then(sum)
}

/// Gᵀ of the products [points, channels, streams, maps]: [channels, taps, maps].
#[inline(always)]
fn join<T: Real, K: Scheme>(products: &[T], streams: &Streams, taps: usize, maps: usize, to: &mut [T]) {
    let point = products.len() / K::POINTS;
    let factors = K::G.map(|row| row.map(T::of));
    for (c, to) in to.chunks_exact_mut(taps * maps).enumerate() {
        for (s, stream) in streams.all.iter().enumerate() {
            let at = (c * streams.all.len() + s) * maps;
            let values: [&[T]; MOST] = std::array::from_fn(|i| &products[i.min(K::POINTS - 1) * point + at..][..maps]);
            for (row, tap) in stream.taps.iter().enumerate() {
                let Some(tap) = tap else { continue };
                for (m, to) in to[tap * maps..][..maps].iter_mut().enumerate() {
                    let mut sum = T::ZERO;
                    for (values, factors) in values.iter().zip(&factors) {
                        sum = values[m].mul_add(factors[row], sum);
                    }
                    *to = sum;
                }
            }
        }
    }
}
