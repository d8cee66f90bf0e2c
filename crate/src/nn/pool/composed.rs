//! Pooling made of Candle's operations: the reference, and what other devices run.

use candle_core::{D, DType, Shape, Tensor};
use candlelight_kernels::autograd::with_backward;
use candlelight_kernels::card;
use candlelight_kernels::windows::{Pooling, Windows};

use super::places::{Places, Rows, Taken, places};
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
    let input = x.shape().clone();
    if card::takes(planes) {
        let (y, taken) = card::max_pool(planes, places.of_kernel(&places.in_windows, places.windows))?;
        return with_backward("max_pool", &[x], y, shape, move |dy, _| {
            let dx = card::max_pool_backward(dy, &taken, places.of_kernel(&places.of_places, inputs(&input, &taken)?))?;
            Ok(vec![Some(dx.reshape(&input)?)])
        });
    }
    let values = places.gather(planes, &places.in_windows)?;
    let worth = |is: Tensor, worth: &Tensor| is.to_dtype(DType::U32)?.broadcast_mul(worth);
    let greatest = worth(values.broadcast_eq(&values.max_keepdim(D::Minus1)?)?, &places.earlier)?;
    let nan = worth(values.ne(&values)?, &places.later)?;
    // No two slots are worth the same: of equal ones, a card's `argmax` takes any.
    let taken = greatest.maximum(&nan)?.argmax_keepdim(D::Minus1)?;
    let y = values.gather(&taken, 2)?;
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

/// How many places a plane has.
fn inputs(input: &Shape, taken: &Tensor) -> Result<usize> {
    Ok(input.elem_count() / taken.dim(0)?)
}

fn average(x: &Tensor, planes: &Tensor, places: Places, shape: Vec<usize>) -> Result<Tensor> {
    let (on_card, count) = (card::takes(planes), planes.dim(1)?);
    let sums = move |places: &Places, x: &Tensor, rows: &Rows, count: usize| match on_card {
        true => card::pool_sums(x, places.of_kernel(rows, count)),
        false => sum(&places.gather(x, rows)?),
    };
    let y = places.shared(&sums(&places, planes, &places.in_windows, places.windows)?)?;
    let input = x.shape().clone();
    with_backward("avg_pool", &[x], &y, shape, move |dy, _| {
        let dy = places.shared(&dy.reshape(((), places.windows))?)?;
        Ok(vec![Some(sums(&places, &dy, &places.of_places, count)?.reshape(&input)?)])
    })
}

/// The sum along the last dimension, which may be of one place only.
fn sum(x: &Tensor) -> Result<Tensor> {
    match x.dim(D::Minus1)? {
        1 => Ok(x.squeeze(D::Minus1)?),
        _ => Ok(x.sum(D::Minus1)?),
    }
}
