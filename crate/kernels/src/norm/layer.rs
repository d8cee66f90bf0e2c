//! Layer normalization: statistics of each row.

use candle_core::Tensor;
use candlelight_base::Result;

use super::together::{NARROW, Row, TOGETHER, rows_backward, rows_forward};
use super::{gradients, numbers};
use crate::autograd::{Grads, apply1};
use crate::values::{PIECE, unwritten};
use crate::{Real, contiguous, for_dtype, real, threads, values};

/// Normalizes the rows of `width` that x, not empty, consists of.
pub fn layer_norm(
    x: &Tensor,
    width: usize,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Tensor> {
    for_dtype!(x.dtype(), T => forward::<T>(x, width, weight, bias, eps))
}

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
        threads::run_each(tasks, |_, ((y, saved), x)| {
            real::vectorized(
                #[inline(always)]
                || {
                    let mut row = 0;
                    while row < saved.len() {
                        let count = if width <= NARROW && row + TOGETHER <= saved.len() { TOGETHER } else { 1 };
                        let rows = row * width..(row + count) * width;
                        let (saved, x, y) = (&mut saved[row..row + count], &x[rows.clone()], &mut y[rows]);
                        match count {
                            TOGETHER => rows_forward::<T, TOGETHER>(x, (&gamma, &beta), eps, saved, y),
                            _ => rows_forward::<T, 1>(x, (&gamma, &beta), eps, saved, y),
                        }
                        row += count;
                    }
                },
            );
        });
    }
    let has = (weight.is_some(), bias.is_some());
    let inputs: Vec<&Tensor> = [Some(x), weight, bias].into_iter().flatten().collect();
    apply1("layer_norm", &inputs, y, x.shape(), move |grad, op| backward::<T>(grad, op, &gamma, &saved, has))
}

/// Rows that a task takes in the backward pass: each has sums of its own for the parameters, which are added in order
/// at the end.
fn rows_a_task(rows: usize, width: usize) -> usize {
    (PIECE / width).max(1).max(rows.div_ceil(64))
}

/// With x̂ = (x - mean) / σ and sums over a row of w: dx = 1/σ (γ g - Σ γ g / w - x̂ Σ γ g x̂ / w). Over all rows, dβ =
/// Σ g and dγ = Σ g x̂.
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
    threads::run_each(pieces, |task, ((dx, partial), saved)| {
        let start = task * piece * width;
        let (g, x) = (&g[start..start + dx.len()], &x[start..start + dx.len()]);
        let (dgamma, dbeta) = partial.split_at_mut(width);
        real::vectorized(
            #[inline(always)]
            || {
                let mut row = 0;
                while row < saved.len() {
                    // Several rows at once, so that the sums for the parameters are read and written less often.
                    let count = if row + TOGETHER <= saved.len() { TOGETHER } else { 1 };
                    let rows = row * width..(row + count) * width;
                    let of = (gamma, &g[rows.clone()], &x[rows.clone()]);
                    let to = (&mut dx[rows], &mut *dgamma, &mut *dbeta);
                    match count {
                        TOGETHER => rows_backward::<T, TOGETHER>(&saved[row..row + count], of, to),
                        _ => rows_backward::<T, 1>(&saved[row..row + count], of, to),
                    }
                    row += count;
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
