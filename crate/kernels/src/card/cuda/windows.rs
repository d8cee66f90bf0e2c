use candle_core::{Storage, Tensor};
use candlelight_base::Result;

use super::batch_norm::ordered;
use super::{Argument as _, Grid, Source, address, address_or_null, card, launch, ptx, room, suffix, tensor};
use crate::autograd::Numbers;
use crate::contiguous;
use crate::geometry::Geometry;

const SOURCE: Source = Source { name: "candlelight-windows", text: ptx::WINDOWS };

/// Sizes as the kernels take them.
fn sizes(g: &Geometry) -> Vec<u64> {
    let of_axes =
        g.axes.iter().flat_map(|axis| [axis.input, axis.output, axis.kernel, axis.stride, axis.padding, axis.dilation]);
    [g.batch, g.in_channels].into_iter().chain(of_axes).map(|size| (size as u32).bits()).collect()
}

/// x [N, channels, ...] as columns [groups, channels · taps, N · outputs].
pub(in crate::card) fn gather(x: &Tensor, g: &Geometry) -> Result<Tensor> {
    let (card, x) = (card(x)?, contiguous(&x.detach())?);
    let shape = (g.groups, g.channels() * g.taps(), g.batch * g.axes[0].output * g.axes[1].output);
    let n = shape.0 * shape.1 * shape.2;
    let (columns, columns_at) = room(&card, n, x.dtype())?;
    let function = format!("gather_{}", suffix(x.dtype()));
    launch(&card, SOURCE, &function, Grid::over(n), &[&sizes(g)[..], &[address(&x)?, columns_at]].concat())?;
    Ok(tensor(columns, shape))
}

/// Columns added up where they meet, and a number for each channel: [N, channels, inputs].
pub(in crate::card) fn spread(columns: &Tensor, bias: Option<&Tensor>, g: &Geometry) -> Result<Numbers> {
    let (card, columns, bias) = (card(columns)?, contiguous(&columns.detach())?, ordered(bias)?);
    let shape = (g.batch, g.in_channels, g.axes[0].input * g.axes[1].input);
    let n = shape.0 * shape.1 * shape.2;
    let (x, x_at) = room(&card, n, columns.dtype())?;
    let tensors = [address(&columns)?, address_or_null(bias.as_ref())?, x_at];
    let function = format!("spread_{}", suffix(columns.dtype()));
    launch(&card, SOURCE, &function, Grid::over(n), &[&sizes(g)[..], &tensors].concat())?;
    Ok(Numbers::written(Storage::Cuda(x), shape))
}

/// x [a, b, c] as [b, a, c], with a number for each of the first dimension added.
pub(in crate::card) fn swap(x: &Tensor, add: Option<&Tensor>) -> Result<Numbers> {
    let (card, x, add) = (card(x)?, contiguous(&x.detach())?, ordered(add)?);
    let (a, b, c) = x.dims3()?;
    let (y, y_at) = room(&card, x.elem_count(), x.dtype())?;
    let sizes = [a, b, c].map(|size| (size as u32).bits());
    let tensors = [address(&x)?, address_or_null(add.as_ref())?, y_at];
    let function = format!("swap_{}", suffix(x.dtype()));
    launch(&card, SOURCE, &function, Grid::over(x.elem_count()), &[&sizes[..], &tensors].concat())?;
    Ok(Numbers::written(Storage::Cuda(y), (b, a, c)))
}
