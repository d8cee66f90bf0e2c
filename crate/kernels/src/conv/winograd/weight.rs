//! The gradient of the weight from products at the points.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};

use pulp::{Simd, WithSimd};

use super::super::plan::Plan;
use super::super::weight::{Outer, PANEL, ordered_sum, piece, transposed};
use super::super::{Geometry, Sizes};
use super::range::even;
use super::scheme::{MOST, ROWS, Scheme};
use super::{Layout, Streams};
use crate::real::{load, store};
use crate::values::unwritten;
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
        // SAFETY: the first images write all of it.
        let mut products = unsafe { unwritten(K::POINTS * offsets.len() * all_maps) };
        for (group, partial) in partial.chunks_exact_mut(sums).enumerate() {
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
                    let add = start > first;
                    real::dispatch(Outer { offsets, pixels, images, grads, apart: layout.channel, sums, add });
                }
            }
            real::dispatch(Join {
                products: &products,
                streams,
                taps,
                maps: all_maps,
                to: partial,
                scheme: PhantomData::<K>,
            });
        }
    });
    let sum = || transposed(&ordered_sum(partial, groups * sums), groups, sources * taps, all_maps, targets);
    (!uneven.into_inner()).then(sum)
}

/// Gᵀ of the products [points, channels, streams, maps]: [channels, taps, maps].
struct Join<'a, T, K> {
    products: &'a [T],
    streams: &'a Streams,
    taps: usize,
    /// A multiple of [`PANEL`].
    maps: usize,
    to: &'a mut [T],
    scheme: PhantomData<K>,
}

impl<T: Real, K: Scheme> WithSimd for Join<'_, T, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { products, streams, taps, maps, to, .. } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let point = products.len() / K::POINTS;
        let count = streams.all.len();
        assert!(maps.is_multiple_of(lanes) && to.len() / (taps * maps) * count * maps <= point);
        let factors = K::G.map(|row| row.map(|factor| T::splat(simd, T::of(factor))));
        for (c, to) in to.chunks_exact_mut(taps * maps).enumerate() {
            for (s, stream) in streams.all.iter().enumerate() {
                let from = products[(c * count + s) * maps..].as_ptr();
                for m in (0..maps).step_by(lanes) {
                    let mut values = [T::splat(simd, T::ZERO); MOST];
                    for (i, value) in values.iter_mut().enumerate().take(K::POINTS) {
                        // SAFETY: by the assertion.
                        *value = unsafe { load::<T, S>(from.add(i * point + m)) };
                    }
                    for (row, tap) in stream.taps.iter().enumerate().take(K::TAPS) {
                        let Some(tap) = tap else { continue };
                        let mut sum = T::splat(simd, T::ZERO);
                        for (&value, factors) in values.iter().zip(&factors).take(K::POINTS) {
                            sum = T::fma(simd, value, factors[row], sum);
                        }
                        let to = &mut to[tap * maps + m..][..lanes];
                        // SAFETY: a register's worth.
                        unsafe { store::<T, S>(to.as_mut_ptr(), sum) };
                    }
                }
            }
        }
    }
}
