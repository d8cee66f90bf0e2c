//! Convolutions made of Candle's operations. Its own convolutions are not used: in version 0.11.1 their backward pass
//! fails for some strides (see [`Conv2d`](super::Conv2d)) and in one dimension when transposed.

use candle_core::{Shape, Tensor};
use candlelight_kernels::geometry::{Axis, Geometry};

use crate::Result;

/// Each output as a product of the weight with the inputs under the kernel, which are gathered tap by tap.
pub(super) fn conv(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, g: Geometry, shape: Shape) -> Result<Tensor> {
    let [down, across] = g.axes;
    let x = x.reshape((g.batch, g.in_channels, down.input, across.input))?;
    let x = x.pad_with_zeros(2, down.padding, down.padding)?.pad_with_zeros(3, across.padding, across.padding)?;
    let mut taps = Vec::with_capacity(down.kernel * across.kernel);
    for i in 0..down.kernel {
        let rows = x.index_select(&lines(down, i, &x)?, 2)?;
        for j in 0..across.kernel {
            taps.push(rows.index_select(&lines(across, j, &x)?, 3)?);
        }
    }
    let (channels, maps) = (g.in_channels / g.groups, g.out_channels / g.groups);
    let (depth, pixels) = (channels * taps.len(), down.output * across.output);
    let columns = Tensor::stack(&taps, 2)?.reshape((g.batch, g.groups, depth, pixels))?;
    let y = weight.reshape((1, g.groups, maps, depth))?.broadcast_matmul(&columns)?;
    add_bias(&y.reshape(shape)?, bias)
}

/// The weight's products with each input, added up where they meet.
pub(super) fn conv_transpose(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    g: Geometry,
    shape: Shape,
) -> Result<Tensor> {
    let [down, across] = g.axes;
    let (channels, maps) = (g.in_channels / g.groups, g.out_channels / g.groups);
    let taps = down.kernel * across.kernel;
    let x = x.reshape((g.batch, g.groups, maps, down.output * across.output))?;
    let weight = weight.reshape((1, g.groups, maps, channels * taps))?.transpose(2, 3)?.contiguous()?;
    let columns = weight.broadcast_matmul(&x)?;
    let columns = columns.reshape((g.batch, g.in_channels, taps, down.output, across.output))?;
    let whole = |axis: Axis| axis.input + 2 * axis.padding;
    let zeros = |h, w| Tensor::zeros((g.batch, g.in_channels, h, w), x.dtype(), x.device());
    let mut y = zeros(whole(down), whole(across))?;
    for i in 0..down.kernel {
        let mut rows = zeros(down.output, whole(across))?;
        for j in 0..across.kernel {
            let tap = columns.narrow(2, i * across.kernel + j, 1)?.squeeze(2)?.contiguous()?;
            rows = rows.index_add(&lines(across, j, &x)?, &tap, 3)?;
        }
        y = y.index_add(&lines(down, i, &x)?, &rows, 2)?;
    }
    let y = y.narrow(2, down.padding, down.input)?.narrow(3, across.padding, across.input)?;
    add_bias(&y.contiguous()?.reshape(shape)?, bias)
}

/// The lines of the padded input under place `k` of the kernel.
fn lines(axis: Axis, k: usize, like: &Tensor) -> Result<Tensor> {
    let lines: Vec<u32> = (0..axis.output).map(|i| (i * axis.stride + k * axis.dilation) as u32).collect();
    Ok(Tensor::new(lines, like.device())?)
}

fn add_bias(y: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let Some(bias) = bias else { return Ok(y.clone()) };
    let mut shape = vec![1; y.rank()];
    shape[1] = bias.elem_count();
    Ok(y.broadcast_add(&bias.reshape(shape)?)?)
}
