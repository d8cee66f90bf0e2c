use candle_core::{DType, Storage, Tensor};
use candlelight_base::Result;

use super::{Argument as _, Grid, Source, address, address_or_null, card, launch, ptx, room, suffix, tensor};
use crate::autograd::Numbers;
use crate::card::PlaceTable;
use crate::contiguous;

const SOURCE: Source = Source { name: "candlelight-pooling", text: ptx::POOLING };

fn sizes(planes: &Tensor, rows: usize, length: usize) -> Result<[u64; 4]> {
    let (planes, inputs) = planes.dims2()?;
    Ok([planes, inputs, rows, length].map(|size| (size as u32).bits()))
}

fn start(function: &str, like: &Tensor, n: usize, arguments: &[u64]) -> Result<()> {
    launch(&card(like)?, SOURCE, &format!("{function}_{}", suffix(like.dtype())), Grid::over(n), arguments)
}

pub(in crate::card) fn max(planes: &Tensor, windows: PlaceTable) -> Result<(Numbers, Tensor)> {
    let (card, planes) = (card(planes)?, contiguous(&planes.detach())?);
    let shape = (planes.dim(0)?, windows.rows);
    let n = shape.0 * shape.1;
    let (y, y_at) = room(&card, n, planes.dtype())?;
    let (taken, taken_at) = room(&card, n, DType::U32)?;
    let tensors = [address_or_null(windows.table)?, address(&planes)?, y_at, taken_at];
    let arguments = [&sizes(&planes, windows.rows, windows.length)?[..], &tensors].concat();
    start("max_pool", &planes, n, &arguments)?;
    Ok((Numbers::written(Storage::Cuda(y), shape), tensor(taken, shape)))
}

pub(in crate::card) fn max_backward(dy: &Tensor, taken: &Tensor, places: PlaceTable) -> Result<Tensor> {
    let (card, dy) = (card(dy)?, contiguous(dy)?);
    let (planes, windows) = taken.dims2()?;
    let n = planes * places.rows;
    let (dx, dx_at) = room(&card, n, dy.dtype())?;
    let sizes = [planes, places.rows, windows, places.length].map(|size| (size as u32).bits());
    let tensors = [address_or_null(places.table)?, address(taken)?, address(&dy)?, dx_at];
    start("max_pool_backward", &dy, n, &[&sizes[..], &tensors].concat())?;
    Ok(tensor(dx, (planes, places.rows)))
}

pub(in crate::card) fn sums(planes: &Tensor, table: PlaceTable) -> Result<Tensor> {
    let (card, planes) = (card(planes)?, contiguous(&planes.detach())?);
    let shape = (planes.dim(0)?, table.rows);
    let n = shape.0 * shape.1;
    let (y, y_at) = room(&card, n, planes.dtype())?;
    let tensors = [address_or_null(table.table)?, address(&planes)?, y_at];
    let arguments = [&sizes(&planes, table.rows, table.length)?[..], &tensors].concat();
    start("pool_sums", &planes, n, &arguments)?;
    Ok(tensor(y, shape))
}
