//! Batch normalization: statistics over the batch and all places, for each channel.
//!
//! A task takes some channels through all images, so that the numbers of a channel are still in the cache when the
//! result is written. A channel lies in memory as one plane an image (`planes`), or, where it has one place, as a
//! column (`columns`).

use candle_core::Tensor;
use candlelight_base::Result;

use super::after::After;
use super::channels::{Channel, Size, Sums};
use super::{Line, columns, gradients, numbers, planes};
use crate::autograd::{Grads, apply1};
use crate::normalization::{Affine, Moments};
use crate::values::{Parts, unwritten};
use crate::{Real, contiguous, for_dtype, values};

/// Normalizes x [N, C, ...] with its own statistics, and returns these; it is not empty.
pub fn with_own(x: &Tensor, affine: Affine) -> Result<(Tensor, Vec<Moments>)> {
    for_dtype!(x.dtype(), T => forward::<T>(x, affine, None))
}

/// Normalizes x [N, C, ...] with statistics that do not depend on it, one for each channel.
pub fn with_given(x: &Tensor, affine: Affine, moments: &[Moments]) -> Result<Tensor> {
    for_dtype!(x.dtype(), T => Ok(forward::<T>(x, affine, Some(moments))?.0))
}

fn forward<T: Real>(x: &Tensor, affine: Affine, given: Option<&[Moments]>) -> Result<(Tensor, Vec<Moments>)> {
    let (size, after) = (Size::of(x), After::of(affine.negative_slope));
    let (weight, bias) = (numbers(affine.weight, size.c, T::ONE)?, numbers(affine.bias, size.c, T::ZERO)?);
    let mut moments = given.map_or_else(|| vec![Moments::default(); size.c], <[Moments]>::to_vec);
    let mut channels = vec![Channel::default(); size.c];
    // SAFETY: both kinds of `forward` write all of their channels.
    let mut y: Vec<T> = unsafe { unwritten(x.elem_count()) };
    {
        let input = contiguous(x)?;
        let x = values::<T>(&input)?;
        let x: &[T] = &x;
        let y = Parts::new(&mut y);
        let (moments, channels) = (Parts::new(&mut moments), Parts::new(&mut channels));
        size.by_channels(
            #[inline(always)]
            |first, count| {
                // SAFETY: a channel belongs to one task.
                let (moments, channels) = unsafe { (moments.part(first, count), channels.part(first, count)) };
                match (given, size.s) {
                    (Some(_), _) => {}
                    (None, 1) => columns::moments(x, size, first, moments),
                    (None, _) => planes::moments(x, size, first, moments),
                }
                for (i, (channel, moments)) in channels.iter_mut().zip(&*moments).enumerate() {
                    let rstd = moments.rstd(affine.eps);
                    let (scale, shift) = (T::of(weight[first + i].wide() * rstd), bias[first + i]);
                    *channel = Channel { line: Line { mean: T::of(moments.mean), scale, shift, after }, rstd };
                }
                // SAFETY: a channel belongs to one task.
                unsafe {
                    match size.s {
                        1 => columns::forward(x, size, first, channels, &y),
                        _ => planes::forward(x, size, first, channels, &y),
                    }
                }
            },
        );
    }
    let (fixed, has) = (given.is_some(), (affine.weight.is_some(), affine.bias.is_some()));
    let inputs: Vec<&Tensor> = [Some(x), affine.weight, affine.bias].into_iter().flatten().collect();
    let y = apply1("batch_norm", &inputs, y, x.shape(), move |grad, op| {
        backward::<T>(grad, op, size, &channels, fixed, has)
    })?;
    Ok((y, moments))
}

/// With m numbers in a channel: dβ = Σ g, dγ = Σ g d / σ, and dx = γ/σ (g - Σ g / m - d Σ g d / (m σ²)), where both
/// sums are left out if the statistics are fixed.
fn backward<T: Real>(
    grad: &Tensor,
    op: Grads,
    size: Size,
    channels: &[Channel<T>],
    fixed: bool,
    has: (bool, bool),
) -> Result<Vec<Option<Tensor>>> {
    let input = contiguous(&op.inputs[0])?;
    let (g, x) = (values::<T>(grad)?, values::<T>(&input)?);
    let (g, x): (&[T], &[T]) = (&g, &x);
    let needs_x = op.needs[0];
    // SAFETY: where it is needed, both kinds of `backward` write all of their channels.
    let mut dx: Vec<T> = unsafe { unwritten(if needs_x { x.len() } else { 0 }) };
    let mut sums: Vec<Sums> = vec![(0.0, 0.0); size.c];
    {
        let (dx, sums) = (Parts::new(&mut dx), Parts::new(&mut sums));
        size.by_channels(
            #[inline(always)]
            |first, count| {
                let channels = &channels[first..first + count];
                // SAFETY: a channel belongs to one task.
                let sums = unsafe { sums.part(first, count) };
                match size.s {
                    1 => columns::sums(g, x, size, first, channels, sums),
                    _ => planes::sums(g, x, size, first, channels, sums),
                }
                if !needs_x {
                    return;
                }
                let share = |(channel, &(plain, with_x)): (&Channel<T>, &Sums)| {
                    let factor = if fixed { 0.0 } else { channel.line.scale.wide() / (size.n * size.s) as f64 };
                    (T::of(plain * factor), T::of(with_x * channel.rstd * channel.rstd * factor))
                };
                let shares: Vec<(T, T)> = channels.iter().zip(&*sums).map(share).collect();
                // SAFETY: a channel belongs to one task.
                unsafe {
                    match size.s {
                        1 => columns::backward(g, x, size, first, channels, &shares, &dx),
                        _ => planes::backward(g, x, size, first, channels, &shares, &dx),
                    }
                }
            },
        );
    }
    let dweight = sums.iter().zip(channels).map(|(sums, channel)| T::of(sums.1 * channel.rstd)).collect();
    let dbias = sums.iter().map(|sums| T::of(sums.0)).collect();
    gradients(op.inputs, has, needs_x.then_some(dx), dweight, dbias)
}
