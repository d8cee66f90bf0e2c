//! Functions that lose their digits, or their gradient, in the form in which textbooks write them.

use candle_core::{Result, Tensor};

/// |x| with derivative 0 at 0; that of `Tensor::abs` in Candle 0.11.1 is 1 there.
pub(crate) fn abs(x: &Tensor) -> Result<Tensor> {
    // `sign` has no gradient, so the derivative is sign(x).
    x * x.sign()?
}

/// The two terms of softplus, finite for every finite `x`; the derivative of a + b/β is σ(βx).
///
/// ```text
/// log(1 + exp(β x)) / β = a + b / β,    a = max(x, 0),   b = log(1 + exp(-β |x|))
/// ```
///
/// Both have a kink at 0. The kinks cancel in the gradient because one mask decides both: at 0 the derivative of the first
/// term is 0, and that of -|x| is +1, which gives 0 + 1/2.
pub(crate) fn softplus_parts(x: &Tensor, beta: f64) -> Result<(Tensor, Tensor)> {
    let zeros = x.zeros_like()?;
    let positive = x.gt(&zeros)?;
    let minus_abs = positive.where_cond(&x.neg()?, x)?;
    let minus_abs = if beta == 1.0 { minus_abs } else { (minus_abs * beta)? };
    Ok((positive.where_cond(x, &zeros)?, log1p(&minus_abs.exp()?)?))
}

/// log(1 + u) for u ≥ 0, to full precision also where 1 + u rounds.
///
/// With v = 1 + u as rounded, the part of u that was lost is exactly u - (v - 1), and log(v + lost) ≈ log(v) + lost / v.
fn log1p(u: &Tensor) -> Result<Tensor> {
    let v = (u + 1.0)?;
    let constant = v.detach();
    let lost = (u.detach() - (&constant - 1.0)?)?;
    v.log()? + (lost / constant)?
}

/// exp(x) - 1 for x ≤ 0, to full precision also near 0, with derivative exp(x).
///
/// tanh(x/2) (exp(x) + 1) is the same number without the cancellation. It enters as a correction of the plain difference,
/// whose gradient is the one that is right to the last digit.
pub(crate) fn expm1_of_nonpositive(x: &Tensor) -> Result<Tensor> {
    let exp = x.exp()?;
    let plain = (&exp - 1.0)?;
    let exact = ((x.detach() * 0.5)?.tanh()? * (exp.detach() + 1.0)?)?;
    let correction = (exact - plain.detach())?;
    plain + correction
}

/// `x` limited to [-limit, limit]; NaN stays. Of a number, Candle's `clamp` would make tensors on the host and send them.
pub(crate) fn within(x: &Tensor, limit: f64) -> Result<Tensor> {
    let limit = Tensor::full(limit, (), x.device())?.to_dtype(x.dtype())?;
    x.maximum(&limit.neg()?.broadcast_as(x.shape())?)?.minimum(&limit.broadcast_as(x.shape())?)
}
