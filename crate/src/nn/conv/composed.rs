//! Convolutions made of Candle's operations. Its own convolutions are not used: in version 0.11.1 their backward pass
//! fails for some strides (see [`Conv2d`](super::Conv2d)) and in one dimension when transposed.
//!
//! ```text
//! convolution:             Y = W · gather(X)      dW = dY · gather(X)ᵀ    dX = spread(Wᵀ · dY)
//! transposed convolution:  X = spread(Wᵀ · Y)     dW = Y · gather(dX)ᵀ    dY = W · gather(dX)
//! ```
//!
//! The batch is last, X as [channels, places, N]: so inputs under a kernel are gathered in pieces of N numbers by one table
//! for all samples, and a pass is one product in which the weight occurs once. On a card, kernels gather and spread, and the
//! places of a sample lie together, unless it has a library for all of this.

use candle_core::{Shape, Tensor};
use candlelight_kernels::autograd::{Numbers, with_backward};
use candlelight_kernels::card::{self, Pass};
use candlelight_kernels::geometry::Geometry;

use super::places::{Places, places};
use crate::Result;

/// Each output as a product of the weight with the inputs under the kernel.
pub(super) fn conv(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, g: Geometry, shape: Shape) -> Result<Tensor> {
    let form = Form::new(x, weight, g)?;
    let columns = form.columns(&x.detach())?;
    let y = form.images(&form.weight.matmul(&columns)?, bias)?;
    let shapes = [x.shape().clone(), weight.shape().clone()];
    with_backward("conv", &inputs(x, weight, bias), y, shape, move |dy, needs| {
        let dy = form.matrix(dy)?;
        let dx = needs[0].then(|| shaped(form.spread(&dy, None)?, &shapes[0]));
        let dw = needs[1].then(|| form.of_weight(&dy, &columns, &shapes[1]));
        let db = needs.get(2).is_some_and(|need| *need).then(|| form.of_bias(&dy));
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
    let from = form.matrix(&x.detach())?;
    let y = form.spread(&from, bias)?;
    let shapes = [x.shape().clone(), weight.shape().clone()];
    with_backward("conv_transpose", &inputs(x, weight, bias), y, shape, move |dy, needs| {
        let columns = form.columns(dy)?;
        let dx = needs[0].then(|| shaped(form.images(&form.weight.matmul(&columns)?, None)?, &shapes[0]));
        let dw = needs[1].then(|| form.of_weight(&from, &columns, &shapes[1]));
        let db = needs.get(2).is_some_and(|need| *need).then(|| form.of_channels(dy));
        Ok(vec![dx.transpose()?, dw.transpose()?, db.transpose()?])
    })
}

/// One of the passes of a convolution, of which `weight` is the kernel.
pub(super) fn pass(pass: Pass, a: &Tensor, b: &Tensor, weight: &Tensor, g: Geometry) -> Result<Numbers> {
    let form = Form::new(b, weight, g)?;
    match pass {
        Pass::Forward => form.images(&form.weight.matmul(&form.columns(a)?)?, None),
        Pass::OfInput => form.spread(&form.matrix(b)?, None),
        Pass::OfWeight => Ok(form.of_weight(&form.matrix(b)?, &form.columns(a)?, weight.shape())?.into()),
    }
}

/// A convolution, or the one whose gradient a transposed one is.
struct Form {
    g: Geometry,
    /// W, [groups, maps, channels · taps].
    weight: Tensor,
    places: Option<Places>,
    on_card: bool,
}

impl Form {
    fn new(x: &Tensor, weight: &Tensor, g: Geometry) -> Result<Self> {
        let weight = weight.detach().reshape((g.groups, g.out_channels / g.groups, ()))?;
        let on_card = card::takes_windows(x, &g);
        let places = if on_card { None } else { places(g.axes, x.device())? };
        Ok(Self { g, weight, places, on_card })
    }

    fn inputs(&self) -> usize {
        self.g.axes[0].input * self.g.axes[1].input
    }

    fn outputs(&self) -> usize {
        self.g.axes[0].output * self.g.axes[1].output
    }

    /// [N, channels, ...] as [channels, places, N].
    fn batch_last(&self, x: &Tensor, channels: usize) -> Result<Tensor> {
        Ok(x.reshape((self.g.batch, channels, ()))?.permute((1, 2, 0))?.contiguous()?)
    }

    /// [channels, places, N] plus a bias for each channel, seen as [N, channels · places].
    fn batch_first(&self, y: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let y = match bias {
            Some(bias) => y.reshape((bias.elem_count(), ()))?.broadcast_add(&bias.detach().reshape(((), 1))?)?,
            None => y.clone(),
        };
        Ok(y.reshape(((), self.g.batch))?.t()?)
    }

    /// x [N, in, ...] as the inputs under the kernel, [groups, channels · taps, outputs · N].
    fn columns(&self, x: &Tensor) -> Result<Tensor> {
        if self.on_card {
            return card::gather_windows(x, &self.g);
        }
        let x = self.batch_last(x, self.g.in_channels)?;
        let columns = match &self.places {
            Some(places) => &x.index_select(&places.inputs, 1)?,
            None => &x,
        };
        Ok(columns.reshape((self.g.groups, (), self.outputs() * self.g.batch))?)
    }

    /// y [N, out, ...] as [groups, maps, outputs · N].
    fn matrix(&self, y: &Tensor) -> Result<Tensor> {
        let y = match self.on_card {
            true => card::swap(&y.reshape((self.g.batch, self.g.out_channels, ()))?, None)?.into_tensor(),
            false => self.batch_last(y, self.g.out_channels)?,
        };
        Ok(y.reshape((self.g.groups, (), self.outputs() * self.g.batch))?)
    }

    /// A matrix [groups, maps, outputs · N] plus a bias for each map, with the numbers of [N, out, ...].
    fn images(&self, y: &Tensor, bias: Option<&Tensor>) -> Result<Numbers> {
        match self.on_card {
            true => card::swap(&y.reshape((self.g.out_channels, self.g.batch, ()))?, bias),
            false => self.batch_first(y, bias).map(Numbers::from),
        }
    }

    /// spread(Wᵀ · y) for y [groups, maps, outputs · N] plus a bias for each channel, with the numbers of [N, in, ...].
    fn spread(&self, y: &Tensor, bias: Option<&Tensor>) -> Result<Numbers> {
        let Self { g, weight, places, .. } = self;
        let (maps, channels) = (g.out_channels / g.groups, g.in_channels / g.groups);
        let product = || weight.transpose(1, 2)?.matmul(y);
        if self.on_card {
            return card::spread_windows(&product()?, bias, g);
        }
        let x = match places {
            None => product()?,
            // Each input looks for the outputs that have seen it, so that the product adds them up; unless that would gather
            // far more than the convolution does.
            Some(Places { outputs: Some(places), .. }) if maps <= 2 * channels => {
                let y = y.reshape((g.out_channels, self.outputs(), g.batch))?;
                let columns = y.index_select(places, 1)?.reshape((g.groups, (), self.inputs() * g.batch))?;
                let weight = weight.reshape((g.groups, maps, channels, ()))?.transpose(1, 2)?;
                weight.reshape((g.groups, channels, ()))?.matmul(&columns)?
            }
            // With a stride most inputs have been seen under few places of the kernel, and that would multiply zeros.
            Some(Places { inputs: places, .. }) => {
                let columns = product()?.reshape((g.in_channels, (), g.batch))?;
                let zeros = Tensor::zeros((g.in_channels, self.inputs(), g.batch), y.dtype(), y.device())?;
                zeros.index_add(places, &columns, 1)?
            }
        };
        self.batch_first(&x, bias).map(Numbers::from)
    }

    /// y · columnsᵀ, the gradient of the weight.
    fn of_weight(&self, y: &Tensor, columns: &Tensor, shape: &Shape) -> Result<Tensor> {
        Ok(y.matmul(&columns.transpose(1, 2)?)?.reshape(shape)?)
    }

    /// The sum of each row of a matrix [groups, maps, outputs · N]. In two steps, because Candle adds one number after the
    /// other, and what is rounded away grows with their number.
    fn of_bias(&self, y: &Tensor) -> Result<Tensor> {
        if self.on_card {
            return row_sums(y, self.g.out_channels);
        }
        Ok(y.reshape((self.g.out_channels, self.outputs(), self.g.batch))?.sum(2)?.sum(1)?)
    }

    /// The sum of dy [N, in, ...] for each channel, likewise.
    fn of_channels(&self, dy: &Tensor) -> Result<Tensor> {
        let channels = self.g.in_channels;
        if self.on_card {
            return row_sums(&card::swap(&dy.reshape((self.g.batch, channels, ()))?, None)?.into_tensor(), channels);
        }
        Ok(dy.flatten_from(2)?.sum(2)?.sum(0)?)
    }
}

/// The sum of each of `rows` rows, as a product: Candle's sums send a card the shape first.
pub(super) fn row_sums(y: &Tensor, rows: usize) -> Result<Tensor> {
    let y = y.reshape((rows, ()))?;
    Ok(y.matmul(&Tensor::ones((y.dim(1)?, 1), y.dtype(), y.device())?)?.squeeze(1)?)
}

pub(super) fn shaped(x: Numbers, shape: &Shape) -> Result<Tensor> {
    Ok(x.into_tensor().reshape(shape)?)
}

pub(super) fn inputs<'a>(x: &'a Tensor, weight: &'a Tensor, bias: Option<&'a Tensor>) -> Vec<&'a Tensor> {
    [x, weight].into_iter().chain(bias).collect()
}
