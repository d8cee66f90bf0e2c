//! Group normalization: statistics over the channels of a group and all places, for each sample. With a group for each
//! channel it is instance normalization.

use candle_core::Tensor;
use candlelight_base::Result;

use super::after::After;
use super::{Line, gradients, numbers};
use crate::autograd::{Grads, apply1};
use crate::normalization::Moments;
use crate::values::{PIECE, Parts, unwritten};
use crate::{Real, contiguous, for_dtype, real, threads, values};

/// Normalizes x [N, C, ...], not empty, in `groups`, a divisor of C. Returns the statistics as well, N times those of
/// the groups.
pub fn group_norm(
    x: &Tensor,
    groups: usize,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<(Tensor, Vec<Moments>)> {
    for_dtype!(x.dtype(), T => forward::<T>(x, groups, weight, bias, eps))
}

#[derive(Clone, Copy)]
struct Size {
    n: usize,
    groups: usize,
    /// Channels of a group.
    k: usize,
    /// Numbers of a channel in a sample.
    s: usize,
}

impl Size {
    /// Calls `task` for each group of each sample, by its number, in vector code.
    fn by_groups(&self, task: impl Fn(usize) + Sync) {
        let (all, length) = (self.n * self.groups, (PIECE / (self.k * self.s)).max(1));
        threads::run(all.div_ceil(length), |i| {
            real::vectorized(
                #[inline(always)]
                || {
                    for group in i * length..all.min((i + 1) * length) {
                        task(group);
                    }
                },
            );
        });
    }
}

fn forward<T: Real>(
    x: &Tensor,
    groups: usize,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<(Tensor, Vec<Moments>)> {
    let (n, c) = (x.dims().first().copied().unwrap_or(1), x.dims().get(1).copied().unwrap_or(1));
    let size = Size { n, groups, k: c / groups, s: x.elem_count() / (n * c) };
    let (gamma, beta) = (numbers(weight, c, T::ONE)?, numbers(bias, c, T::ZERO)?);
    let mut moments = vec![Moments::default(); n * groups];
    // SAFETY: each channel of each group is written below.
    let mut y: Vec<T> = unsafe { unwritten(x.elem_count()) };
    {
        let input = contiguous(x)?;
        let x = values::<T>(&input)?;
        let x: &[T] = &x;
        let (y, moments) = (Parts::new(&mut y), Parts::new(&mut moments));
        let length = size.k * size.s;
        size.by_groups(
            #[inline(always)]
            |group| {
                let x = &x[group * length..(group + 1) * length];
                // SAFETY: a group belongs to one task.
                let (y, moments) = unsafe { (y.part(group * length, length), moments.part(group, 1)) };
                moments[0] = Moments::of(
                    1,
                    #[inline(always)]
                    |_| x,
                );
                let channels = group % groups * size.k..;
                for ((x, y), c) in x.chunks_exact(size.s).zip(y.chunks_exact_mut(size.s)).zip(channels) {
                    line(moments[0], eps, gamma[c], beta[c]).forward(x, y);
                }
            },
        );
    }
    let (has, result) = ((weight.is_some(), bias.is_some()), moments.clone());
    let inputs: Vec<&Tensor> = [Some(x), weight, bias].into_iter().flatten().collect();
    let y = apply1("group_norm", &inputs, y, x.shape(), move |grad, op| {
        backward::<T>(grad, op, size, &gamma, &moments, eps, has)
    })?;
    Ok((y, result))
}

#[inline(always)]
fn line<T: Real>(moments: Moments, eps: f64, gamma: T, shift: T) -> Line<T> {
    let scale = T::of(gamma.wide() * moments.rstd(eps));
    Line { mean: T::of(moments.mean), scale, shift, after: After::Nothing }
}

/// With d = x - mean, m numbers in a group and sums over the group: dx = 1/σ (γ g - Σ γ g / m - d Σ γ g d / (m σ²)).
fn backward<T: Real>(
    grad: &Tensor,
    op: Grads,
    size: Size,
    gamma: &[T],
    moments: &[Moments],
    eps: f64,
    has: (bool, bool),
) -> Result<Vec<Option<Tensor>>> {
    let Size { n, groups, k, s } = size;
    let (c, length) = (groups * k, k * s);
    let input = contiguous(&op.inputs[0])?;
    let (g, x) = (values::<T>(grad)?, values::<T>(&input)?);
    let (g, x): (&[T], &[T]) = (&g, &x);
    let needs_x = op.needs[0];
    // SAFETY: where it is needed, each channel of each group is written below.
    let mut dx: Vec<T> = unsafe { unwritten(if needs_x { x.len() } else { 0 }) };
    // Σ g and Σ g d / σ of each channel of each sample.
    let mut sums = vec![(0.0, 0.0); n * c];
    {
        let (dx, sums) = (Parts::new(&mut dx), Parts::new(&mut sums));
        size.by_groups(
            #[inline(always)]
            |group| {
                let (moments, rstd) = (moments[group], moments[group].rstd(eps));
                // SAFETY: a group belongs to one task.
                let sums = unsafe { sums.part(group * k, k) };
                let first = group % groups * k;
                let plane = |i: usize| group * length + i * s..group * length + (i + 1) * s;
                let (mut plain, mut with_x) = (0.0, 0.0);
                for (i, sums) in sums.iter_mut().enumerate() {
                    let gamma = gamma[first + i];
                    let (a, b) = line(moments, eps, gamma, T::ZERO).sums(&g[plane(i)], &x[plane(i)]);
                    plain += a * gamma.wide();
                    with_x += b * gamma.wide();
                    *sums = (a, b * rstd);
                }
                if !needs_x {
                    return;
                }
                let factor = rstd / length as f64;
                let (constant, slope) = (T::of(plain * factor), T::of(with_x * rstd * rstd * factor));
                for i in 0..k {
                    // SAFETY: a group belongs to one task.
                    let dx = unsafe { dx.part(plane(i).start, s) };
                    let line = line(moments, eps, gamma[first + i], T::ZERO);
                    line.backward(&g[plane(i)], &x[plane(i)], constant, slope, dx);
                }
            },
        );
    }
    let mut totals = vec![(0.0, 0.0); c];
    for sample in sums.chunks_exact(c) {
        for (total, sums) in totals.iter_mut().zip(sample) {
            total.0 += sums.0;
            total.1 += sums.1;
        }
    }
    let dweight = totals.iter().map(|total| T::of(total.1)).collect();
    let dbias = totals.iter().map(|total| T::of(total.0)).collect();
    gradients(op.inputs, has, needs_x.then_some(dx), dweight, dbias)
}
