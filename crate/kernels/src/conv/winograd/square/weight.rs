//! The gradient of the weight from products at the points.

use std::sync::atomic::{AtomicBool, Ordering};

use pulp::{Simd, WithSimd};

use super::super::super::weight::{PANEL, ordered_sum, piece, transposed};
use super::super::super::{Geometry, Sizes};
use super::super::range::even;
use super::super::scheme::{MOST, Scheme, Three};
use super::points::{Gradients, Images, lay_out};
use super::{Layout, POINTS, Square, TAPS};
use crate::real::{load, store};
use crate::tiles::{many_registers, tiles};
use crate::values::unwritten;
use crate::{Real, real, threads};

/// Squares whose products are added up in registers.
const SQUARES: usize = 48;

/// The gradient of W [out, in / groups, 3, 3] for x [N, in, ...] and the gradient g of y [N, out, ...]; `None` if one of
/// them is not for this way.
pub(in super::super::super) fn gradient<T: Real>(
    geometry: &Geometry,
    square: &Square,
    x: &[T],
    g: &[T],
) -> Option<Vec<T>> {
    let &Geometry { batch, groups, .. } = geometry;
    let Sizes { sources, targets, .. } = Sizes::correlate(geometry);
    let (input, output) = (sources * square.source(), targets * square.target());
    let maps = targets.next_multiple_of(PANEL);
    let sums = sources * TAPS * maps;
    let each = piece(batch, groups * sums);
    let mut partial = vec![T::ZERO; batch.div_ceil(each) * groups * sums];
    let uneven = AtomicBool::new(false);
    threads::run_chunks(&mut partial, groups * sums, |start, partial| {
        let first = start / (groups * sums) * each;
        let parts = square.parts(first, (first + each).min(batch), SQUARES);
        let block = parts.iter().map(|part| part.squares(square)).max().unwrap_or(1);
        let (of_images, of_grads) = (Layout::new(block, sources), Layout::new(block, targets));
        // SAFETY: of each square all points are written before they are read, and the first part writes all products.
        let mut images = unsafe { unwritten(of_images.buffer(block)) };
        let mut grads = unsafe { unwritten(of_grads.buffer(block)) };
        let mut products = unsafe { unwritten(POINTS * sources * maps) };
        for (group, partial) in partial.chunks_exact_mut(sums).enumerate() {
            for (n, part) in parts.iter().enumerate() {
                let of = |all, one: usize| {
                    let all: &[T] = all;
                    &all[(part.image * groups + group) * one..][..((part.images - 1) * groups + 1) * one]
                };
                let (x, g) = (of(x, input), of(g, output));
                let apart = |all: &[T], one: usize| all.chunks(groups * one).all(|image| even(&image[..one]));
                if part.row == 0 && !(apart(x, input) && apart(g, output)) {
                    return uneven.store(true, Ordering::Relaxed);
                }
                let (x, g) = ((x, sources, groups * input), (g, targets, groups * output));
                lay_out::<T, Images>(square, part, x, (square.source, square.lead), of_images, &mut images);
                lay_out::<T, Gradients>(square, part, g, (square.target, [0, 0]), of_grads, &mut grads);
                real::dispatch(Products {
                    squares: part.squares(square),
                    sources,
                    maps,
                    images: (&images, of_images),
                    grads: (&grads, of_grads),
                    to: &mut products,
                    add: n > 0,
                });
            }
            real::dispatch(Join { square, products: &products, maps, to: partial });
        }
    });
    let sum = || transposed(&ordered_sum(partial, groups * sums), groups, sources * TAPS, maps, targets);
    (!uneven.into_inner()).then(sum)
}

/// For each point, source and target channel the sum over squares of image times gradient, in or added to `to`.
struct Products<'a, T> {
    squares: usize,
    sources: usize,
    /// A multiple of [`PANEL`].
    maps: usize,
    images: (&'a [T], Layout),
    grads: (&'a [T], Layout),
    to: &'a mut [T],
    add: bool,
}

impl<T: Real> WithSimd for Products<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { squares, sources, maps, images: (images, of_images), grads: (grads, of_grads), to, add } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        assert!(
            PANEL.is_multiple_of(lanes)
                && squares <= of_images.block.min(of_grads.block)
                && of_images.buffer(1) <= images.len()
                && of_grads.buffer(1) <= grads.len()
                && sources <= of_images.panels * PANEL
                && maps <= of_grads.panels * PANEL
                && POINTS * sources * maps <= to.len()
        );
        let most = if many_registers::<T, S>() { 8 } else { 6 };
        for point in 0..POINTS {
            let images = &images[point * of_images.point()..];
            let grads = &grads[point * of_grads.point()..];
            for first in (0..sources).step_by(PANEL) {
                let images = &images[first / PANEL * of_images.panel()..];
                for m in (0..maps).step_by(2 * lanes) {
                    let at = |m: usize| grads[m / PANEL * of_grads.panel() + m % PANEL..].as_ptr();
                    let two = m + lanes < maps;
                    let grads = [at(m), at(if two { m + lanes } else { m })];
                    let mut c = 0;
                    for rows in tiles(PANEL.min(sources - first), most) {
                        let images = images[c..].as_ptr();
                        let to = &mut to[(point * sources + first + c) * maps + m..];
                        macro_rules! tile {
                            ($rows:literal) => {
                                match two {
                                    true => tile::<T, S, $rows, 2>(simd, squares, images, grads, (to, maps), add),
                                    false => tile::<T, S, $rows, 1>(simd, squares, images, grads, (to, maps), add),
                                }
                            };
                        }
                        // SAFETY: by the assertion.
                        unsafe {
                            match rows {
                                8 if many_registers::<T, S>() => tile!(8),
                                7 if many_registers::<T, S>() => tile!(7),
                                6 => tile!(6),
                                5 => tile!(5),
                                4 => tile!(4),
                                3 => tile!(3),
                                2 => tile!(2),
                                _ => tile!(1),
                            }
                        }
                        c += rows;
                    }
                }
            }
        }
    }
}

/// # Safety
/// For so many squares, `ROWS` numbers may be read from `images` and a register from each of `grads`, a panel apart; and as many
/// registers read and written at each of `ROWS` rows of `to`.
#[inline(always)]
unsafe fn tile<T: Real, S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    squares: usize,
    images: *const T,
    grads: [*const T; 2],
    (to, width): (&mut [T], usize),
    add: bool,
) {
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    let mut sums = [[T::splat(simd, T::ZERO); VECTORS]; ROWS];
    assert!((ROWS - 1) * width + VECTORS * lanes <= to.len());
    // SAFETY: the caller's promise, and the assertion.
    unsafe {
        for s in 0..squares {
            let mut g = [T::splat(simd, T::ZERO); VECTORS];
            for (g, grads) in g.iter_mut().zip(grads) {
                *g = load::<T, S>(grads.add(s * PANEL));
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = T::splat(simd, *images.add(s * PANEL + r));
                for (sum, g) in sums.iter_mut().zip(g) {
                    *sum = T::fma(simd, x, g, *sum);
                }
            }
        }
        let one = T::splat(simd, T::ONE);
        for (r, sums) in sums.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                let to = to.as_mut_ptr().add(r * width + v * lanes);
                store::<T, S>(to, if add { T::fma(simd, one, load::<T, S>(to), sum) } else { sum });
            }
        }
    }
}

/// Gᵀ of the products [points, sources, maps] and G: [sources, taps, maps].
struct Join<'a, T> {
    square: &'a Square,
    products: &'a [T],
    maps: usize,
    to: &'a mut [T],
}

impl<T: Real> WithSimd for Join<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { square, products, maps, to } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let point = products.len() / POINTS;
        assert!(maps.is_multiple_of(lanes) && to.len() == point * TAPS);
        let factors = Three::G.map(|row| row.map(|factor| T::splat(simd, T::of(factor))));
        let zero = T::splat(simd, T::ZERO);
        for (c, to) in to.chunks_exact_mut(TAPS * maps).enumerate() {
            for m in (0..maps).step_by(lanes) {
                let mut half = [[zero; MOST]; Three::TAPS];
                for j in 0..MOST {
                    for (i, factors) in factors.iter().enumerate() {
                        // SAFETY: by the assertion.
                        let value =
                            unsafe { load::<T, S>(products.as_ptr().add((i * MOST + j) * point + c * maps + m)) };
                        for (half, &factor) in half.iter_mut().zip(factors) {
                            half[j] = T::fma(simd, value, factor, half[j]);
                        }
                    }
                }
                for (row, half) in half.iter().enumerate() {
                    let mut sums = [zero; Three::TAPS];
                    for (&value, factors) in half.iter().zip(&factors) {
                        for (sum, &factor) in sums.iter_mut().zip(factors) {
                            *sum = T::fma(simd, value, factor, *sum);
                        }
                    }
                    for (column, &sum) in sums.iter().enumerate() {
                        let to = &mut to[square.taps[row * Three::TAPS + column] * maps + m..][..lanes];
                        // SAFETY: a register's worth.
                        unsafe { store::<T, S>(to.as_mut_ptr(), sum) };
                    }
                }
            }
        }
    }
}
