//! Pooling made of Candle's operations: the reference, and what other devices run.

use candle_core::{D, DType, Tensor};
use candlelight_kernels::autograd::with_backward;
use candlelight_kernels::windows::{Pooling, Windows};

use super::places::{Places, Taken, places};
use crate::Result;

/// The places of each window are gathered; backwards, each place gathers from the windows that it is in.
pub(super) fn pool(pooling: Pooling, x: &Tensor, windows: &Windows, shape: Vec<usize>) -> Result<Tensor> {
    let places = places(pooling, windows, x.device())?;
    let planes = x.detach().reshape(((), windows.height * windows.width))?;
    match pooling {
        Pooling::Max => max(x, &planes, places, shape),
        Pooling::Average => average(x, &planes, places, shape),
    }
}

fn max(x: &Tensor, planes: &Tensor, places: Places, shape: Vec<usize>) -> Result<Tensor> {
    let values = places.gather(planes, &places.in_windows)?;
    let nan = values.ne(&values)?.to_dtype(DType::U32)?;
    let last_nan = nan.broadcast_mul(&places.order)?.argmax_keepdim(D::Minus1)?;
    let taken = nan.max_keepdim(D::Minus1)?.where_cond(&last_nan, &values.argmax_keepdim(D::Minus1)?)?;
    let y = values.gather(&taken, 2)?;
    let input = x.shape().clone();
    with_backward("max_pool", &[x], &y, shape, move |dy, _| {
        let planes = taken.dim(0)?;
        let dy = dy.reshape((planes, places.windows, 1))?;
        let zeros = |shape| Tensor::zeros(shape, dy.dtype(), dy.device());
        let dx = match &places.taken {
            Taken::Apart { slots } => {
                let dy = zeros((planes, places.windows, places.in_windows.length))?.scatter_add(&taken, &dy, 2)?;
                dy.flatten_from(1)?.index_select(slots, 1)?
            }
            Taken::Overlapping { first, flat } => {
                let place = flat.index_select(&taken.broadcast_add(first)?.flatten_all()?, 0)?.reshape(dy.shape())?;
                zeros((planes, input.elem_count() / planes, 1))?.scatter_add(&place, &dy, 1)?
            }
        };
        Ok(vec![Some(dx.reshape(&input)?)])
    })
}

fn average(x: &Tensor, planes: &Tensor, places: Places, shape: Vec<usize>) -> Result<Tensor> {
    let y = places.shared(&sum(&places.gather(planes, &places.in_windows)?)?)?;
    let input = x.shape().clone();
    with_backward("avg_pool", &[x], &y, shape, move |dy, _| {
        let dy = places.shared(&dy.reshape(((), places.windows))?)?;
        Ok(vec![Some(sum(&places.gather(&dy, &places.of_places)?)?.reshape(&input)?)])
    })
}

/// The sum along the last dimension, which may be of one place only.
fn sum(x: &Tensor) -> Result<Tensor> {
    match x.dim(D::Minus1)? {
        1 => Ok(x.squeeze(D::Minus1)?),
        _ => Ok(x.sum(D::Minus1)?),
    }
}
