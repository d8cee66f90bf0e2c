//! Convolutions by the library of a card, cuDNN, where it is there: no inputs are copied under the kernel, and between the passes only
//! the input is kept.

use candle_core::{Shape, Tensor};
use candlelight_kernels::autograd::{Numbers, with_backward};
use candlelight_kernels::card::{self, Pass};
use candlelight_kernels::geometry::Geometry;

use super::composed::{self, inputs, row_sums, shaped};
use crate::Result;

/// As [`composed::conv`], or if `transposed` as [`composed::conv_transpose`], whose passes are those of the convolution with the ways
/// there and back exchanged. `None` where the library does not take the forward pass; of a gradient that it does not take, the composed one.
pub(super) fn conv(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    g: Geometry,
    shape: &Shape,
    transposed: bool,
) -> Result<Option<Tensor>> {
    if !card::takes(x) {
        return Ok(None);
    }
    let (input, kernel) = (x.detach(), weight.detach());
    let (there, back) = if transposed { (Pass::OfInput, Pass::Forward) } else { (Pass::Forward, Pass::OfInput) };
    let (a, b) = ordered(there, &input, &kernel);
    let Some(y) = card::convolution(there, a, b, &g)? else { return Ok(None) };
    let y = plus(y, bias, shape.dims()[2..].iter().product())?;
    let (name, channels) = if transposed { ("conv_transpose", g.in_channels) } else { ("conv", g.out_channels) };
    let shapes = [x.shape().clone(), weight.shape().clone()];
    let y = with_backward(name, &inputs(x, weight, bias), y, shape.clone(), move |dy, needs| {
        let gradient = |pass, (a, b): (&Tensor, &Tensor)| match card::convolution(pass, a, b, &g)? {
            Some(gradient) => Ok(gradient),
            None => composed::pass(pass, a, b, &kernel, g),
        };
        let (large, small) = if transposed { (dy, &input) } else { (&input, dy) };
        let dx = needs[0].then(|| shaped(gradient(back, ordered(back, dy, &kernel))?, &shapes[0]));
        let dw = needs[1].then(|| shaped(gradient(Pass::OfWeight, (large, small))?, &shapes[1]));
        let db = needs.get(2).is_some_and(|need| *need).then(|| of_channels(dy, g.batch, channels));
        Ok(vec![dx.transpose()?, dw.transpose()?, db.transpose()?])
    })?;
    Ok(Some(y))
}

/// The arrays of a pass through the kernel, in the order in which it takes them.
fn ordered<'a>(pass: Pass, x: &'a Tensor, kernel: &'a Tensor) -> (&'a Tensor, &'a Tensor) {
    if pass == Pass::Forward { (x, kernel) } else { (kernel, x) }
}

/// y [N, channels, places] with a number for each channel added.
fn plus(y: Numbers, bias: Option<&Tensor>, places: usize) -> Result<Numbers> {
    let Some(bias) = bias else {
        return Ok(y);
    };
    let y = y.into_tensor();
    if let Some(sum) = card::add_to_channels(&y, bias, places)? {
        return Ok(sum);
    }
    let channels = bias.elem_count();
    Ok(y.reshape(((), channels, places))?.broadcast_add(&bias.detach().reshape((channels, 1))?)?.into())
}

/// The sum of dy [N, channels, ...] for each channel.
fn of_channels(dy: &Tensor, batch: usize, channels: usize) -> Result<Tensor> {
    row_sums(&card::swap(&dy.reshape((batch, channels, ()))?, None)?.into_tensor(), channels)
}
