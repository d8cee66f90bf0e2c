use std::sync::Arc;

use candle_core::{Shape, Tensor};
use candlelight_base::Result;

use crate::autograd::apply1;
use crate::values::{Parts, unwritten};
use crate::windows::Windows;
use crate::{Real, contiguous, for_dtype, rows, values};

/// The mean of each window; `x` consists of planes.
pub(super) fn average(x: &Tensor, windows: Arc<Windows>, shape: Shape) -> Result<Tensor> {
    for_dtype!(x.dtype(), T => forward::<T>(x, windows, shape))
}

fn forward<T: Real>(x: &Tensor, windows: Arc<Windows>, shape: Shape) -> Result<Tensor> {
    let (inputs, outputs) = (windows.inputs(), windows.outputs());
    let planes = x.elem_count() / inputs;
    let (pairs, whole) = (windows.are_pairs(), windows.is_whole());
    // SAFETY: each way writes every output of every plane.
    let mut y: Vec<T> = unsafe { unwritten(planes * outputs) };
    {
        let input = contiguous(x)?;
        let x = values::<T>(&input)?;
        let x: &[T] = &x;
        let y = Parts::new(&mut y);
        windows.by_planes(
            planes,
            #[inline(always)]
            |plane| {
                let x = &x[plane * inputs..(plane + 1) * inputs];
                // SAFETY: a plane belongs to one task.
                let y = unsafe { y.part(plane * outputs, outputs) };
                if whole {
                    y[0] = rows::sum(
                        x,
                        #[inline(always)]
                        |x| x,
                    ) / T::of(inputs as f64);
                } else if pairs {
                    pairs_forward(&windows, x, y);
                } else {
                    any_forward(&windows, x, y);
                }
            },
        );
    }
    apply1("average_pool", &[x], y, shape, move |grad, op| {
        let g = values::<T>(grad)?;
        let g: &[T] = &g;
        let dx = windows.gradient(
            &op.inputs[0],
            #[inline(always)]
            |plane, dx| {
                let g = &g[plane * outputs..(plane + 1) * outputs];
                if whole {
                    dx.fill(g[0] / T::of(inputs as f64));
                } else if pairs {
                    pairs_backward(&windows, g, dx);
                } else {
                    any_backward(&windows, g, dx);
                }
            },
        )?;
        Ok(vec![Some(dx)])
    })
}

#[inline(always)]
fn any_forward<T: Real>(windows: &Windows, x: &[T], y: &mut [T]) {
    for (output, rows, columns) in windows.iter() {
        let mut sum = T::ZERO;
        for row in rows.places() {
            let start = row * windows.width + columns.start;
            x[start..start + columns.count].iter().for_each(|&x| sum += x);
        }
        y[output] = sum / T::of((rows.divisor * columns.divisor) as f64);
    }
}

#[inline(always)]
fn any_backward<T: Real>(windows: &Windows, g: &[T], dx: &mut [T]) {
    for (output, rows, columns) in windows.iter() {
        let share = g[output] / T::of((rows.divisor * columns.divisor) as f64);
        for row in rows.places() {
            let start = row * windows.width + columns.start;
            dx[start..start + columns.count].iter_mut().for_each(|dx| *dx += share);
        }
    }
}

#[inline(always)]
fn pairs_forward<T: Real>(windows: &Windows, x: &[T], y: &mut [T]) {
    let quarter = T::of(0.25);
    for (rows, y) in x.chunks(2 * windows.width).zip(y.chunks_mut(windows.columns.len())) {
        let Some((top, bottom)) = rows.split_at_checked(windows.width) else { return };
        for ((top, bottom), y) in top.chunks_exact(2).zip(bottom.chunks_exact(2)).zip(y) {
            *y = (top[0] + top[1] + bottom[0] + bottom[1]) * quarter;
        }
    }
}

#[inline(always)]
fn pairs_backward<T: Real>(windows: &Windows, g: &[T], dx: &mut [T]) {
    let quarter = T::of(0.25);
    for (rows, g) in dx.chunks_mut(2 * windows.width).zip(g.chunks(windows.columns.len())) {
        let Some((top, bottom)) = rows.split_at_mut_checked(windows.width) else { return };
        for ((top, bottom), &g) in top.chunks_exact_mut(2).zip(bottom.chunks_exact_mut(2)).zip(g) {
            let share = g * quarter;
            (top[0], top[1], bottom[0], bottom[1]) = (share, share, share, share);
        }
    }
}
