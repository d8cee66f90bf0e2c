//! Bᵀ d B and A g Aᵀ: images, or gradients, at the points.

use std::marker::PhantomData;

use pulp::{Simd, WithSimd};

use super::super::super::weight::{PANEL, panel};
use super::super::scheme::{MOST, ROWS, Scheme, Three, Values};
use super::{Layout, Part, Square};
use crate::real::{load, store};
use crate::{Real, real};

/// Which side of the products.
pub(super) trait Side: Copy {
    /// Rows and columns of what a square is made of.
    const SIZE: usize;
    /// Along one axis.
    fn at<T: Real, S: Simd>(simd: S, x: Values<T, S>) -> Values<T, S>;
}

/// The pixels that a square sees.
#[derive(Clone, Copy)]
pub(super) struct Images;

impl Side for Images {
    const SIZE: usize = MOST;

    #[inline(always)]
    fn at<T: Real, S: Simd>(simd: S, x: Values<T, S>) -> Values<T, S> {
        Three::rows::<T, S>(simd, x)
    }
}

/// The gradients of its outputs.
#[derive(Clone, Copy)]
pub(super) struct Gradients;

impl Side for Gradients {
    const SIZE: usize = ROWS;

    #[inline(always)]
    fn at<T: Real, S: Simd>(simd: S, x: Values<T, S>) -> Values<T, S> {
        Three::grads::<T, S>(simd, [x[0], x[1], x[2], x[3]])
    }
}

/// Lays the squares of a part out at the points; images of `channels` channels, the first that of the part, are `apart`, and
/// `size` high and wide with `lead` rows and columns of zeros before them.
pub(super) fn lay_out<T: Real, K: Side>(
    square: &Square,
    part: &Part,
    (images, channels, apart): (&[T], usize, usize),
    ([height, width], lead): ([usize; 2], [usize; 2]),
    layout: Layout,
    to: &mut [T],
) {
    let across = square.squares[1];
    let columns = across * ROWS + K::SIZE - ROWS;
    // One panel of the part of an image that is seen, with zeros around it.
    let mut frame = vec![T::ZERO; (part.rows * ROWS + K::SIZE - ROWS) * columns * PANEL];
    let mut lines = vec![T::ZERO; MOST * columns * PANEL];
    let top = part.row * ROWS;
    let (start, end) =
        (top.saturating_sub(lead[0]), height.min((top + part.rows * ROWS + K::SIZE - ROWS).saturating_sub(lead[0])));
    let first = ((start + lead[0] - top) * columns + lead[1]) * PANEL;
    let image = height * width;
    for i in 0..part.images {
        let channels = &images[i * apart..][..channels * image];
        for (p, channels) in channels.chunks(PANEL * image).enumerate() {
            if start < end {
                panel(channels, image, start * width..end * width, width, &mut frame[first..], columns);
            }
            real::dispatch(Points::<T, K> {
                rows: part.rows,
                across,
                frame: &frame,
                lines: &mut lines,
                first: i * part.rows * across,
                layout,
                to: &mut to[p * layout.panel()..],
                side: PhantomData,
            });
        }
    }
}

/// The squares of one panel.
struct Points<'a, T, K> {
    rows: usize,
    across: usize,
    frame: &'a [T],
    /// Room for the points of one row of squares down, at each column.
    lines: &'a mut [T],
    /// The first square.
    first: usize,
    layout: Layout,
    to: &'a mut [T],
    side: PhantomData<K>,
}

impl<T: Real, K: Side> WithSimd for Points<'_, T, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, across, frame, lines, first, layout, to, .. } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let line = (across * ROWS + K::SIZE - ROWS) * PANEL;
        let last = layout.square(first + rows * across - 1);
        assert!(
            PANEL.is_multiple_of(lanes)
                && (rows * ROWS + K::SIZE - ROWS) * line <= frame.len()
                && MOST * line <= lines.len()
                && last + (MOST * MOST - 1) * layout.point() + PANEL <= to.len()
        );
        let zero = T::splat(simd, T::ZERO);
        for u in 0..rows {
            for x in (0..line).step_by(lanes) {
                let mut d = [zero; MOST];
                // SAFETY: by the assertion.
                unsafe {
                    for (r, d) in d.iter_mut().enumerate().take(K::SIZE) {
                        *d = load::<T, S>(frame.as_ptr().add((u * ROWS + r) * line + x));
                    }
                    for (i, &value) in K::at::<T, S>(simd, d).iter().enumerate() {
                        store::<T, S>(lines.as_mut_ptr().add(i * line + x), value);
                    }
                }
            }
            for t in 0..across {
                let at = layout.square(first + u * across + t);
                for part in (0..PANEL).step_by(lanes) {
                    for i in 0..MOST {
                        let mut d = [zero; MOST];
                        // SAFETY: by the assertion.
                        unsafe {
                            let from = lines.as_ptr().add(i * line + t * ROWS * PANEL + part);
                            for (c, d) in d.iter_mut().enumerate().take(K::SIZE) {
                                *d = load::<T, S>(from.add(c * PANEL));
                            }
                            let to = to.as_mut_ptr().add(at + i * MOST * layout.point() + part);
                            for (j, &value) in K::at::<T, S>(simd, d).iter().enumerate() {
                                store::<T, S>(to.add(j * layout.point()), value);
                            }
                        }
                    }
                }
            }
        }
    }
}
