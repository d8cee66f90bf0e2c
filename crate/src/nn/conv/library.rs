//! Convolutions by the library of a card, cuDNN, where it is there: no inputs are copied under the kernel, and between the passes only
//! the input is kept.

use candle_core::{Shape, Tensor};
use candlelight_kernels::autograd::{Numbers, with_backward};
use candlelight_kernels::card::{self, Pass};
use candlelight_kernels::geometry::Geometry;

use super::composed::{inputs, row_sums, shaped};
use crate::Result;

/// As [`super::composed::conv`], or if `transposed` as [`super::composed::conv_transpose`], whose passes are those of the convolution with
/// the ways there and back exchanged.
pub(super) fn conv(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    g: Geometry,
    shape: Shape,
    transposed: bool,
) -> Result<Tensor> {
    let (input, kernel) = (x.detach(), weight.detach());
    let pass = move |forward: bool, x: &Tensor| match forward {
        true => card::convolution(Pass::Forward, x, &kernel, &g),
        false => card::convolution(Pass::OfInput, &kernel, x, &g),
    };
    let (name, channels) = if transposed { ("conv_transpose", g.in_channels) } else { ("conv", g.out_channels) };
    let y = plus(pass(!transposed, &input)?, bias, shape.dims()[2..].iter().product())?;
    let shapes = [x.shape().clone(), weight.shape().clone()];
    with_backward(name, &inputs(x, weight, bias), y, shape, move |dy, needs| {
        let dx = needs[0].then(|| shaped(pass(transposed, dy)?, &shapes[0]));
        let (small, large) = if transposed { (&input, dy) } else { (dy, &input) };
        let dw = needs[1].then(|| shaped(card::convolution(Pass::OfWeight, large, small, &g)?, &shapes[1]));
        let db = needs.get(2).is_some_and(|need| *need).then(|| of_channels(dy, g.batch, channels));
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
