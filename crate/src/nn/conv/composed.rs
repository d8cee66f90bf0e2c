//! Convolutions made of Candle's operations. Its own convolutions are not used: in version 0.11.1 their backward pass
//! fails for some strides (see [`Conv2d`](super::Conv2d)) and in one dimension when transposed.
//!
//! ```text
//! convolution:             Y = W · gather(X)      dW = dY · gather(X)ᵀ    dX = spread(Wᵀ · dY)
//! transposed convolution:  X = spread(Wᵀ · Y)     dW = Y · gather(dX)ᵀ    dY = W · gather(dX)
//! ```
//!
//! The batch is last, X as [channels, places, N]: so inputs under a kernel are gathered in pieces of N numbers by one table
//! for all samples, and a pass is one product in which the weight occurs once.

use candle_core::{Shape, Tensor};
use candlelight_kernels::geometry::Geometry;

use super::places::{Places, places};
use crate::Result;
use crate::nn::explicit::explicit;

/// Each output as a product of the weight with the inputs under the kernel.
pub(super) fn conv(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, g: Geometry, shape: Shape) -> Result<Tensor> {
    let form = Form::new(x, weight, g)?;
    let columns = form.gather(&form.batch_last(&x.detach(), g.in_channels)?)?;
    let y = form.result(&form.weight.matmul(&columns)?, bias)?;
    let shapes = [x.shape().clone(), weight.shape().clone()];
    explicit("conv", &inputs(x, weight, bias), &y, shape, move |dy, needs| {
        let dy = form.batch_last(dy, g.out_channels)?;
        let dx = needs[0].then(|| form.batch_first(&form.product_spread(&dy)?, &shapes[0]));
        let dw = needs[1].then(|| form.of_weight(&dy, &columns, &shapes[1]));
        let db = needs.get(2).is_some_and(|need| *need).then(|| of_bias(&dy));
        Ok(vec![dx.transpose()?, dw.transpose()?, db.transpose()?])
    })
}

/// The weight's products with each input, added up where they meet.
pub(super) fn conv_transpose(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    g: Geometry,
    shape: Shape,
) -> Result<Tensor> {
    let form = Form::new(x, weight, g)?;
    let from = form.batch_last(&x.detach(), g.out_channels)?;
    let y = form.result(&form.product_spread(&from)?, bias)?;
    let shapes = [x.shape().clone(), weight.shape().clone()];
    explicit("conv_transpose", &inputs(x, weight, bias), &y, shape, move |dy, needs| {
        let dy = form.batch_last(dy, g.in_channels)?;
        let columns = form.gather(&dy)?;
        let dx = needs[0].then(|| form.batch_first(&form.weight.matmul(&columns)?, &shapes[0]));
        let dw = needs[1].then(|| form.of_weight(&from, &columns, &shapes[1]));
        let db = needs.get(2).is_some_and(|need| *need).then(|| of_bias(&dy));
        Ok(vec![dx.transpose()?, dw.transpose()?, db.transpose()?])
    })
}

/// A convolution, or the one whose gradient a transposed one is.
struct Form {
    g: Geometry,
    /// W, [groups, maps, channels · taps].
    weight: Tensor,
    places: Option<Places>,
}

impl Form {
    fn new(x: &Tensor, weight: &Tensor, g: Geometry) -> Result<Self> {
        let weight = weight.detach().reshape((g.groups, g.out_channels / g.groups, ()))?;
        Ok(Self { g, weight, places: places(g.axes, x.device())? })
    }

    /// [N, channels, ...] as [channels, places, N].
    fn batch_last(&self, x: &Tensor, channels: usize) -> Result<Tensor> {
        Ok(x.reshape((self.g.batch, channels, ()))?.permute((1, 2, 0))?.contiguous()?)
    }

    /// Any [channels, places, N] as [N, channels, ...].
    fn batch_first(&self, x: &Tensor, shape: &Shape) -> Result<Tensor> {
        Ok(x.reshape(((), self.g.batch))?.t()?.reshape(shape)?)
    }

    /// Any [channels, places, N] plus a bias for each channel, seen as [N, channels · places].
    fn result(&self, y: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let y = match bias {
            Some(bias) => y.reshape((bias.elem_count(), ()))?.broadcast_add(&bias.detach().reshape(((), 1))?)?,
            None => y.clone(),
        };
        Ok(y.reshape(((), self.g.batch))?.t()?)
    }

    /// Inputs [in, places, N] under the kernel: [groups, channels · taps, outputs · N].
    fn gather(&self, x: &Tensor) -> Result<Tensor> {
        let columns = match &self.places {
            Some(places) => &x.index_select(&places.inputs, 1)?,
            None => x,
        };
        let [down, across] = self.g.axes;
        Ok(columns.reshape((self.g.groups, (), down.output * across.output * self.g.batch))?)
    }

    /// spread(Wᵀ · y) for y [out, outputs, N], with the numbers of [in, places, N].
    fn product_spread(&self, y: &Tensor) -> Result<Tensor> {
        let Self { g, weight, places } = self;
        let [down, across] = g.axes;
        let (inputs, outputs) = (down.input * across.input, down.output * across.output);
        let (maps, channels) = (g.out_channels / g.groups, g.in_channels / g.groups);
        let product = || weight.transpose(1, 2)?.matmul(&y.reshape((g.groups, (), outputs * g.batch))?);
        match places {
            None => Ok(product()?),
            // Each input looks for the outputs that have seen it, so that the product adds them up; unless that would gather
            // far more than the convolution does.
            Some(Places { outputs: Some(places), .. }) if maps <= 2 * channels => {
                let columns = y.index_select(places, 1)?.reshape((g.groups, (), inputs * g.batch))?;
                let weight = weight.reshape((g.groups, maps, channels, ()))?.transpose(1, 2)?;
                Ok(weight.reshape((g.groups, channels, ()))?.matmul(&columns)?)
            }
            // With a stride most inputs have been seen under few places of the kernel, and that would multiply zeros.
            Some(Places { inputs: places, .. }) => {
                let columns = product()?.reshape((g.in_channels, (), g.batch))?;
                let zeros = Tensor::zeros((g.in_channels, inputs, g.batch), y.dtype(), y.device())?;
                Ok(zeros.index_add(places, &columns, 1)?)
            }
        }
    }

    /// y · columnsᵀ, the gradient of the weight.
    fn of_weight(&self, y: &Tensor, columns: &Tensor, shape: &Shape) -> Result<Tensor> {
        let y = y.reshape((self.g.groups, (), columns.dim(2)?))?;
        Ok(y.matmul(&columns.transpose(1, 2)?)?.reshape(shape)?)
    }
}

fn inputs<'a>(x: &'a Tensor, weight: &'a Tensor, bias: Option<&'a Tensor>) -> Vec<&'a Tensor> {
    [x, weight].into_iter().chain(bias).collect()
}

/// The sum of y [channels, places, N] for each channel. In two steps, because Candle adds one number after the other, and
/// what is rounded away grows with their number.
fn of_bias(y: &Tensor) -> Result<Tensor> {
    Ok(y.sum(2)?.sum(1)?)
}
