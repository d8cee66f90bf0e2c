//! Images with channels beside one another.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::real::{load, store};
use crate::transpose::transposed;
use crate::{Real, real};

/// Channels whose numbers lie beside one another.
pub(in super::super) const PANEL: usize = 16;

/// Lays gradients [maps, rows, columns] out by panel, pixel along the pitch, channel; panels are `pixels` times
/// [`PANEL`] apart. The numbers between rows are left as they are, those of channels that are not there are zero.
pub(in super::super) fn panels<T: Real>(g: &[T], size: [usize; 2], pitch: usize, pixels: usize, to: &mut [T]) {
    let [rows, columns] = size;
    let image = rows * columns;
    for (g, to) in g.chunks(PANEL * image).zip(to.chunks_exact_mut(pixels * PANEL)) {
        panel(g, image, 0..image, columns, to, pitch);
    }
}

/// Lays pixels of up to [`PANEL`] images out by pixel and channel, in rows of so many columns, which are `pitch` pixels apart in
/// `to`. Channels that are not there are zero.
pub(in super::super) fn panel<T: Real>(
    images: &[T],
    image: usize,
    pixels: Range<usize>,
    columns: usize,
    to: &mut [T],
    pitch: usize,
) {
    real::dispatch(Panel { images, image, pixels, columns, to, pitch });
}

struct Panel<'a, T> {
    images: &'a [T],
    image: usize,
    pixels: Range<usize>,
    columns: usize,
    to: &'a mut [T],
    pitch: usize,
}

impl<T: Real> WithSimd for Panel<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { images, image, pixels, columns, to, pitch } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let (channels, count) = (images.len() / image, pixels.len());
        let last = (count - 1) / columns * pitch + (count - 1) % columns;
        assert!(
            channels <= PANEL
                && pixels.end <= image
                && pixels.start.is_multiple_of(columns)
                && columns <= pitch
                && (last + 1) * PANEL <= to.len()
                && PANEL.is_multiple_of(lanes)
        );
        for p in (0..count).step_by(lanes) {
            // The last register reaches back, if there is a whole one.
            let p = if count < lanes { p } else { p.min(count - lanes) };
            let n = lanes.min(count - p);
            for part in (0..PANEL).step_by(lanes) {
                let row = |m: usize| &images[(part + m) * image + pixels.start + p..][..n];
                let mut block = [T::splat(simd, T::ZERO); PANEL];
                // Two loops: a constant number of registers stays in registers.
                if n == lanes && part + lanes <= channels {
                    for (m, register) in block.iter_mut().enumerate().take(lanes) {
                        // SAFETY: a register's worth.
                        *register = unsafe { load::<T, S>(row(m).as_ptr()) };
                    }
                } else {
                    for (m, register) in block.iter_mut().enumerate().take(lanes.min(channels.saturating_sub(part))) {
                        *register = T::load_part(simd, row(m));
                    }
                }
                let block = transposed::<T, S>(simd, block);
                let (mut at, mut column) = ((p / columns * pitch + p % columns) * PANEL + part, p % columns);
                for (j, &register) in block.iter().enumerate().take(lanes) {
                    if j < n {
                        // SAFETY: a register of a pixel that is not after the last.
                        unsafe { store::<T, S>(to.as_mut_ptr().add(at), register) };
                        (at, column) = (at + PANEL, column + 1);
                        if column == columns {
                            (at, column) = (at + (pitch - columns) * PANEL, 0);
                        }
                    }
                }
            }
        }
    }
}

/// The other way: from [pixels, PANEL] to the pixels of each of up to [`PANEL`] channels.
pub(in super::super) fn images<T: Real>(from: &[T], to: &mut [&mut [T]]) {
    real::dispatch(Images { from, to });
}

struct Images<'a, 'b, T> {
    from: &'a [T],
    to: &'a mut [&'b mut [T]],
}

impl<T: Real> WithSimd for Images<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { from, to } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let count = from.len() / PANEL;
        assert!(PANEL.is_multiple_of(lanes) && to.len() <= PANEL && to.iter().all(|to| to.len() == count));
        for p in (0..count).step_by(lanes) {
            // The last register reaches back, if there is a whole one.
            let p = if count < lanes { p } else { p.min(count - lanes) };
            let n = lanes.min(count - p);
            for part in (0..to.len()).step_by(lanes) {
                let from = from[p * PANEL + part..].as_ptr();
                let mut block = [T::splat(simd, T::ZERO); PANEL];
                if n == lanes && part + lanes <= to.len() {
                    for (j, register) in block.iter_mut().enumerate().take(lanes) {
                        // SAFETY: a register of a pixel.
                        *register = unsafe { load::<T, S>(from.add(j * PANEL)) };
                    }
                    let block = transposed::<T, S>(simd, block);
                    for (to, &register) in to[part..part + lanes].iter_mut().zip(&block) {
                        // SAFETY: a register's worth, which reaches to the end at most.
                        unsafe { store::<T, S>(to.as_mut_ptr().add(p), register) };
                    }
                } else {
                    for (j, register) in block.iter_mut().enumerate().take(n) {
                        // SAFETY: a register of a pixel.
                        *register = unsafe { load::<T, S>(from.add(j * PANEL)) };
                    }
                    let block = transposed::<T, S>(simd, block);
                    for (to, &register) in to[part..].iter_mut().zip(&block).take(lanes) {
                        T::store_part(simd, &mut to[p..p + n], register);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_are_the_gradients_by_pixel_and_channel() {
        if !real::available() {
            return;
        }
        fn check<T: Real>(maps: usize, [rows, columns]: [usize; 2]) {
            let (pitch, pixels) = (columns + 1, rows * (columns + 1));
            let g: Vec<T> = (0..maps * rows * columns).map(|i| T::of(i as f64)).collect();
            let mut to = vec![T::of(-1.0); maps.next_multiple_of(PANEL) * pixels];
            panels(&g, [rows, columns], pitch, pixels, &mut to);
            for (at, &number) in to.iter().enumerate() {
                let (panel, pixel, m) = (at / PANEL / pixels, at / PANEL % pixels, at % PANEL);
                let (map, r, x) = (panel * PANEL + m, pixel / pitch, pixel % pitch);
                let expected = match (x < columns, map < maps) {
                    (true, true) => (map * rows + r) as f64 * columns as f64 + x as f64,
                    (true, false) => 0.0,
                    (false, _) => -1.0,
                };
                assert_eq!(number.wide(), expected, "{maps} {rows} {columns}: {map} {r} {x}");
            }
        }
        /// And back, from some rows on.
        fn check_back<T: Real>(channels: usize, [rows, columns]: [usize; 2]) {
            let (image, start) = (rows * columns, rows / 2 * columns);
            let from: Vec<T> = (0..channels * image).map(|i| T::of(i as f64)).collect();
            let mut turned = vec![T::of(-1.0); (image - start) * PANEL];
            panel(&from, image, start..image, columns, &mut turned, columns);
            let mut to = vec![T::of(-1.0); channels * image];
            images(&turned, &mut to.chunks_mut(image).map(|to| &mut to[start..]).collect::<Vec<_>>());
            for (i, (&to, &from)) in to.iter().zip(&from).enumerate() {
                assert!(to == if i % image < start { T::of(-1.0) } else { from }, "{channels} {rows} {columns}: {i}");
            }
        }
        for maps in [16, 32, 20, 5] {
            for size in [[1, 1], [3, 7], [2, 8], [4, 14], [2, 16], [3, 28], [1, 33]] {
                check::<f32>(maps, size);
                check::<f64>(maps, size);
                check_back::<f32>(maps.min(PANEL), size);
                check_back::<f64>(maps.min(PANEL), size);
            }
        }
    }
}
