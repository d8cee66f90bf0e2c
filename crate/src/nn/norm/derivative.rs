//! The derivative of a normalization in closed form.

use candle_core::{Shape, Tensor};
use candlelight_kernels::autograd::with_backward;

use crate::Result;

/// What a normalization has made, apart from Candle's graph.
pub(super) struct Normalized {
    /// x̂, of the shape of x.
    pub normalized: Tensor,
    /// 1 / √(σ² + ε), of the shape `rows` but for 1 in place of each of `dims`.
    pub rstd: Tensor,
    /// The shape of x as it was normalized.
    pub rows: Shape,
    /// The dimensions of `rows` that it was normalized over.
    pub dims: Vec<usize>,
}

/// γ and β, and how they broadcast over x.
pub(super) struct Scales<'a> {
    pub weight: &'a Tensor,
    pub bias: &'a Tensor,
    /// Their shape with 1 in place of each dimension of x that they have not.
    pub shape: &'a [usize],
}

impl Normalized {
    /// x̂ as an operation of Candle on `x`.
    ///
    /// ```text
    /// ∂L/∂x = (g - mean(g) - x̂ mean(g x̂)) / √(σ² + ε)
    /// ```
    ///
    /// Candle would take the derivatives of mean, variance and root one after the other, some forty operations of which half are
    /// as large as `x`; these are a dozen.
    pub fn of(self, x: &Tensor) -> Result<Tensor> {
        let value = self.normalized.clone();
        with_backward("normalized", &[x], &value, x.shape(), move |gradient, _| {
            Ok(vec![Some(self.derivative(gradient)?)])
        })
    }

    /// x̂ γ + β as an operation on `x`, γ and β.
    ///
    /// ```text
    /// ∂L/∂x as above, of γ g       ∂L/∂γ = Σ g x̂       ∂L/∂β = Σ g
    /// ```
    pub fn scaled(self, x: &Tensor, Scales { weight, bias, shape }: Scales) -> Result<Tensor> {
        let (wide, shift) = (weight.detach().reshape(shape)?, bias.detach().reshape(shape)?);
        let value = self.normalized.broadcast_mul(&wide)?.broadcast_add(&shift)?;
        // The dimensions of x that γ and β have not, from the right, as shapes broadcast.
        let missing = x.rank().saturating_sub(shape.len());
        let summed: Vec<usize> =
            (0..x.rank()).filter(|&dim| dim < missing || shape.get(dim - missing) == Some(&1)).collect();
        let own = weight.shape().clone();
        let sum = move |values: &Tensor| match summed.is_empty() {
            true => Ok(values.reshape(&own)?),
            false => Ok::<_, crate::Error>(values.sum_keepdim(summed.as_slice())?.reshape(&own)?),
        };
        with_backward("normalized-and-scaled", &[x, weight, bias], &value, x.shape(), move |gradient, needs| {
            let wanted = |at: usize| needs.get(at) == Some(&true);
            Ok(vec![
                wanted(0).then(|| self.derivative(&gradient.broadcast_mul(&wide)?)).transpose()?,
                wanted(1).then(|| sum(&(gradient * &self.normalized)?)).transpose()?,
                wanted(2).then(|| sum(gradient)).transpose()?,
            ])
        })
    }

    fn derivative(&self, gradient: &Tensor) -> Result<Tensor> {
        let (gradient, normalized) = (shaped(gradient, &self.rows)?, shaped(&self.normalized, &self.rows)?);
        let common = (&gradient * &normalized)?.mean_keepdim(self.dims.as_slice())?;
        let centred = gradient.broadcast_sub(&gradient.mean_keepdim(self.dims.as_slice())?)?;
        let of_rows = (centred - normalized.broadcast_mul(&common)?)?.broadcast_mul(&self.rstd)?;
        shaped(&of_rows, self.normalized.shape())
    }
}

/// `x` in another shape, or the same.
pub(super) fn shaped(x: &Tensor, shape: &Shape) -> Result<Tensor> {
    if x.shape() == shape { Ok(x.clone()) } else { Ok(x.reshape(shape)?) }
}
