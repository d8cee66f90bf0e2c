//! Element-wise activations.

mod curve;
mod normal;

use candle_core::Tensor;
use candlelight_base::Result;

use crate::autograd::apply1;
use crate::values::{PIECE, map, map2};
use crate::{Real, contiguous, for_dtype, real, threads, values};

pub use curve::{Curve, curve};

/// An activation whose derivative follows from its value, so that it can be joined to the layer before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unary {
    /// max(x, 0)
    Relu,
    /// 1 / (1 + exp(-x))
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
}

impl Unary {
    #[inline(always)]
    fn value<T: Real>(self, x: T) -> T {
        match self {
            // This way round, NaN stays NaN.
            Self::Relu => {
                if x <= T::ZERO {
                    T::ZERO
                } else {
                    x
                }
            }
            Self::Sigmoid => x.sigmoid(),
            Self::Tanh => x.tanh(),
        }
    }

    /// The derivative where the value is `y`.
    #[inline(always)]
    fn slope<T: Real>(self, y: T) -> T {
        match self {
            Self::Relu => {
                if y <= T::ZERO {
                    T::ZERO
                } else {
                    T::ONE
                }
            }
            Self::Sigmoid => y * (T::ONE - y),
            Self::Tanh => T::ONE - y * y,
        }
    }

    /// Replaces numbers by the activation's values; on the calling thread, for kernels.
    #[inline(always)]
    pub(crate) fn apply<T: Real>(self, x: &mut [T]) {
        // The choice is made outside the loops, which then become vector code.
        match self {
            Self::Relu => x.iter_mut().for_each(
                #[inline(always)]
                |x| *x = Self::Relu.value(*x),
            ),
            Self::Sigmoid => x.iter_mut().for_each(
                #[inline(always)]
                |x| *x = Self::Sigmoid.value(*x),
            ),
            Self::Tanh => x.iter_mut().for_each(
                #[inline(always)]
                |x| *x = Self::Tanh.value(*x),
            ),
        }
    }

    /// The gradient before the activation: `grad` times the derivative where the values are `y`.
    pub(crate) fn backward<T: Real>(self, grad: &[T], y: &[T]) -> Vec<T> {
        match self {
            // A choice rather than a product: ∞ · 0 would be NaN. At NaN it is the gradient, as in PyTorch.
            Self::Relu => map2(
                grad,
                y,
                #[inline(always)]
                |g, y| if y <= T::ZERO { T::ZERO } else { g },
            ),
            Self::Sigmoid => map2(
                grad,
                y,
                #[inline(always)]
                |g, y| g * Self::Sigmoid.slope(y),
            ),
            Self::Tanh => map2(
                grad,
                y,
                #[inline(always)]
                |g, y| g * Self::Tanh.slope(y),
            ),
        }
    }
}

/// The activation as an operation of its own.
pub fn activation(x: &Tensor, unary: Unary) -> Result<Tensor> {
    for_dtype!(x.dtype(), T => {
        let input = contiguous(x)?;
        let y = {
            let x = values::<T>(&input)?;
            match unary {
                Unary::Relu => map(
                    &x,
                    #[inline(always)]
                    |x| Unary::Relu.value(x),
                ),
                Unary::Sigmoid => map(
                    &x,
                    #[inline(always)]
                    |x| Unary::Sigmoid.value(x),
                ),
                Unary::Tanh => map(
                    &x,
                    #[inline(always)]
                    |x| Unary::Tanh.value(x),
                ),
            }
        };
        apply1("activation", &[x], y, x.shape(), move |grad, op| {
            let dx = unary.backward::<T>(&values(grad)?, &values(&op.outputs[0])?);
            Ok(vec![Some(Tensor::from_vec(dx, grad.shape(), grad.device())?)])
        })
    })
}

/// g where x is above 0, else a multiple of it.
#[inline(always)]
pub(crate) fn above<T: Real>(x: T, g: T, negative_slope: T) -> T {
    // The product is made either way: a choice of results becomes vector code, a choice of ways does not.
    let less = g * negative_slope;
    if x > T::ZERO { g } else { less }
}

/// Leaky ReLU. Its derivative is taken from x, because its value has the sign of x only where the slope is positive.
pub fn leaky_relu(x: &Tensor, negative_slope: f64) -> Result<Tensor> {
    for_dtype!(x.dtype(), T => {
        let slope = T::of(negative_slope);
        let y = map(
            &values::<T>(&contiguous(x)?)?,
            #[inline(always)]
            move |x| above(x, x, slope),
        );
        apply1("leaky_relu", &[x], y, x.shape(), move |grad, op| {
            let dx = all_above::<T>(&values(&contiguous(&op.inputs[0])?)?, &values(grad)?, slope);
            Ok(vec![Some(Tensor::from_vec(dx, grad.shape(), grad.device())?)])
        })
    })
}

/// v where x is above 0, else a multiple of it: the derivative of a (leaky) ReLU at x along v. It depends on v alone, since
/// the slope is a constant on either side.
pub fn piecewise(x: &Tensor, v: &Tensor, negative_slope: f64) -> Result<Tensor> {
    for_dtype!(v.dtype(), T => {
        let slope = T::of(negative_slope);
        let x = contiguous(&x.detach())?;
        let y = choose::<T>(&values(&x)?, &values(&contiguous(v)?)?, slope);
        apply1("piecewise", &[v], y, v.shape(), move |grad, _| {
            let dv = choose::<T>(&values(&x)?, &values(grad)?, slope);
            Ok(vec![Some(Tensor::from_vec(dv, grad.shape(), grad.device())?)])
        })
    })
}

/// [`all_above`], where 0 times anything is 0.
fn choose<T: Real>(x: &[T], v: &[T], negative_slope: T) -> Vec<T> {
    match negative_slope == T::ZERO {
        // Not the product for ReLU: 0 · ∞ is NaN.
        true => map2(
            x,
            v,
            #[inline(always)]
            |x, v| if x > T::ZERO { v } else { T::ZERO },
        ),
        false => all_above(x, v, negative_slope),
    }
}

/// [`above`] of each pair of elements of two slices of one length.
fn all_above<T: Real>(x: &[T], g: &[T], negative_slope: T) -> Vec<T> {
    map2(
        x,
        g,
        // `move`: a reference to the slope would be followed anew for each element.
        #[inline(always)]
        move |x, g| above(x, g, negative_slope),
    )
}

/// relu(a + b) of two tensors of one shape, whose gradients are the same.
pub fn add_relu(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    for_dtype!(a.dtype(), T => {
        let (left, right) = (contiguous(a)?, contiguous(b)?);
        let y = map2::<T>(
            &values(&left)?,
            &values(&right)?,
            #[inline(always)]
            |a, b| Unary::Relu.value(a + b),
        );
        apply1("add_relu", &[a, b], y, a.shape(), |grad, op| {
            let before = Unary::Relu.backward::<T>(&values(grad)?, &values(&op.outputs[0])?);
            let before = Tensor::from_vec(before, grad.shape(), grad.device())?;
            Ok(op.needs.iter().map(|need| need.then(|| before.clone())).collect())
        })
    })
}

/// Adds `bias` to each row of `rows` and applies the activation.
pub(crate) fn finish_rows<T: Real>(rows: &mut [T], width: usize, bias: Option<&[T]>, unary: Option<Unary>) {
    let piece = (PIECE / width).max(1) * width;
    threads::run_chunks(rows, piece, |_, rows| {
        real::vectorized(
            #[inline(always)]
            || {
                for row in rows.chunks_exact_mut(width) {
                    if let Some(bias) = bias {
                        row.iter_mut().zip(bias).for_each(|(y, &b)| *y += b);
                    }
                    if let Some(unary) = unary {
                        unary.apply(row);
                    }
                }
            },
        );
    });
}
