use candle_core::{CudaDevice, DType, Tensor};
use candlelight_base::Result;

use super::batch_norm::{ENOUGH, PAIR, PIECE, normalized, ordered};
use super::{Argument as _, Grid, Source, THREADS, address, address_or_null, card, launch, ptx, room, suffix, tensor};
use crate::autograd::Grads;
use crate::card::Normalized;
use crate::contiguous;
use crate::normalization::Affine;

const SOURCE: Source = Source { name: "candlelight-row-norm", text: ptx::ROW_NORM };

/// Rows, and which number of a row has which scale: see `row_norm.cu`.
#[derive(Clone, Copy)]
struct Rows {
    count: usize,
    width: usize,
    groups: usize,
    per: usize,
    places: usize,
    dtype: DType,
}

impl Rows {
    /// A block for each row.
    fn grid(&self) -> Grid {
        let threads = if self.width <= 512 { 32 } else { THREADS };
        Grid { blocks: (self.count as u32, 1), threads: (threads, 1) }
    }

    /// Numbers of γ, and of β.
    fn scales(&self) -> usize {
        self.groups * self.per
    }

    /// Blocks for each scale, or for 32 of them where those of one row lie beside each other: more than one where there is much to sum up.
    fn parameter_grid(&self) -> Grid {
        let beside = self.places == 1;
        let (blocks, piece) = if beside { (self.scales().div_ceil(32), PIECE / 32) } else { (self.scales(), PIECE) };
        let summands = self.count / self.groups * self.places;
        let parts = ENOUGH.div_ceil(blocks).min(summands.div_ceil(piece));
        Grid { blocks: (blocks as u32, parts as u32), threads: (32, 8) }
    }

    fn sizes(&self) -> [u64; 4] {
        [self.width, self.groups, self.per, self.places].map(|size| (size as u32).bits())
    }

    fn launch(&self, card: &CudaDevice, function: &str, grid: Grid, arguments: &[u64]) -> Result<()> {
        launch(card, SOURCE, &format!("{function}_{}", suffix(self.dtype)), grid, arguments)
    }
}

pub(in crate::card) fn layer(x: &Tensor, width: usize, affine: Affine) -> Result<Normalized> {
    let count = x.elem_count() / width;
    forward("layer_norm", x, Rows { count, width, groups: 1, per: width, places: 1, dtype: x.dtype() }, affine)
}

pub(in crate::card) fn group(x: &Tensor, groups: usize, affine: Affine) -> Result<Normalized> {
    let (n, channels) = (x.dim(0)?, x.dim(1)?);
    let (count, per) = (n * groups, channels / groups);
    let width = x.elem_count() / count;
    forward("group_norm", x, Rows { count, width, groups, per, places: width / per, dtype: x.dtype() }, affine)
}

fn forward(name: &'static str, x: &Tensor, rows: Rows, affine: Affine) -> Result<Normalized> {
    let (card, eps) = (card(x)?, affine.eps);
    let input = contiguous(&x.detach())?;
    let (weight, bias) = (ordered(affine.weight)?, ordered(affine.bias)?);
    let (y, y_at) = room(&card, x.elem_count(), x.dtype())?;
    let (mean, mean_at) = room(&card, rows.count, DType::F64)?;
    let (var, var_at) = room(&card, rows.count, DType::F64)?;
    let known = [address(&input)?, address_or_null(weight.as_ref())?, address_or_null(bias.as_ref())?, eps.bits()];
    let arguments = [&rows.sizes()[..], &known, &[y_at, mean_at, var_at]].concat();
    rows.launch(&card, "row_forward", rows.grid(), &arguments)?;
    let measured = (tensor(mean, rows.count), tensor(var, rows.count));
    normalized(name, x, affine, y, measured, move |gradient, op, measured, has| {
        backward(gradient, op, &input, (rows, eps), measured, has)
    })
}

fn backward(
    gradient: &Tensor,
    op: &Grads,
    input: &Tensor,
    (rows, eps): (Rows, f64),
    (mean, var): (&Tensor, &Tensor),
    (has_weight, has_bias): (bool, bool),
) -> Result<Vec<Option<Tensor>>> {
    let (card, dtype) = (card(input)?, rows.dtype);
    let (g, x, measured) = (address(gradient)?, address(input)?, [address(mean)?, address(var)?]);
    let mut gradients = vec![None];
    if op.needs[0] {
        let weight = ordered(has_weight.then(|| &op.inputs[1]))?;
        let (dx, dx_at) = room(&card, input.elem_count(), dtype)?;
        let known = [g, x, address_or_null(weight.as_ref())?, eps.bits()];
        let arguments = [&rows.sizes()[..], &known, &measured, &[dx_at]].concat();
        rows.launch(&card, "row_backward", rows.grid(), &arguments)?;
        gradients[0] = Some(tensor(dx, input.shape()));
    }
    if has_weight || has_bias {
        let (scales, grid) = (rows.scales(), rows.parameter_grid());
        let (dweight, dweight_at) = room(&card, scales, dtype)?;
        let (dbias, dbias_at) = room(&card, scales, dtype)?;
        let (_parts, parts_at) = room(&card, scales * grid.blocks.1 as usize * PAIR, DType::F64)?;
        let results = [parts_at, dweight_at, dbias_at];
        let arguments =
            [&[(rows.count as u32).bits()][..], &rows.sizes(), &[g, x, eps.bits()], &measured, &results].concat();
        rows.launch(&card, "row_parameters", grid, &arguments)?;
        if grid.blocks.1 > 1 {
            let sizes = [(scales as u32).bits(), grid.blocks.1.bits()];
            rows.launch(&card, "row_together", Grid::over(scales), &[&sizes[..], &results].concat())?;
        }
        let shaped = |storage, at: usize| tensor(storage, op.inputs[at].shape());
        gradients.extend(has_weight.then(|| Some(shaped(dweight, 1))));
        gradients.extend(has_bias.then(|| Some(shaped(dbias, 1 + usize::from(has_weight)))));
    }
    Ok(gradients)
}
