//! Layer normalization: statistics of each row.

use candle_core::Tensor;
use candlelight_base::Result;

use super::sums::{self, Vector, load, store};
use super::{gradients, numbers};
use crate::autograd::{Grads, apply1};
use crate::normalization::Moments;
use crate::real::{Token, simd};
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
        threads::run_each(tasks, |_, ((y, saved), x)| {
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

/// Rows that the backward pass takes at once.
const TOGETHER: usize = 4;

/// The backward pass of `ROWS` rows: from γ, g and x to dx, and added to dγ and dβ.
#[inline(always)]
fn rows_backward<T: Real, const ROWS: usize>(
    saved: &[Row<T>],
    (gamma, g, x): (&[T], &[T], &[T]),
    (dx, dgamma, dbeta): (&mut [T], &mut [T], &mut [T]),
) {
    let width = gamma.len();
    assert!(saved.len() == ROWS && dgamma.len() == width && dbeta.len() == width);
    assert!(g.len() == ROWS * width && x.len() == ROWS * width && dx.len() == ROWS * width);
    // dx = (γ g - constant - x̂ slope) / σ
    let mut terms = [(T::ZERO, T::ZERO); ROWS];
    for (row, (terms, &(mean, rstd))) in terms.iter_mut().zip(saved).enumerate() {
        let row = row * width..(row + 1) * width;
        let (plain, with_x) = sums::of_scaled_gradient(gamma, &g[row.clone()], &x[row], mean);
        let width = T::of(width as f64);
        *terms = (plain / width, with_x * rstd / width);
    }
    let lanes = size_of::<Vector<T>>() / size_of::<T>();
    let whole = width / lanes * lanes;
    let splat = T::splat::<Token>;
    for j in (0..whole).step_by(lanes) {
        // SAFETY: j + lanes is at most the width, and there are ROWS rows of it in g, x and dx.
        unsafe {
            let scale = load(gamma.as_ptr().add(j));
            let (mut to_gamma, mut to_beta) = (load(dgamma.as_ptr().add(j)), load(dbeta.as_ptr().add(j)));
            for row in 0..ROWS {
                let ((mean, rstd), (constant, slope)) = (saved[row], terms[row]);
                let at = row * width + j;
                let (g, x) = (load(g.as_ptr().add(at)), load(x.as_ptr().add(at)));
                let normal = T::times(simd(), T::minus(simd(), x, splat(simd(), mean)), splat(simd(), rstd));
                to_gamma = T::fma(simd(), g, normal, to_gamma);
                to_beta = T::plus(simd(), to_beta, g);
                let share = T::fma(simd(), normal, splat(simd(), slope), splat(simd(), constant));
                let inner = T::minus(simd(), T::times(simd(), g, scale), share);
                store(dx.as_mut_ptr().add(at), T::times(simd(), inner, splat(simd(), rstd)));
            }
            store(dgamma.as_mut_ptr().add(j), to_gamma);
            store(dbeta.as_mut_ptr().add(j), to_beta);
        }
    }
    for j in whole..width {
        for row in 0..ROWS {
            let ((mean, rstd), (constant, slope)) = (saved[row], terms[row]);
            let at = row * width + j;
            let normal = (x[at] - mean) * rstd;
            dgamma[j] = g[at].mul_add(normal, dgamma[j]);
            dbeta[j] += g[at];
            dx[at] = (g[at] * gamma[j] - normal.mul_add(slope, constant)) * rstd;
        }
    }
}
