//! Convolutions by the library of a card, cuDNN, where it is there: no inputs are copied under the kernel, and between the passes only
//! the input is kept.

use candle_core::{Shape, Tensor};
use candlelight_kernels::autograd::{Numbers, with_backward};
use candlelight_kernels::card::{self, Pass};
use candlelight_kernels::geometry::Geometry;

use super::composed::{inputs, row_sums, shaped};
use crate::Result;

/// As [`super::composed::conv`].
pub(super) fn conv(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, g: Geometry, shape: Shape) -> Result<Tensor> {
    let (input, kernel) = (x.detach(), weight.detach());
    let y = card::convolution(Pass::Forward, &input, &kernel, &g)?;
    let y = plus(y, bias, g.axes[0].output * g.axes[1].output)?;
    let shapes = [x.shape().clone(), weight.shape().clone()];
    with_backward("conv", &inputs(x, weight, bias), y, shape, move |dy, needs| {
        let dx = needs[0].then(|| shaped(card::convolution(Pass::OfInput, &kernel, dy, &g)?, &shapes[0]));
        let dw = needs[1].then(|| shaped(card::convolution(Pass::OfWeight, &input, dy, &g)?, &shapes[1]));
        let db = needs.get(2).is_some_and(|need| *need).then(|| of_channels(dy, g.batch, g.out_channels));
        Ok(vec![dx.transpose()?, dw.transpose()?, db.transpose()?])
    })
}

/// As [`super::composed::conv_transpose`].
pub(super) fn conv_transpose(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    g: Geometry,
    shape: Shape,
) -> Result<Tensor> {
    let (input, kernel) = (x.detach(), weight.detach());
    let y = card::convolution(Pass::OfInput, &kernel, &input, &g)?;
    let y = plus(y, bias, g.axes[0].input * g.axes[1].input)?;
    let shapes = [x.shape().clone(), weight.shape().clone()];
    with_backward("conv_transpose", &inputs(x, weight, bias), y, shape, move |dy, needs| {
        let dx = needs[0].then(|| shaped(card::convolution(Pass::Forward, dy, &kernel, &g)?, &shapes[0]));
        let dw = needs[1].then(|| shaped(card::convolution(Pass::OfWeight, dy, &input, &g)?, &shapes[1]));
        let db = needs.get(2).is_some_and(|need| *need).then(|| of_channels(dy, g.batch, g.in_channels));
        Ok(vec![dx.transpose()?, dw.transpose()?, db.transpose()?])
    })
}

/// y [N, channels, places] with a number for each channel added.
fn plus(y: Numbers, bias: Option<&Tensor>, places: usize) -> Result<Numbers> {
    let Some(bias) = bias else {
        return Ok(y);
    };
    let y = y.into_tensor();
    Ok(card::add_to_channels(&y, bias, places)?.unwrap_or_else(|| Numbers::from(y)))
}

/// The sum of dy [N, channels, ...] for each channel.
fn of_channels(dy: &Tensor, batch: usize, channels: usize) -> Result<Tensor> {
    row_sums(&card::swap(&dy.reshape((batch, channels, ()))?, None)?.into_tensor(), channels)
}
