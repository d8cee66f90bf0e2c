//! Derivatives of activations along a direction, made so that they can be differentiated once more.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI};

use candle_core::{D, Tensor};
use candlelight_kernels as kernels;

use super::Activation;
use crate::Result;
use crate::activation::{sigmoid, tanh};

/// f'(x) v for y = f(x). (For a softmax, J v.)
pub(super) fn along(activation: Activation, x: &Tensor, y: &Tensor, v: &Tensor) -> Result<Tensor> {
    let one_minus = |x: &Tensor| x.affine(-1.0, 1.0);
    let slope = match activation {
        Activation::Relu => return piecewise(x, 0.0, v),
        Activation::LeakyRelu { negative_slope } => return piecewise(x, negative_slope, v),
        Activation::Sigmoid => (y * one_minus(y)?)?,
        Activation::Tanh => one_minus(&y.sqr()?)?,
        // Below 0, α exp(x) = y + α.
        Activation::Elu { alpha } => positive(x)?.where_cond(&x.ones_like()?, &(y + alpha)?)?,
        // Φ(x) + x φ(x)
        Activation::Gelu => {
            let below = (((x * FRAC_1_SQRT_2)?.erf()? + 1.0)? * 0.5)?;
            let density = ((x.sqr()? * -0.5)?.exp()? * (0.5 * FRAC_1_SQRT_2 * std::f64::consts::FRAC_2_SQRT_PI))?;
            (below + (x * density)?)?
        }
        // (1 + t) / 2 + x (1 - t²) u'(x) / 2 with t = tanh(u(x))
        Activation::GeluTanh => {
            let (rate, cube) = (FRAC_2_PI.sqrt(), 0.044715);
            let t = tanh(&((x + ((x * x.sqr()?)? * cube)?)? * rate)?)?;
            let inner = (((x.sqr()? * (3.0 * cube))? + 1.0)? * rate)?;
            let rest = ((x * one_minus(&t.sqr()?)?)? * inner)?;
            (((t + 1.0)? + rest)? * 0.5)?
        }
        // σ + x σ (1 - σ)
        Activation::Silu => {
            let s = sigmoid(x)?;
            (&s + (y * one_minus(&s)?)?)?
        }
        Activation::Softplus { beta, threshold } => {
            let inner = (x * beta)?;
            let linear = inner.gt(&(x.ones_like()? * threshold)?)?;
            linear.where_cond(&x.ones_like()?, &sigmoid(&inner)?)?
        }
        Activation::Softmax { temperature } => {
            let product = (y * v)?;
            let mean = product.sum_keepdim(D::Minus1)?;
            return Ok(((product - y.broadcast_mul(&mean)?)? * (1.0 / temperature))?);
        }
        Activation::LogSoftmax { temperature } => {
            let mean = (y.exp()? * v)?.sum_keepdim(D::Minus1)?;
            return Ok((v.broadcast_sub(&mean)? * (1.0 / temperature))?);
        }
    };
    Ok((slope * v)?)
}

/// v where x is above 0, else a v: a constant slope on either side, so nothing of it depends on x.
fn piecewise(x: &Tensor, negative_slope: f64, v: &Tensor) -> Result<Tensor> {
    if kernels::can_take(&[x, v]) {
        return kernels::activation::piecewise(x, v, negative_slope);
    }
    let below = if negative_slope == 0.0 { v.zeros_like()? } else { (v * negative_slope)? };
    Ok(positive(x)?.where_cond(v, &below)?)
}

fn positive(x: &Tensor) -> Result<Tensor> {
    let x = x.detach();
    Ok(x.gt(&x.zeros_like()?)?)
}
