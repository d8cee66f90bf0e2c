//! The Gaussian error linear unit, exact and approximated.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI};

use candle_core::Tensor;
use candlelight_kernels as kernels;
use candlelight_kernels::activation::{Curve, curve};

use super::check_float;
use crate::Result;

/// Gaussian error linear unit: `x` times the share of a normal distribution below `x`.
///
/// ```text
/// gelu(x) = x Φ(x) = x (1 + erf(x/√2)) / 2        gelu'(x) = Φ(x) + x φ(x),    φ(x) = exp(-x²/2) / √(2π)
/// ```
///
/// Element-wise, any shape; PyTorch's `gelu` with its defaults. At -∞ it is NaN (-∞ · 0), as there, and so is the
/// derivative at ±∞. On the CPU Φ(x) keeps its digits where it is small, which (1 + erf)/2 does not: in F32, gelu(-6) is
/// -5.9·10⁻⁹, and -0 in PyTorch. The derivative of `Tensor::gelu_erf` in Candle 0.11.1 has 1/√(2π) to six digits, an error
/// of up to 2·10⁻⁷ that F64 shows.
///
/// Hendrycks and Gimpel (2016), section 2.
///
/// # Errors
/// If `x` is not of a float dtype.
///
/// ```
/// use candlelight::{activation::gelu, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let y = gelu(&Tensor::new(&[-10f64, 0., 1., 10.], &Device::Cpu)?)?.to_vec1::<f64>()?;
/// assert!(y[0].abs() < 1e-15 && y[1] == 0. && y[3] == 10.);
/// assert!((y[2] - 0.841_344_746_068_543).abs() < 1e-12); // Φ(1)
/// # Ok(()) }
/// ```
pub fn gelu(x: &Tensor) -> Result<Tensor> {
    check_float("gelu", x)?;
    if kernels::can_take(&[x]) {
        return curve(x, Curve::Gelu);
    }
    let share = (((x * FRAC_1_SQRT_2)?.erf()? + 1.0)? * 0.5)?;
    Ok((x * share)?)
}

/// [`gelu`] with the normal distribution approximated by a hyperbolic tangent.
///
/// ```text
/// gelu_tanh(x) = x (1 + tanh(u)) / 2,    u = √(2/π) (x + 0.044715 x³)
/// ```
///
/// Element-wise, any shape; PyTorch's `gelu` with `approximate="tanh"`, and at most 5·10⁻⁴ away from [`gelu`]. At -∞ it
/// is NaN, as there, and so is the derivative where x² overflows (beyond 10¹⁹ in F32). The derivative of `Tensor::gelu`
/// in Candle 0.11.1 has its constants to six digits, an error of up to 10⁻⁶ that F64 shows.
///
/// Hendrycks and Gimpel (2016), section 2.
///
/// # Errors
/// If `x` is not of a float dtype.
///
/// ```
/// use candlelight::{activation::{gelu, gelu_tanh}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::arange_step(-6f64, 6., 0.01, &Device::Cpu)?;
/// let error = (gelu(&x)? - gelu_tanh(&x)?)?.abs()?.max_all()?.to_scalar::<f64>()?;
/// assert!(error > 1e-4 && error < 5e-4);
/// # Ok(()) }
/// ```
pub fn gelu_tanh(x: &Tensor) -> Result<Tensor> {
    check_float("gelu_tanh", x)?;
    if kernels::can_take(&[x]) {
        return curve(x, Curve::GeluTanh);
    }
    let cubic = (x + ((x * x.sqr()?)? * 0.044715)?)?;
    let share = (((cubic * FRAC_2_PI.sqrt())?.tanh()? + 1.0)? * 0.5)?;
    Ok((x * share)?)
}
