use candle_core::{CudaDevice, DType, Storage, Tensor};
use candlelight_base::Result;

use super::{Argument as _, Grid, Source, address, card, launch, ptx, real, room, suffix, tensor};
use crate::activation::Unary;
use crate::autograd::{Numbers, made};
use crate::contiguous;

const SOURCE: Source = Source { name: "candlelight-activation", text: ptx::ACTIVATION };

/// An activation as the kernels number it, with its slope below 0.
#[derive(Clone, Copy)]
struct Kind(i32, f64);

impl Kind {
    const RELU: Self = Self(0, 0.0);

    fn of(unary: Unary) -> Self {
        match unary {
            Unary::Relu => Self::RELU,
            Unary::Sigmoid => Self(1, 0.0),
            Unary::Tanh => Self(2, 0.0),
        }
    }

    fn arguments(self, n: usize, dtype: DType) -> [u64; 3] {
        [n.bits(), self.0.bits(), real(self.1, dtype)]
    }
}

fn start(card: &CudaDevice, function: &str, like: &Tensor, arguments: &[u64]) -> Result<()> {
    let function = format!("{function}_{}", suffix(like.dtype()));
    launch(card, SOURCE, &function, Grid::over(like.elem_count()), arguments)
}

/// The gradient before an activation, from its value, or from its input where it is leaky ReLU.
fn before(kind: Kind, known: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    let card = card(known)?;
    let (dx, dx_at) = room(&card, known.elem_count(), known.dtype())?;
    let tensors = [address(known)?, address(gradient)?, dx_at];
    let arguments = [&kind.arguments(known.elem_count(), known.dtype())[..], &tensors].concat();
    start(&card, "activation_backward", known, &arguments)?;
    Ok(tensor(dx, known.shape()))
}

pub(in crate::card) fn unary(x: &Tensor, unary: Unary) -> Result<Tensor> {
    apply("activation", x, Kind::of(unary), false)
}

pub(in crate::card) fn leaky_relu(x: &Tensor, negative_slope: f64) -> Result<Tensor> {
    apply("leaky_relu", x, Kind(3, negative_slope), true)
}

fn apply(name: &'static str, x: &Tensor, kind: Kind, from_input: bool) -> Result<Tensor> {
    let (card, input) = (card(x)?, contiguous(&x.detach())?);
    let (y, y_at) = room(&card, x.elem_count(), x.dtype())?;
    let arguments = [&kind.arguments(x.elem_count(), x.dtype())[..], &[address(&input)?, y_at]].concat();
    start(&card, "activation", x, &arguments)?;
    let input = from_input.then_some(input);
    made(name, &[x], y, x.shape(), move |gradient, op| {
        let known = contiguous(input.as_ref().unwrap_or(&op.outputs[0]))?;
        Ok(vec![Some(before(kind, &known, gradient)?)])
    })
}

pub(in crate::card) fn add_relu(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (card, left, right) = (card(a)?, contiguous(&a.detach())?, contiguous(&b.detach())?);
    let (y, y_at) = room(&card, a.elem_count(), a.dtype())?;
    start(&card, "add_relu", a, &[a.elem_count().bits(), address(&left)?, address(&right)?, y_at])?;
    made("add_relu", &[a, b], y, a.shape(), |gradient, op| {
        let before = before(Kind::RELU, &contiguous(&op.outputs[0])?, gradient)?;
        Ok(op.needs.iter().map(|need| need.then(|| before.clone())).collect())
    })
}

pub(in crate::card) fn add_to_channels(y: &Tensor, bias: &Tensor, inner: usize) -> Result<Numbers> {
    let (card, y, bias) = (card(y)?, contiguous(&y.detach())?, contiguous(&bias.detach())?);
    let (sum, sum_at) = room(&card, y.elem_count(), y.dtype())?;
    let sizes = [y.elem_count().bits(), (bias.elem_count() as u32).bits(), (inner as u32).bits()];
    start(&card, "add_to_channels", &y, &[&sizes[..], &[address(&y)?, address(&bias)?, sum_at]].concat())?;
    Ok(Numbers::written(Storage::Cuda(sum), y.shape()))
}
