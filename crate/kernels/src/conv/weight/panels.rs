//! Gradients with output channels beside one another.

use pulp::{Simd, WithSimd};

use crate::real::{load, store};
use crate::{Real, real};

/// Output channels whose gradients lie beside one another.
pub(in super::super) const PANEL: usize = 16;

/// Lays gradients [maps, rows, columns] out by panel, pixel along the pitch, channel; panels are `pixels` times
/// [`PANEL`] apart. The numbers between rows, and those of channels that are not there, are left as they are.
pub(in super::super) fn panels<T: Real>(g: &[T], size: [usize; 2], pitch: usize, pixels: usize, to: &mut [T]) {
    real::dispatch(Transpose { g, size, pitch, pixels, to });
}

struct Transpose<'a, T> {
    g: &'a [T],
    size: [usize; 2],
    pitch: usize,
    pixels: usize,
    to: &'a mut [T],
}

impl<T: Real> WithSimd for Transpose<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { g, size: [rows, columns], pitch, pixels, to } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let image = rows * columns;
        assert!((rows - 1) * pitch + columns <= pixels && PANEL.is_multiple_of(lanes));
        for (g, to) in g.chunks(PANEL * image).zip(to.chunks_exact_mut(pixels * PANEL)) {
            if g.len() < PANEL * image {
                for (m, g) in g.chunks_exact(image).enumerate() {
                    for (r, row) in g.chunks_exact(columns).enumerate() {
                        let to = &mut to[r * pitch * PANEL + m..];
                        to.iter_mut().step_by(PANEL).zip(row).for_each(|(to, &g)| *to = g);
                    }
                }
                continue;
            }
            for r in 0..rows {
                for x in (0..columns).step_by(lanes) {
                    // The last register reaches back, if there is a whole one.
                    let x = if columns < lanes { x } else { x.min(columns - lanes) };
                    let n = lanes.min(columns - x);
                    for part in (0..PANEL).step_by(lanes) {
                        let row = |m: usize| &g[(part + m) * image + r * columns + x..][..n];
                        let mut block = [T::splat(simd, T::ZERO); PANEL];
                        if n == lanes {
                            for (m, register) in block.iter_mut().enumerate().take(lanes) {
                                // SAFETY: a register's worth.
                                *register = unsafe { load::<T, S>(row(m).as_ptr()) };
                            }
                        } else {
                            for (m, register) in block.iter_mut().enumerate().take(lanes) {
                                *register = T::load_part(simd, row(m));
                            }
                        }
                        let block = transposed::<T, S>(simd, block, lanes);
                        let to = &mut to[(r * pitch + x) * PANEL + part..][..(n - 1) * PANEL + lanes];
                        for (j, &register) in block.iter().enumerate().take(n) {
                            // SAFETY: a register of the last pixel's place ends where the slice does.
                            unsafe { store::<T, S>(to.as_mut_ptr().add(j * PANEL), register) };
                        }
                    }
                }
            }
        }
    }
}

/// The transpose of as many registers as each has lanes: mixing the first half of them with the second, number by number, moves
/// one bit of the place of each from register to lane.
#[inline(always)]
fn transposed<T: Real, S: Simd>(simd: S, mut block: [T::Vector<S>; PANEL], lanes: usize) -> [T::Vector<S>; PANEL] {
    // Written out: in a loop, LLVM would keep the registers in memory.
    macro_rules! round {
        ($half:literal: $($i:literal)*) => {{
            let old = block;
            $((block[2 * $i], block[2 * $i + 1]) = T::interleave(simd, old[$i], old[$i + $half]);)*
        }};
    }
    match lanes {
        16 => {
            round!(8: 0 1 2 3 4 5 6 7);
            round!(8: 0 1 2 3 4 5 6 7);
            round!(8: 0 1 2 3 4 5 6 7);
            round!(8: 0 1 2 3 4 5 6 7);
        }
        8 => {
            round!(4: 0 1 2 3);
            round!(4: 0 1 2 3);
            round!(4: 0 1 2 3);
        }
        4 => {
            round!(2: 0 1);
            round!(2: 0 1);
        }
        2 => round!(1: 0),
        _ => {}
    }
    block
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
                let expected = match map < maps && x < columns {
                    true => (map * rows + r) as f64 * columns as f64 + x as f64,
                    false => -1.0,
                };
                assert_eq!(number.wide(), expected, "{maps} {rows} {columns}: {map} {r} {x}");
            }
        }
        for maps in [16, 32, 20, 5] {
            for size in [[1, 1], [3, 7], [2, 8], [4, 14], [2, 16], [3, 28], [1, 33]] {
                check::<f32>(maps, size);
                check::<f64>(maps, size);
            }
        }
    }
}
