//! Softmax and its logarithm over rows, and cross-entropy of rows against class indices.

use candle_core::{Shape, Tensor};
use candlelight_base::Result;

use super::gradient::scaled;
use super::values::{PIECE, unwritten};
use super::{Real, contiguous, for_dtype, real, rows, threads, values};
use crate::autograd::{apply1, is_tracked};

/// Softmax, or its logarithm, over the last dimension, which is not empty.
pub fn softmax(x: &Tensor, log: bool) -> Result<Tensor> {
    for_dtype!(x.dtype(), T => softmax_of::<T>(x, log))
}

fn softmax_of<T: Real>(x: &Tensor, log: bool) -> Result<Tensor> {
    let width = x.dims().last().copied().unwrap_or(1);
    let input = contiguous(x)?;
    let input = values::<T>(&input)?;
    let input: &[T] = &input;
    let y = by_rows(
        input.len(),
        width,
        #[inline(always)]
        |start, y| {
            let x = &input[start..start + width];
            let max = rows::max(x);
            if log {
                let sum = rows::sum(
                    x,
                    #[inline(always)]
                    |x| (x - max).exp(),
                )
                .ln();
                y.iter_mut().zip(x).for_each(|(y, &x)| *y = x - max - sum);
            } else {
                y.iter_mut().zip(x).for_each(
                    #[inline(always)]
                    |(y, &x)| *y = (x - max).exp(),
                );
                let scale = T::ONE
                    / rows::sum(
                        y,
                        #[inline(always)]
                        |y| y,
                    );
                y.iter_mut().for_each(|y| *y *= scale);
            }
        },
    );
    let name = if log { "log_softmax" } else { "softmax" };
    apply1(name, &[x], y, x.shape(), move |grad, op| {
        let (g, y) = (values::<T>(grad)?, values::<T>(&op.outputs[0])?);
        let (g, y): (&[T], &[T]) = (&g, &y);
        let dx = by_rows(
            y.len(),
            width,
            #[inline(always)]
            |start, dx| {
                let (g, y) = (&g[start..start + width], &y[start..start + width]);
                if log {
                    let sum = rows::sum(
                        g,
                        #[inline(always)]
                        |g| g,
                    );
                    dx.iter_mut().zip(g).zip(y).for_each(
                        #[inline(always)]
                        |((dx, &g), &y)| *dx = g - y.exp() * sum,
                    );
                } else {
                    let sum = rows::sum2(
                        g,
                        y,
                        #[inline(always)]
                        |g, y| g * y,
                    );
                    dx.iter_mut().zip(g).zip(y).for_each(|((dx, &g), &y)| *dx = y * (g - sum));
                }
            },
        );
        Ok(vec![Some(Tensor::from_vec(dx, grad.shape(), grad.device())?)])
    })
}

/// scale · Σₙ -log softmax(zₙ)\[labelₙ\] over the rows of `logits` [N, C], with labels in 0..C.
///
/// The gradient, scale (softmax(z) - one-hot), is made on the way, while a row is in the cache.
pub fn cross_entropy(logits: &Tensor, labels: &[u32], scale: f64) -> Result<Tensor> {
    for_dtype!(logits.dtype(), T => cross_entropy_of::<T>(logits, labels, scale))
}

fn cross_entropy_of<T: Real>(logits: &Tensor, labels: &[u32], scale: f64) -> Result<Tensor> {
    let (count, width) = (labels.len(), logits.elem_count() / labels.len());
    let input = contiguous(logits)?;
    let z = values::<T>(&input)?;
    let z: &[T] = &z;
    let scale = T::of(scale);
    let mut losses = vec![T::ZERO; count];
    let gradient = if is_tracked(&[logits]) {
        // SAFETY: each row is written in full.
        let mut gradient: Vec<T> = unsafe { unwritten(z.len()) };
        let piece = (PIECE / 2 / width).max(1);
        threads::run_each(gradient.chunks_mut(piece * width).zip(losses.chunks_mut(piece)), |i, (gradient, losses)| {
            real::vectorized(
                #[inline(always)]
                || {
                    for (j, (gradient, loss)) in gradient.chunks_exact_mut(width).zip(losses).enumerate() {
                        let row = i * piece + j;
                        let (z, next) = z[row * width..].split_at(width);
                        let label = labels[row] as usize;
                        // It comes while this one is computed.
                        real::prefetch_all(&next[..width.min(next.len())]);
                        let max = rows::max(z);
                        gradient.iter_mut().zip(z).for_each(
                            #[inline(always)]
                            |(p, &z)| *p = (z - max).exp(),
                        );
                        let sum = rows::sum(
                            gradient,
                            #[inline(always)]
                            |p| p,
                        );
                        *loss = sum.ln() - (z[label] - max);
                        let factor = scale / sum;
                        gradient.iter_mut().for_each(|p| *p *= factor);
                        gradient[label] -= scale;
                    }
                },
            );
        });
        Some(Tensor::from_vec(gradient, logits.shape(), logits.device())?)
    } else {
        for ((loss, z), &label) in losses.iter_mut().zip(z.chunks_exact(width)).zip(labels) {
            real::vectorized(
                #[inline(always)]
                || {
                    let max = rows::max(z);
                    *loss = rows::sum(
                        z,
                        #[inline(always)]
                        |z| (z - max).exp(),
                    )
                    .ln()
                        - (z[label as usize] - max);
                },
            );
        }
        None
    };
    let total: T = rows::sum(
        &losses,
        #[inline(always)]
        |loss| loss,
    ) * scale;
    apply1("cross_entropy", &[logits], vec![total], Shape::from(()), move |grad, _| scaled(&gradient, grad))
}

/// A vector of rows of `width`; `fill` is given where a row starts and writes all of it.
fn by_rows<T: Real>(n: usize, width: usize, fill: impl Fn(usize, &mut [T]) + Sync) -> Vec<T> {
    // SAFETY: `fill` writes every row.
    let mut out = unsafe { unwritten(n) };
    let piece = (PIECE / 2 / width).max(1) * width;
    threads::run_chunks(&mut out, piece, |start, out| {
        real::vectorized(
            #[inline(always)]
            || {
                for (i, row) in out.chunks_exact_mut(width).enumerate() {
                    fill(start + i * width, row);
                }
            },
        );
    });
    out
}
