//! Losses that are a sum over pairs of a prediction and a target, with their gradient made on the way.

use candle_core::{Shape, Tensor};
use candlelight_base::Result;

use super::gradient::scaled;
use super::values::{PIECE, unwritten};
use super::{Real, contiguous, for_dtype, real, rows, threads, values};
use crate::autograd::{apply1, is_tracked};

/// A function of a prediction and a target.
#[derive(Debug, Clone, Copy)]
pub enum PairLoss {
    /// (p - t)²
    Squared,
    /// Quadratic within δ, linear beyond.
    Huber {
        /// δ, above 0.
        delta: f64,
    },
    /// Huber's, divided by its δ.
    SmoothL1 {
        /// β, above 0.
        beta: f64,
    },
    /// Cross-entropy of a yes/no target, from a logit.
    BinaryCrossEntropy,
}

impl PairLoss {
    /// The loss and its derivative with respect to the prediction.
    #[inline(always)]
    fn at<T: Real>(self, p: T, t: T) -> (T, T) {
        match self {
            Self::Squared => ((p - t) * (p - t), T::of(2.0) * (p - t)),
            Self::Huber { delta } => {
                let d = p - t;
                let clamped = clamp(d, T::of(delta));
                (clamped * (d - T::of(0.5) * clamped), clamped)
            }
            Self::SmoothL1 { beta } => {
                let d = p - t;
                // In f64, because β may be 0 or ∞ in f32.
                let slope = T::of(clamp(d.wide() / beta, 1.0));
                (slope * (d - T::of(0.5) * clamp(d, T::of(beta))), slope)
            }
            Self::BinaryCrossEntropy => {
                // softplus(z) - t z. Large terms first: where the target is met they cancel exactly, and the small rest
                // keeps its digits.
                let large = T::ZERO.larger(p) - t * p;
                (large + (-p.abs()).exp().ln_1p_of_fraction(), p.sigmoid() - t)
            }
        }
    }
}

/// `x` in [-limit, limit]; NaN stays NaN.
#[inline(always)]
fn clamp<T: Real>(x: T, limit: T) -> T {
    let x = if x > limit { limit } else { x };
    if x < -limit { -limit } else { x }
}

/// scale · Σ loss(p, t), differentiated with respect to the prediction alone.
pub fn pair_loss(prediction: &Tensor, target: &Tensor, loss: PairLoss, scale: f64) -> Result<Tensor> {
    for_dtype!(prediction.dtype(), T => pair_loss_of::<T>(prediction, target, loss, scale))
}

/// Pairs whose losses are added in their own type before their sum is added in f64.
const CHUNK: usize = 1024;

fn pair_loss_of<T: Real>(prediction: &Tensor, target: &Tensor, loss: PairLoss, scale: f64) -> Result<Tensor> {
    let (p, t) = (contiguous(prediction)?, contiguous(target)?);
    let (p, t) = (values::<T>(&p)?, values::<T>(&t)?);
    let (p, t): (&[T], &[T]) = (&p, &t);
    let scale = T::of(scale);
    // SAFETY: every slope is written below.
    let mut slopes: Vec<T> = unsafe { unwritten(p.len()) };
    let mut sums = vec![0.0; p.len().div_ceil(PIECE)];
    threads::run_each(slopes.chunks_mut(PIECE).zip(&mut sums), |i, (slopes, sum)| {
        let part = i * PIECE..i * PIECE + slopes.len();
        let (p, t) = (&p[part.clone()], &t[part]);
        // The choice is made outside the loops, which then become vector code.
        macro_rules! piece {
            ($loss:expr) => {
                piece(
                    (p, t),
                    scale,
                    (slopes, sum),
                    #[inline(always)]
                    |p, t| $loss.at(p, t),
                )
            };
        }
        match loss {
            PairLoss::Squared => piece!(PairLoss::Squared),
            PairLoss::Huber { delta } => piece!(PairLoss::Huber { delta }),
            PairLoss::SmoothL1 { beta } => piece!(PairLoss::SmoothL1 { beta }),
            PairLoss::BinaryCrossEntropy => piece!(PairLoss::BinaryCrossEntropy),
        }
    });
    let value = T::of(sums.iter().sum()) * scale;
    let gradient = match is_tracked(&[prediction]) {
        true => Some(Tensor::from_vec(slopes, prediction.shape(), prediction.device())?),
        false => None,
    };
    apply1("pair_loss", &[prediction], vec![value], Shape::from(()), move |grad, _| scaled(&gradient, grad))
}

/// Adds the losses to `sum`, and writes their derivatives, scaled.
#[inline(always)]
fn piece<T: Real>((p, t): (&[T], &[T]), scale: T, (slopes, sum): (&mut [T], &mut f64), at: impl Fn(T, T) -> (T, T)) {
    real::vectorized(
        #[inline(always)]
        || {
            let mut losses = [T::ZERO; CHUNK];
            for ((p, t), slopes) in p.chunks(CHUNK).zip(t.chunks(CHUNK)).zip(slopes.chunks_mut(CHUNK)) {
                let losses = &mut losses[..p.len()];
                for (((&p, &t), slope), loss) in p.iter().zip(t).zip(slopes).zip(&mut *losses) {
                    let (value, derivative) = at(p, t);
                    (*loss, *slope) = (value, derivative * scale);
                }
                *sum += rows::sum(losses, |loss| loss).wide();
            }
        },
    );
}
