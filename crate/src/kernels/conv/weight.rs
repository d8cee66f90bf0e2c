//! The gradients of a convolution's weight and bias.
//!
//! Each is a dot product of one moved image with the gradient of one output channel, both with the same distance between their rows; a tile of
//! such products stays in registers over several images. Each piece of the batch has its own sums, which are added in order.

use pulp::{Simd, WithSimd};

use super::super::matmul::load;
use super::Geometry;
use super::plan::{Plan, SLACK};
use crate::kernels::{Real, pool, real};

/// Pieces that a batch is shared out in, and the fewer ones where each has so many sums.
pub(super) const PIECES: usize = 16;
pub(super) const FEW_PIECES: usize = 8;
pub(super) const MANY_SUMS: usize = 1 << 16;
/// Pixels after which adding up the lanes of a register costs little.
const PIXELS: usize = 1024;

/// The gradient of W [out, in / groups, ...] for x [N, in, ...] and the gradient g of y [N, out, ...].
pub(super) fn gradient<T: Real>(geometry: &Geometry, x: &[T], g: &[T]) -> Vec<T> {
    let &Geometry { batch, groups, .. } = geometry;
    let (channels, maps, taps) = (geometry.channels(), geometry.maps(), geometry.taps());
    let (input, output) = (geometry.input() / groups, geometry.output() / groups);
    assert!(x.len() == batch * groups * input && g.len() == batch * groups * output);
    let plan = &Plan::correlate(geometry);
    let [pass] = plan.passes.as_slice() else { return Vec::new() };
    let [rows, columns] = plan.target;
    let pixels = pass.pixels(plan.pitch).next_multiple_of(16);
    let sums = channels * maps * taps;
    let pieces = if groups * sums < MANY_SUMS { PIECES } else { FEW_PIECES };
    let each = batch.div_ceil(pieces);
    let together = PIXELS.div_ceil(pixels).min(each);
    let mut partial = vec![T::ZERO; batch.div_ceil(each) * groups * sums];
    pool::run_chunks(&mut partial, groups * sums, |start, partial| {
        let first = start / (groups * sums) * each;
        let last = (first + each).min(batch);
        let mut images = vec![T::ZERO; together * plan.buffer];
        let mut grads = vec![T::ZERO; together * maps * pixels + SLACK];
        for (group, partial) in partial.chunks_exact_mut(sums).enumerate() {
            for start in (first..last).step_by(together) {
                let count = together.min(last - start);
                for i in 0..count {
                    let at = (start + i) * groups + group;
                    plan.fill(&x[at * input..][..input], &mut images[i * plan.buffer..][..plan.buffer]);
                    let grads = grads[i * maps * pixels..][..maps * pixels].chunks_exact_mut(pixels);
                    for (grads, g) in grads.zip(g[at * output..][..output].chunks_exact(rows * columns)) {
                        for (r, row) in g.chunks_exact(columns).enumerate() {
                            grads[r * plan.pitch..][..columns].copy_from_slice(row);
                        }
                    }
                }
                pulp::Arch::new().dispatch(Dots {
                    offsets: &pass.offsets,
                    pixels,
                    count,
                    images: &images,
                    image: plan.buffer,
                    grads: &grads,
                    grad: pixels,
                    maps,
                    sums: partial,
                });
            }
        }
    });
    ordered_sum(partial, groups * sums)
}

/// The sum of each channel of g [N, channels, ...].
pub(super) fn channel_sums<T: Real>(g: &[T], batch: usize, channels: usize) -> Vec<T> {
    let image = g.len() / batch / channels;
    let mut partial = vec![T::ZERO; batch * channels];
    let each = batch.div_ceil(PIECES) * channels;
    pool::run_chunks(&mut partial, each, |start, partial| {
        real::vectorized(|| {
            for (sum, image) in partial.iter_mut().zip(g[start * image..].chunks_exact(image)) {
                *sum = lanes_sum(image);
            }
        });
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
    sums.iter().chain(rest).copied().sum()
}

/// The sum of pieces of `length`, in order.
pub(super) fn ordered_sum<T: Real>(mut pieces: Vec<T>, length: usize) -> Vec<T> {
    let (sum, rest) = pieces.split_at_mut(length);
    real::vectorized(|| {
        for piece in rest.chunks_exact(length) {
            sum.iter_mut().zip(piece).for_each(|(sum, &x)| *sum += x);
        }
    });
    pieces.truncate(length);
    pieces
}

/// Dot products of `count` images at each offset with the gradients of each output channel, added to `sums` [maps, offsets].
pub(super) struct Dots<'a, T> {
    pub offsets: &'a [usize],
    /// A multiple of 16.
    pub pixels: usize,
    pub count: usize,
    pub images: &'a [T],
    /// Numbers from one image to the next.
    pub image: usize,
    pub grads: &'a [T],
    /// Numbers from one channel's gradient to the next.
    pub grad: usize,
    pub maps: usize,
    pub sums: &'a mut [T],
}

impl<T: Real> WithSimd for Dots<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { offsets, pixels, count, images, image, grads, grad, maps, sums } = self;
        let furthest = offsets.iter().max().map_or(0, |&last| last);
        assert!(
            count > 0
                && furthest + pixels <= image
                && count * image <= images.len()
                && (count * maps - 1) * grad + pixels <= grads.len()
                && maps * offsets.len() <= sums.len()
        );
        let mut m = 0;
        while m < maps {
            let rows = (maps - m).min(4);
            let mut k = 0;
            while k < offsets.len() {
                let columns = (offsets.len() - k).min(3);
                macro_rules! tile {
                    ($rows:literal, $columns:literal) => {{
                        let at = std::array::from_fn(|c| offsets[k + c]);
                        // SAFETY: by the assertion above.
                        let dots = unsafe {
                            dots::<T, S, $rows, $columns>(
                                simd,
                                (count, pixels),
                                (images.as_ptr(), image, at),
                                (grads.as_ptr().add(m * grad), grad, maps * grad),
                            )
                        };
                        for (r, row) in dots.into_iter().enumerate() {
                            for (c, dot) in row.into_iter().enumerate() {
                                sums[(m + r) * offsets.len() + k + c] += dot;
                            }
                        }
                    }};
                }
                match (rows, columns) {
                    (4, 3) => tile!(4, 3),
                    (4, 2) => tile!(4, 2),
                    (4, _) => tile!(4, 1),
                    (3, 3) => tile!(3, 3),
                    (3, 2) => tile!(3, 2),
                    (3, _) => tile!(3, 1),
                    (2, 3) => tile!(2, 3),
                    (2, 2) => tile!(2, 2),
                    (2, _) => tile!(2, 1),
                    (_, 3) => tile!(1, 3),
                    (_, 2) => tile!(1, 2),
                    _ => tile!(1, 1),
                }
                k += columns;
            }
            m += rows;
        }
    }
}

/// # Safety
/// `pixels` numbers may be read at each place of each image and of each gradient; gradients of one image lie `map` apart, those of images `grad`.
#[inline(always)]
unsafe fn dots<T: Real, S: Simd, const ROWS: usize, const COLUMNS: usize>(
    simd: S,
    (count, pixels): (usize, usize),
    (images, image, at): (*const T, usize, [usize; COLUMNS]),
    (grads, map, grad): (*const T, usize, usize),
) -> [[T; COLUMNS]; ROWS] {
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    let mut sums = [[T::splat(simd, T::ZERO); COLUMNS]; ROWS];
    // SAFETY: the caller's promise.
    unsafe {
        for i in 0..count {
            let image: [*const T; COLUMNS] = std::array::from_fn(|c| images.add(i * image + at[c]));
            let grad = grads.add(i * grad);
            for p in (0..pixels).step_by(lanes) {
                let x: [T::Vector<S>; COLUMNS] = std::array::from_fn(|c| load::<T, S>(image[c].add(p)));
                for (r, sums) in sums.iter_mut().enumerate() {
                    let g = load::<T, S>(grad.add(r * map + p));
                    for (sum, x) in sums.iter_mut().zip(x) {
                        *sum = T::fma(simd, g, x, *sum);
                    }
                }
            }
        }
    }
    sums.map(|row| row.map(|sum| T::sum_lanes(simd, sum)))
}
