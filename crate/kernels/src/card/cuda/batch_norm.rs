use candle_core::{CudaDevice, CudaStorage, DType, Tensor};
use candlelight_base::Result;

use super::{
    Argument as _, Grid, Source, THREADS, address, address_or_null, card, launch, ptx, real, room, suffix, tensor,
};
use crate::autograd::{Grads, made};
use crate::card::{Normalized, Running};
use crate::contiguous;
use crate::normalization::Affine;

const SOURCE: Source = Source { name: "candlelight-batch-norm", text: ptx::BATCH_NORM };

/// Elements that are worth a block of their own.
pub(super) const PIECE: usize = 4096;
/// Blocks that keep the largest cards busy: four for each of some hundred processors.
pub(super) const ENOUGH: usize = 512;
/// Bytes of a pair of sums, in numbers of F64.
pub(super) const PAIR: usize = 2;

/// The shape of a batch, and how it is shared out.
#[derive(Clone, Copy)]
struct Batch {
    n: usize,
    channels: usize,
    places: usize,
    /// Blocks for each channel.
    parts: usize,
    dtype: DType,
}

impl Batch {
    fn of(x: &Tensor) -> Result<Self> {
        let (n, channels) = (x.dim(0)?, x.dim(1)?);
        let places = x.elem_count() / (n * channels);
        let parts = ENOUGH.div_ceil(channels).min((n * places).div_ceil(PIECE));
        Ok(Self { n, channels, places, parts, dtype: x.dtype() })
    }

    fn grid(&self) -> Grid {
        Grid { blocks: (self.channels as u32, self.parts as u32), threads: (THREADS, 1) }
    }

    fn launch(&self, card: &CudaDevice, function: &str, arguments: &[u64]) -> Result<()> {
        let sizes = [(self.n as u32).bits(), (self.places as u32).bits()];
        let function = format!("{function}_{}", suffix(self.dtype));
        launch(card, SOURCE, &function, self.grid(), &[&sizes, arguments].concat())
    }
}

/// ε, and what follows, as the kernels take it.
#[derive(Clone, Copy)]
struct Settings {
    eps: f64,
    negative_slope: Option<f64>,
}

impl Settings {
    fn arguments(self, dtype: DType) -> [u64; 3] {
        let after = match self.negative_slope {
            None => 0,
            Some(0.0) => 1,
            Some(_) => 2_i32,
        };
        [self.eps.bits(), after.bits(), real(self.negative_slope.unwrap_or_default(), dtype)]
    }
}

pub(in crate::card) fn forward(x: &Tensor, affine: Affine) -> Result<Normalized> {
    let (card, batch) = (card(x)?, Batch::of(x)?);
    let settings = Settings { eps: affine.eps, negative_slope: affine.negative_slope };
    let input = contiguous(&x.detach())?;
    let (weight, bias) = (ordered(affine.weight)?, ordered(affine.bias)?);
    let at = address(&input)?;
    let (y, y_at) = room(&card, x.elem_count(), x.dtype())?;
    let (mean, mean_at) = room(&card, batch.channels, DType::F64)?;
    let (var, var_at) = room(&card, batch.channels, DType::F64)?;
    let (_parts, parts_at) = room(&card, batch.channels * batch.parts * PAIR, DType::F64)?;
    batch.launch(&card, "batch_moments", &[at, parts_at])?;
    let scales = [at, address_or_null(weight.as_ref())?, address_or_null(bias.as_ref())?];
    let results = [parts_at, y_at, mean_at, var_at];
    batch.launch(&card, "batch_forward", &[&scales[..], &settings.arguments(x.dtype()), &results].concat())?;
    let measured = (tensor(mean, batch.channels), tensor(var, batch.channels));
    normalized("batch_norm", x, affine, y, measured, move |gradient, op, measured, has| {
        backward(gradient, op, &input, (batch, settings), measured, has)
    })
}

/// What a normalization gives. `backward` is given a gradient, what was measured, and whether there are weight and bias.
pub(super) fn normalized(
    name: &'static str,
    x: &Tensor,
    affine: Affine,
    y: CudaStorage,
    (mean, var): (Tensor, Tensor),
    backward: impl Fn(&Tensor, &Grads, (&Tensor, &Tensor), (bool, bool)) -> Result<Vec<Option<Tensor>>>
    + Send
    + Sync
    + 'static,
) -> Result<Normalized> {
    let measured = (mean.clone(), var.clone());
    let has = (affine.weight.is_some(), affine.bias.is_some());
    let inputs: Vec<&Tensor> = [Some(x), affine.weight, affine.bias].into_iter().flatten().collect();
    let y = made(name, &inputs, y, x.shape(), move |gradient, op| {
        backward(gradient, &op, (&measured.0, &measured.1), has)
    })?;
    Ok(Normalized { y, mean, var })
}

fn backward(
    gradient: &Tensor,
    op: &Grads,
    input: &Tensor,
    (batch, settings): (Batch, Settings),
    (mean, var): (&Tensor, &Tensor),
    (has_weight, has_bias): (bool, bool),
) -> Result<Vec<Option<Tensor>>> {
    let card = card(input)?;
    let dtype = input.dtype();
    let weight = ordered(has_weight.then(|| &op.inputs[1]))?;
    let bias = ordered(has_bias.then(|| &op.inputs[1 + usize::from(has_weight)]))?;
    let known = [
        &[address(gradient)?, address(input)?, address_or_null(weight.as_ref())?, address_or_null(bias.as_ref())?][..],
        &settings.arguments(dtype),
        &[address(mean)?, address(var)?],
    ]
    .concat();
    let (_parts, parts_at) = room(&card, batch.channels * batch.parts * PAIR, DType::F64)?;
    batch.launch(&card, "batch_sums", &[&known[..], &[parts_at]].concat())?;
    let (dx, dx_at) = room(&card, input.elem_count(), dtype)?;
    let (dweight, dweight_at) = room(&card, batch.channels, dtype)?;
    let (dbias, dbias_at) = room(&card, batch.channels, dtype)?;
    batch.launch(&card, "batch_backward", &[&known[..], &[parts_at, dx_at, dweight_at, dbias_at]].concat())?;
    let mut gradients = vec![Some(tensor(dx, input.shape()))];
    gradients.extend(has_weight.then(|| Some(tensor(dweight, batch.channels))));
    gradients.extend(has_bias.then(|| Some(tensor(dbias, batch.channels))));
    Ok(gradients)
}

/// A parameter in order, without a past.
pub(super) fn ordered(parameter: Option<&Tensor>) -> Result<Option<Tensor>> {
    parameter.map(|parameter| contiguous(&parameter.detach())).transpose()
}

pub(in crate::card) fn carry(
    running: &Running,
    mean: &Tensor,
    var: &Tensor,
    unbiased: f64,
    share: Option<f64>,
) -> Result<()> {
    let kept = [running.mean, running.var, running.batches].map(|var| address(var.as_tensor()));
    let [to_mean, to_var, to_batches] = kept;
    let (mean, var) = (contiguous(&mean.to_dtype(DType::F64)?)?, contiguous(&var.to_dtype(DType::F64)?)?);
    let arguments = [
        (running.mean.elem_count() as u32).bits(),
        address(&mean)?,
        address(&var)?,
        unbiased.bits(),
        share.unwrap_or(-1.0).bits(),
        to_mean?,
        to_var?,
        to_batches?,
    ];
    let grid = Grid { blocks: (1, 1), threads: (THREADS, 1) };
    let function = format!("batch_carry_{}", suffix(running.mean.dtype()));
    launch(&card(running.mean)?, SOURCE, &function, grid, &arguments)
}
