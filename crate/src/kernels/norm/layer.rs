//! Layer normalization: statistics of each row.

use candle_core::Tensor;

use super::{Moments, gradients, numbers};
use crate::Result;
use crate::autograd::{Grads, apply1};
use crate::kernels::values::{PIECE, unwritten};
use crate::kernels::{Real, contiguous, for_dtype, pool, real, rows, values};

/// Normalizes the rows of `width` that x, not empty, consists of.
pub(crate) fn layer_norm(
    x: &Tensor,
    width: usize,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Tensor> {
    for_dtype!(x.dtype(), T => forward::<T>(x, width, weight, bias, eps))
}

/// Mean and 1 / standard deviation of a row.
type Row<T> = (T, T);

fn forward<T: Real>(
    x: &Tensor,
    width: usize,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Tensor> {
    let (gamma, beta) = (numbers(weight, width, T::ONE)?, numbers(bias, width, T::ZERO)?);
    let count = x.elem_count() / width;
    let mut saved: Vec<Row<T>> = vec![(T::ZERO, T::ZERO); count];
    // SAFETY: each row is written below.
    let mut y: Vec<T> = unsafe { unwritten(x.elem_count()) };
    {
        let input = contiguous(x)?;
        let x = values::<T>(&input)?;
        let piece = (PIECE / width).max(1);
        let tasks = y.chunks_mut(piece * width).zip(saved.chunks_mut(piece)).zip(x.chunks(piece * width));
        pool::run_each(tasks, |_, ((y, saved), x)| {
            real::vectorized(
                #[inline(always)]
                || {
                    for ((y, saved), x) in y.chunks_exact_mut(width).zip(saved).zip(x.chunks_exact(width)) {
                        let moments = Moments::of(
                            1,
                            #[inline(always)]
                            |_| x,
                        );
                        let (mean, rstd) = (T::of(moments.mean), T::of(moments.rstd(eps)));
                        *saved = (mean, rstd);
                        for (((y, &x), &gamma), &beta) in y.iter_mut().zip(x).zip(&gamma).zip(&beta) {
                            *y = ((x - mean) * rstd).mul_add(gamma, beta);
                        }
                    }
                },
            );
        });
    }
    let has = (weight.is_some(), bias.is_some());
    let inputs: Vec<&Tensor> = [Some(x), weight, bias].into_iter().flatten().collect();
    apply1("layer_norm", &inputs, y, x.shape(), move |grad, op| backward::<T>(grad, op, &gamma, &saved, has))
}

/// Rows that a task takes in the backward pass: each has sums of its own for the parameters, which are added in order at the end.
fn rows_a_task(rows: usize, width: usize) -> usize {
    (PIECE / width).max(1).max(rows.div_ceil(64))
}

/// With x̂ = (x - mean) / σ and sums over a row of w: dx = 1/σ (γ g - Σ γ g / w - x̂ Σ γ g x̂ / w). Over all rows, dβ = Σ g and dγ = Σ g x̂.
fn backward<T: Real>(
    grad: &Tensor,
    op: Grads,
    gamma: &[T],
    saved: &[Row<T>],
    has: (bool, bool),
) -> Result<Vec<Option<Tensor>>> {
    let width = gamma.len();
    let input = contiguous(&op.inputs[0])?;
    let (g, x) = (values::<T>(grad)?, values::<T>(&input)?);
    // SAFETY: each row is written below.
    let mut dx: Vec<T> = unsafe { unwritten(x.len()) };
    let piece = rows_a_task(saved.len(), width);
    let tasks = saved.len().div_ceil(piece);
    let mut partial = vec![T::ZERO; tasks * 2 * width];
    let pieces = dx.chunks_mut(piece * width).zip(partial.chunks_mut(2 * width)).zip(saved.chunks(piece));
    pool::run_each(pieces, |task, ((dx, partial), saved)| {
        real::vectorized(
            #[inline(always)]
            || {
                let (dgamma, dbeta) = partial.split_at_mut(width);
                for (i, (dx, &(mean, rstd))) in dx.chunks_exact_mut(width).zip(saved).enumerate() {
                    let start = (task * piece + i) * width;
                    let (g, x) = (&g[start..start + width], &x[start..start + width]);
                    row_backward((mean, rstd), gamma, g, x, dx, dgamma, dbeta);
                }
            },
        );
    });
    let mut totals = vec![0.0; 2 * width];
    for partial in partial.chunks_exact(2 * width) {
        totals.iter_mut().zip(partial).for_each(|(total, x)| *total += x.wide());
    }
    let (dgamma, dbeta) = totals.split_at(width);
    let narrow = |totals: &[f64]| totals.iter().map(|&x| T::of(x)).collect();
    gradients(op.inputs, has, op.needs[0].then_some(dx), narrow(dgamma), narrow(dbeta))
}

#[inline(always)]
fn row_backward<T: Real>(
    (mean, rstd): Row<T>,
    gamma: &[T],
    g: &[T],
    x: &[T],
    dx: &mut [T],
    dgamma: &mut [T],
    dbeta: &mut [T],
) {
    // What γ g is, for now.
    for (((((dx, &g), &x), &gamma), dgamma), dbeta) in dx.iter_mut().zip(g).zip(x).zip(gamma).zip(dgamma).zip(dbeta) {
        *dx = g * gamma;
        *dgamma = g.mul_add((x - mean) * rstd, *dgamma);
        *dbeta += g;
    }
    let (plain, with_x) = rows::two_sums(
        dx,
        x,
        #[inline(always)]
        |g, x| (g, g * ((x - mean) * rstd)),
    );
    let width = T::of(dx.len() as f64);
    let (plain, with_x) = (plain / width, with_x / width);
    for (dx, &x) in dx.iter_mut().zip(x) {
        *dx = (*dx - ((x - mean) * rstd).mul_add(with_x, plain)) * rstd;
    }
}
