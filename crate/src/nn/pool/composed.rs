//! Pooling made of Candle's operations: the reference, and what other devices run.

use candle_core::{D, Tensor};
use candlelight_kernels::windows::{Pooling, Windows};

use crate::Result;

/// Each window is a row of places in the plane; rows that are too short name a place after the plane, where a zero stands.
pub(super) fn pool(pooling: Pooling, x: &Tensor, windows: &Windows, shape: Vec<usize>) -> Result<Tensor> {
    let plane = windows.height * windows.width;
    let rows = windows.iter().map(|(_, rows, columns)| {
        let place = move |row| columns.places().map(move |column| (row * windows.width + column) as u32);
        rows.places().flat_map(place).collect::<Vec<u32>>()
    });
    let rows: Vec<Vec<u32>> = rows.collect();
    let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut index = Vec::with_capacity(rows.len() * longest);
    for row in &rows {
        // For a maximum the first place once more, which changes nothing.
        let filler = if pooling == Pooling::Max { row.first().copied().unwrap_or(0) } else { plane as u32 };
        index.extend((0..longest).map(|i| row.get(i).copied().unwrap_or(filler)));
    }
    let index = Tensor::from_vec(index, rows.len() * longest, x.device())?;
    let planes = x.reshape(((), plane))?.pad_with_zeros(1, 0, 1)?;
    let values = planes.index_select(&index, 1)?.reshape(((), rows.len(), longest))?;
    let pooled = match pooling {
        Pooling::Max => {
            let nan = values.ne(&values)?;
            let largest = values.detach().argmax_keepdim(D::Minus1)?;
            let last_nan = last(&nan)?;
            let place = nan.max_keepdim(D::Minus1)?.where_cond(&last_nan, &largest)?;
            values.gather(&place.contiguous()?, 2)?.squeeze(2)?
        }
        Pooling::Average => {
            let divisors = windows.iter().map(|(_, rows, columns)| (rows.divisor * columns.divisor) as f64);
            let divisors = Tensor::from_iter(divisors, x.device())?.to_dtype(x.dtype())?;
            values.sum(D::Minus1)?.broadcast_div(&divisors)?
        }
    };
    Ok(pooled.reshape(shape)?)
}

/// The last place along the last dimension that is not 0.
fn last(mask: &Tensor) -> Result<Tensor> {
    let n = mask.dim(D::Minus1)? as u32;
    let places = Tensor::arange(1, n + 1, mask.device())?;
    Ok(mask.to_dtype(candle_core::DType::U32)?.broadcast_mul(&places)?.argmax_keepdim(D::Minus1)?)
}
