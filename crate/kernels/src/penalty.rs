//! Penalties on the size of all weights, in one pass over them each way.

use candle_core::{DType, Tensor};
use candlelight_base::Result;

use super::values::{PIECE, map};
use super::{Real, contiguous, for_dtype, real, rows, threads, values};
use crate::autograd::apply1;

/// What is added for each weight.
#[derive(Debug, Clone, Copy)]
pub enum Norm {
    /// |w|, of derivative 0 at 0
    L1,
    /// w²
    L2,
}

/// The norm of all weights of a dtype together, a scalar.
pub fn penalty(dtype: DType, weights: &[&Tensor], norm: Norm) -> Result<Tensor> {
    for_dtype!(dtype, T => {
        let mut total = 0.0;
        for weight in weights {
            total += sum::<T>(&values::<T>(&contiguous(weight)?)?, norm);
        }
        apply1("penalty", weights, vec![T::of(total)], (), move |grad, op| {
            let upstream = values::<T>(grad)?[0];
            let gradient = |w: &Tensor| -> Result<Tensor> {
                let w = contiguous(w)?;
                let values = values::<T>(&w)?;
                let gradient = match norm {
                    Norm::L1 => map(&values, #[inline(always)] move |w: T| {
                        let positive = if w > T::ZERO { upstream } else { T::ZERO };
                        if w < T::ZERO { -upstream } else { positive }
                    }),
                    Norm::L2 => map(&values, #[inline(always)] move |w: T| (upstream + upstream) * w),
                };
                Ok(Tensor::from_vec(gradient, w.shape(), w.device())?)
            };
            op.inputs.iter().zip(op.needs).map(|(w, need)| need.then(|| gradient(w)).transpose()).collect()
        })
    })
}

fn sum<T: Real>(w: &[T], norm: Norm) -> f64 {
    /// Weights that are added in their own type before their sum is added in f64.
    const CHUNK: usize = 1024;
    let mut sums = vec![0.0; w.len().div_ceil(PIECE)];
    threads::run_each(w.chunks(PIECE).zip(&mut sums), |_, (piece, sum)| {
        real::vectorized(
            #[inline(always)]
            || {
                for chunk in piece.chunks(CHUNK) {
                    *sum += match norm {
                        Norm::L1 => rows::sum(
                            chunk,
                            #[inline(always)]
                            |w| w.abs(),
                        ),
                        Norm::L2 => rows::sum(
                            chunk,
                            #[inline(always)]
                            |w| w * w,
                        ),
                    }
                    .wide();
                }
            },
        );
    });
    sums.iter().sum()
}
