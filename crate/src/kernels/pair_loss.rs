//! Losses that are a sum over pairs of a prediction and a target, with their gradient made on the way.

use candle_core::{Shape, Tensor};

use super::{Real, contiguous, for_dtype, values};
use crate::Result;
use crate::autograd::apply1;

/// A function of a prediction and a target.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PairLoss {
    /// (p - t)²
    Squared,
    /// Quadratic within δ, linear beyond.
    Huber { delta: f64 },
    /// Cross-entropy of a yes/no target, from a logit.
    BinaryCrossEntropy,
}

impl PairLoss {
    /// The loss and its derivative by the prediction.
    #[inline(always)]
    fn at<T: Real>(self, p: T, t: T) -> (T, T) {
        match self {
            Self::Squared => ((p - t) * (p - t), T::of(2.0) * (p - t)),
            Self::Huber { delta } => {
                let (d, delta) = (p - t, T::of(delta));
                let clamped = if d > delta { delta } else { d };
                let clamped = if clamped < -delta { -delta } else { clamped };
                (clamped * (d - T::of(0.5) * clamped), clamped)
            }
            Self::BinaryCrossEntropy => {
                // softplus(z) - t z. Large terms first: where the target is met they cancel exactly, and the small rest keeps its digits.
                let large = T::ZERO.larger(p) - t * p;
                (large + (-p.abs()).exp().ln_1p(), p.sigmoid() - t)
            }
        }
    }
}

/// scale · Σ loss(p, t), differentiated by the prediction alone.
pub(crate) fn pair_loss(prediction: &Tensor, target: &Tensor, loss: PairLoss, scale: f64) -> Result<Tensor> {
    for_dtype!(prediction.dtype(), T => pair_loss_of::<T>(prediction, target, loss, scale))
}

fn pair_loss_of<T: Real>(prediction: &Tensor, target: &Tensor, loss: PairLoss, scale: f64) -> Result<Tensor> {
    let (p, t) = (contiguous(prediction)?, contiguous(target)?);
    let (p, t) = (values::<T>(&p)?, values::<T>(&t)?);
    let scale = T::of(scale);
    let mut sum = 0.0;
    let mut slopes = Vec::with_capacity(if prediction.track_op() { p.len() } else { 0 });
    for (&p, &t) in p.iter().zip(t.iter()) {
        let (value, slope) = loss.at(p, t);
        sum += value.to_f64();
        if prediction.track_op() {
            slopes.push(slope * scale);
        }
    }
    let value = T::of(sum) * scale;
    let gradient = match prediction.track_op() {
        true => Some(Tensor::from_vec(slopes, prediction.shape(), prediction.device())?),
        false => None,
    };
    apply1("pair_loss", &[prediction], vec![value], Shape::from(()), move |grad, _| super::scaled(&gradient, grad))
}
