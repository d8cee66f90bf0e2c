//! Activations whose derivative is computed from their input.

use std::f64::consts::FRAC_2_PI;

use candle_core::Tensor;
use candlelight_base::Result;

use super::normal::normal;
use crate::autograd::apply1;
use crate::values::{PIECE, produce};
use crate::{Real, contiguous, for_dtype, values};

/// An activation whose derivative is computed from its input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Curve {
    /// x above 0, α (exp(x) - 1) below.
    Elu {
        /// α, finite in the type of the numbers.
        alpha: f64,
    },
    /// x Φ(x)
    Gelu,
    /// x (1 + tanh(u)) / 2 with u = √(2/π) (x + 0.044715 x³)
    GeluTanh,
    /// x / (1 + exp(-x))
    Silu,
    /// log(1 + exp(β x)) / β, or x where β x is above the threshold.
    Softplus {
        /// β, above 0 and finite in the type of the numbers.
        beta: f64,
        /// Not NaN.
        threshold: f64,
    },
}

impl Curve {
    /// The value and the derivative. A caller takes one of them, and the compiler drops what is for the other alone.
    #[inline(always)]
    fn at<T: Real>(self, x: T) -> (T, T) {
        // Both results of a choice are computed: that becomes vector code.
        match self {
            Self::Elu { alpha } => {
                let below = (T::of(alpha) * x.exp_m1(), T::of(alpha) * x.exp());
                if x > T::ZERO { (x, T::ONE) } else { below }
            }
            Self::Gelu => {
                let (share, density) = normal(x);
                (x * share, x.mul_add(density, share))
            }
            Self::GeluTanh => {
                // (1 + tanh(u)) / 2 is σ(2u), which keeps its digits where it is small.
                let (rate, cube) = (2.0 * FRAC_2_PI.sqrt(), 0.044715);
                let square = x * x;
                let (share, rest) = shares(x * square.mul_add(T::of(rate * cube), T::of(rate)));
                let inner = square.mul_add(T::of(3.0 * rate * cube), T::of(rate));
                (x * share, (x * share * rest).mul_add(inner, share))
            }
            Self::Silu => {
                let (share, rest) = shares(x);
                (x * share, (x * share).mul_add(rest, share))
            }
            Self::Softplus { beta, threshold } => {
                let inner = T::of(beta) * x;
                let soft = T::ZERO.larger(x) + (-inner.abs()).exp().ln_1p_of_fraction() / T::of(beta);
                if inner > T::of(threshold) { (x, T::ONE) } else { (soft, shares(inner).0) }
            }
        }
    }
}

/// σ(x) and 1 - σ(x) = σ(-x), neither as a difference, in which the smaller one would lose its digits.
#[inline(always)]
fn shares<T: Real>(x: T) -> (T, T) {
    let exp = (-x.abs()).exp();
    let larger = T::ONE / (T::ONE + exp);
    let smaller = exp * larger;
    if x < T::ZERO { (smaller, larger) } else { (larger, smaller) }
}

/// The activation as an operation.
pub fn curve(x: &Tensor, curve: Curve) -> Result<Tensor> {
    for_dtype!(x.dtype(), T => {
        let y = pass::<T>(curve, &values(&contiguous(x)?)?, None);
        apply1("curve", &[x], y, x.shape(), move |grad, op| {
            let x = contiguous(&op.inputs[0])?;
            let dx = pass::<T>(curve, &values(&x)?, Some(&values(grad)?));
            Ok(vec![Some(Tensor::from_vec(dx, grad.shape(), grad.device())?)])
        })
    })
}

/// The values at `x`, or the gradients of `x` that follow from those of the values.
fn pass<T: Real>(curve: Curve, x: &[T], grad: Option<&[T]>) -> Vec<T> {
    // The choice is made outside the loops, which then become vector code.
    match curve {
        Curve::Elu { alpha } => pass_of(
            #[inline(always)]
            move || Curve::Elu { alpha },
            x,
            grad,
        ),
        Curve::Gelu => pass_of(
            #[inline(always)]
            || Curve::Gelu,
            x,
            grad,
        ),
        Curve::GeluTanh => pass_of(
            #[inline(always)]
            || Curve::GeluTanh,
            x,
            grad,
        ),
        Curve::Silu => pass_of(
            #[inline(always)]
            || Curve::Silu,
            x,
            grad,
        ),
        Curve::Softplus { beta, threshold } => pass_of(
            #[inline(always)]
            move || Curve::Softplus { beta, threshold },
            x,
            grad,
        ),
    }
}

/// [`pass`] of a curve that is made anew for each piece. A captured one would be read again for each number, its kind as
/// well: as far as the compiler knows, it might lie where the results are written.
fn pass_of<T: Real>(curve: impl Fn() -> Curve + Sync, x: &[T], grad: Option<&[T]>) -> Vec<T> {
    let n = x.len();
    match grad {
        // SAFETY: both slices have the same length, so every element is written.
        None => unsafe {
            produce(
                n,
                PIECE,
                #[inline(always)]
                |start, y| {
                    let curve = curve();
                    let x = &x[start..start + y.len()];
                    for (y, &x) in y.iter_mut().zip(x) {
                        *y = curve.at(x).0;
                    }
                },
            )
        },
        Some(grad) => {
            assert_eq!(grad.len(), n);
            // SAFETY: all slices have the same length, so every element is written.
            unsafe {
                produce(
                    n,
                    PIECE,
                    #[inline(always)]
                    |start, dx| {
                        let curve = curve();
                        let part = start..start + dx.len();
                        for ((dx, &x), &g) in dx.iter_mut().zip(&x[part.clone()]).zip(&grad[part]) {
                            *dx = g * curve.at(x).1;
                        }
                    },
                )
            }
        }
    }
}
