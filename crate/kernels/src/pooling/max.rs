use std::sync::Arc;

use candle_core::{Shape, Tensor};
use candlelight_base::Result;

use crate::autograd::apply1;
use crate::values::{Parts, unwritten};
use crate::windows::Windows;
use crate::{Real, contiguous, for_dtype, values};

/// The maximum of each window; `x` consists of planes, and no window is empty.
///
/// What the backward pass needs is where in its window each maximum was: a byte, unless windows are larger than that.
pub(super) fn max(x: &Tensor, windows: Arc<Windows>, shape: Shape) -> Result<Tensor> {
    let largest = |windows: &[super::Window]| windows.iter().map(|window| window.count).max().unwrap_or(0);
    let small = largest(&windows.rows) * largest(&windows.columns) <= 1 << 8;
    for_dtype!(x.dtype(), T => match small {
        true => forward::<T, u8>(x, windows, shape),
        false => forward::<T, u32>(x, windows, shape),
    })
}

/// A place in a window, counted along its rows.
trait Place: Copy + Default + Send + Sync + 'static {
    fn of(place: usize) -> Self;
    fn get(self) -> usize;
    /// [`Place::of`] of a place in a pair, and back; in bytes, which vector code wants.
    fn small(place: u8) -> Self;
    fn low(self) -> u8;
}

impl Place for u8 {
    #[inline(always)]
    fn of(place: usize) -> Self {
        place as Self
    }

    #[inline(always)]
    fn get(self) -> usize {
        usize::from(self)
    }

    #[inline(always)]
    fn small(place: u8) -> Self {
        place
    }

    #[inline(always)]
    fn low(self) -> u8 {
        self
    }
}

impl Place for u32 {
    #[inline(always)]
    fn of(place: usize) -> Self {
        place as Self
    }

    #[inline(always)]
    fn get(self) -> usize {
        self as usize
    }

    #[inline(always)]
    fn small(place: u8) -> Self {
        Self::from(place)
    }

    #[inline(always)]
    fn low(self) -> u8 {
        self as u8
    }
}

/// The later of two numbers if it is larger or NaN, as PyTorch does: of equal ones the first stays, and NaN wins.
#[inline(always)]
fn wins<T: Real>(new: T, old: T) -> bool {
    #[allow(clippy::eq_op)] // true of NaN alone
    let nan = new != new;
    (new > old) | nan // no short cut, so no branch
}

fn forward<T: Real, P: Place>(x: &Tensor, windows: Arc<Windows>, shape: Shape) -> Result<Tensor> {
    let (inputs, outputs, pairs) = (windows.inputs(), windows.outputs(), windows.are_pairs());
    let planes = x.elem_count() / inputs;
    // SAFETY: both ways write every output of every plane.
    let mut y: Vec<T> = unsafe { unwritten(planes * outputs) };
    let mut places = vec![P::default(); y.len()];
    {
        let input = contiguous(x)?;
        let x = values::<T>(&input)?;
        let x: &[T] = &x;
        let (y, places) = (Parts::new(&mut y), Parts::new(&mut places));
        windows.by_planes(
            planes,
            #[inline(always)]
            |plane| {
                let x = &x[plane * inputs..(plane + 1) * inputs];
                // SAFETY: a plane belongs to one task.
                let (y, places) = unsafe { (y.part(plane * outputs, outputs), places.part(plane * outputs, outputs)) };
                if pairs { pairs_forward(&windows, x, y, places) } else { any_forward(&windows, x, y, places) }
            },
        );
    }
    apply1("max_pool", &[x], y, shape, move |grad, op| {
        let g = values::<T>(grad)?;
        let g: &[T] = &g;
        let dx = windows.gradient(
            &op.inputs[0],
            #[inline(always)]
            |plane, dx| {
                let outputs = plane * outputs..(plane + 1) * outputs;
                let (g, places) = (&g[outputs.clone()], &places[outputs]);
                if pairs { pairs_backward(&windows, g, places, dx) } else { any_backward(&windows, g, places, dx) }
            },
        )?;
        Ok(vec![Some(dx)])
    })
}

#[inline(always)]
fn any_forward<T: Real, P: Place>(windows: &Windows, x: &[T], y: &mut [T], places: &mut [P]) {
    for (output, rows, columns) in windows.iter() {
        let mut best = x[rows.start * windows.width + columns.start];
        let (mut place, mut best_place) = (0, 0);
        for row in rows.places() {
            for column in columns.places() {
                let value = x[row * windows.width + column];
                if wins(value, best) {
                    (best, best_place) = (value, place);
                }
                place += 1;
            }
        }
        y[output] = best;
        places[output] = P::of(best_place);
    }
}

#[inline(always)]
fn any_backward<T: Real, P: Place>(windows: &Windows, g: &[T], places: &[P], dx: &mut [T]) {
    for (output, rows, columns) in windows.iter() {
        let place = places[output].get();
        let row = rows.start + place / columns.count * rows.step;
        let column = columns.start + place % columns.count * columns.step;
        dx[row * windows.width + column] += g[output];
    }
}

/// Outputs that are computed side by side.
const BLOCK: usize = 8;

#[inline(always)]
fn pairs_forward<T: Real, P: Place>(windows: &Windows, x: &[T], y: &mut [T], places: &mut [P]) {
    let columns = windows.columns.len();
    for ((rows, y), places) in x.chunks(2 * windows.width).zip(y.chunks_mut(columns)).zip(places.chunks_mut(columns)) {
        let Some((top, bottom)) = rows.split_at_checked(windows.width) else { return };
        let (top, bottom) = (top.as_chunks().0, bottom.as_chunks().0);
        let mut from = 0;
        while from < columns {
            // The last block begins earlier, and computes some outputs again.
            from = if columns >= BLOCK { from.min(columns - BLOCK) } else { from };
            let to = from + if columns >= BLOCK { BLOCK } else { 1 };
            let (top, bottom, y, places) = (&top[from..to], &bottom[from..to], &mut y[from..to], &mut places[from..to]);
            match to - from {
                BLOCK => pair_block::<T, P, BLOCK>(top, bottom, y, places),
                _ => pair_block::<T, P, 1>(top, bottom, y, places),
            }
            from = to;
        }
    }
}

#[inline(always)]
fn pair_block<T: Real, P: Place, const N: usize>(top: &[[T; 2]], bottom: &[[T; 2]], y: &mut [T], places: &mut [P]) {
    let (mut values, mut at) = ([T::ZERO; N], [P::default(); N]);
    let (top, bottom) = (&top[..N], &bottom[..N]);
    for i in 0..N {
        let ([a, b], [c, d]) = (top[i], bottom[i]);
        let (right_above, right_below) = (wins(b, a), wins(d, c));
        let above = if right_above { b } else { a };
        let below = if right_below { d } else { c };
        let low = wins(below, above);
        values[i] = if low { below } else { above };
        at[i] = P::small(if low { 2 + u8::from(right_below) } else { u8::from(right_above) });
    }
    y.copy_from_slice(&values);
    places.copy_from_slice(&at);
}

#[inline(always)]
fn pairs_backward<T: Real, P: Place>(windows: &Windows, g: &[T], places: &[P], dx: &mut [T]) {
    let columns = windows.columns.len();
    for ((rows, g), places) in dx.chunks_mut(2 * windows.width).zip(g.chunks(columns)).zip(places.chunks(columns)) {
        let Some((top, bottom)) = rows.split_at_mut_checked(windows.width) else { return };
        let pairs = top.chunks_exact_mut(2).zip(bottom.chunks_exact_mut(2));
        for (((top, bottom), &g), place) in pairs.zip(g).zip(places) {
            let place = place.low();
            top[0] = if place == 0 { g } else { T::ZERO };
            top[1] = if place == 1 { g } else { T::ZERO };
            bottom[0] = if place == 2 { g } else { T::ZERO };
            bottom[1] = if place == 3 { g } else { T::ZERO };
        }
    }
}
