//! Fused operations on a CUDA card: one or two launches in the place of the dozens that a composed form takes.
//!
//! A launch costs a card some microseconds, whatever it computes; small networks spend their time on that. So what occurs in every
//! step and is long when composed is written down as a kernel (the `.cu` files below `cuda`): normalization both ways, activations,
//! cross-entropy, convolutions, pooling, the steps of recurrent layers, masks, and an optimizer's update of all its parameters. A function here returns
//! `None` where there is no card, or where composed forms are asked for, and the caller goes on with these; or it is there only for what
//! [`takes`] takes.
//!
//! Without a card, [`as_on_a_card`] runs the CPU's kernels in the place of these, so that what a card is asked for can be counted.

#[cfg(feature = "cuda")]
mod cuda;
mod recurrent;
#[cfg(any(feature = "cuda", test))]
mod rule;

use std::cell::RefCell;

use candle_core::{DType, Device, Shape, Tensor, Var};
use candlelight_base::{Result, Scoped};

use crate::activation::Unary;
use crate::autograd::Numbers;
use crate::geometry::Geometry;
use crate::normalization::{Affine, Moments};
use crate::update::Rule;
use crate::{activation, composed, norm, softmax};

thread_local! {
    static STANDS_IN: RefCell<bool> = const { RefCell::new(false) };
}

/// Runs `f` with every layer in the form that a card would run: composed, but for what is fused there, for which the CPU's kernels
/// stand in.
pub fn as_on_a_card<T>(f: impl FnOnce() -> T) -> T {
    let _stands_in = Scoped::new(&STANDS_IN, true);
    composed(f)
}

/// Whether the CPU's kernels stand in for those of a card, for this tensor.
fn stands_in(x: &Tensor) -> bool {
    STANDS_IN.with_borrow(|stands_in| *stands_in)
        && x.device().is_cpu()
        && matches!(x.dtype(), DType::F32 | DType::F64)
        && x.elem_count() > 0
}

/// Runs the second expression where the first tensor is on a card that its kernels take, else the first where the CPU stands in.
macro_rules! fused {
    ($x:expr, here: $here:expr, card: $card:expr) => {{
        if stands_in($x) {
            return Ok(Some($here));
        }
        #[cfg(feature = "cuda")]
        if cuda::can_take($x) {
            return Ok(Some($card));
        }
        Ok(None)
    }};
}

/// A call that is made only where a card was found.
macro_rules! on_card {
    ($module:ident::$function:ident($($argument:expr),*)) => {{
        #[cfg(feature = "cuda")]
        {
            $crate::card::cuda::$module::$function($($argument),*)
        }
        #[cfg(not(feature = "cuda"))]
        {
            _ = ($($argument),*);
            Err(candle_core::Error::NotCompiledWithCudaSupport.into())
        }
    }};
}

use on_card;
pub use recurrent::Recurrent;

/// What a fused normalization gives.
pub struct Normalized {
    /// The result, of the shape of x.
    pub y: Tensor,
    /// The mean of each channel or row, a vector of F64.
    pub mean: Tensor,
    /// The variance of each, divided by how many numbers there are; a vector of F64.
    pub var: Tensor,
}

impl Normalized {
    fn with(y: Tensor, moments: &[Moments]) -> Result<Self> {
        let vector = |f: fn(&Moments) -> f64| Tensor::from_iter(moments.iter().map(f), y.device());
        Ok(Self { mean: vector(|moments| moments.mean)?, var: vector(|moments| moments.var)?, y })
    }
}

/// Batch normalization of x [N, C, ...] with its own statistics; what follows is that of `affine`.
pub fn batch_norm(x: &Tensor, affine: Affine) -> Result<Option<Normalized>> {
    fused!(x,
        here: norm::batch::with_own(x, affine).and_then(|(y, moments)| Normalized::with(y, &moments))?,
        card: cuda::batch_norm::forward(x, affine)?)
}

/// Layer normalization of rows of `width`; nothing may follow.
pub fn layer_norm(x: &Tensor, width: usize, affine: Affine) -> Result<Option<Tensor>> {
    fused!(x,
        here: norm::layer::layer_norm(x, width, affine.weight, affine.bias, affine.eps)?,
        card: cuda::row_norm::layer(x, width, affine)?.y)
}

/// Group normalization of x [N, C, ...]; nothing may follow.
pub fn group_norm(x: &Tensor, groups: usize, affine: Affine) -> Result<Option<Normalized>> {
    fused!(x,
        here: norm::group::group_norm(x, groups, affine.weight, affine.bias, affine.eps)
            .and_then(|(y, moments)| Normalized::with(y, &moments))?,
        card: cuda::row_norm::group(x, groups, affine)?)
}

/// Running statistics of one dtype on one card.
pub struct Running<'a> {
    /// Means, a vector.
    pub mean: &'a Var,
    /// Variances, a vector.
    pub var: &'a Var,
    /// How many batches they are of, a scalar.
    pub batches: &'a Var,
}

/// Moves running statistics towards those of a batch, vectors of F64, by `share` of the way, or by 1 / batches if it is `None`, and counts
/// the batch. Variances are taken times `unbiased`.
pub fn carry(running: &Running, mean: &Tensor, var: &Tensor, unbiased: f64, share: Option<f64>) -> Result<Option<()>> {
    fused!(running.mean.as_tensor(),
        here: carry_here(running, mean, var, unbiased, share)?,
        card: cuda::batch_norm::carry(running, mean, var, unbiased, share)?)
}

fn carry_here(running: &Running, mean: &Tensor, var: &Tensor, unbiased: f64, share: Option<f64>) -> Result<()> {
    let batches = running.batches.as_detached_tensor().to_dtype(DType::F64)?.to_scalar::<f64>()? + 1.0;
    let share = share.unwrap_or(1.0 / batches);
    let read = |x: &Tensor| x.to_dtype(DType::F64)?.to_vec1::<f64>();
    for (kept, new, factor) in [(running.mean, mean, 1.0), (running.var, var, unbiased)] {
        let pairs = read(&kept.as_detached_tensor())?.into_iter().zip(read(new)?);
        let moved: Vec<f64> = pairs.map(|(old, new)| (1.0 - share) * old + share * new * factor).collect();
        kept.set(&Tensor::from_vec(moved, kept.shape(), kept.device())?.to_dtype(kept.dtype())?)?;
    }
    Ok(running.batches.set(&Tensor::full(batches, (), running.mean.device())?.to_dtype(running.batches.dtype())?)?)
}

/// An element-wise activation.
pub fn activation(x: &Tensor, unary: Unary) -> Result<Option<Tensor>> {
    fused!(x, here: activation::activation(x, unary)?, card: cuda::activation::unary(x, unary)?)
}

/// Leaky ReLU.
pub fn leaky_relu(x: &Tensor, negative_slope: f64) -> Result<Option<Tensor>> {
    fused!(x,
        here: activation::leaky_relu(x, negative_slope)?,
        card: cuda::activation::leaky_relu(x, negative_slope)?)
}

/// relu(a + b) of two tensors of one shape.
pub fn add_relu(a: &Tensor, b: &Tensor) -> Result<Option<Tensor>> {
    fused!(a, here: activation::add_relu(a, b)?, card: cuda::activation::add_relu(a, b)?)
}

/// y [..., channels, inner] with a number for each channel added, apart from any graph.
pub fn add_to_channels(y: &Tensor, bias: &Tensor, inner: usize) -> Result<Option<Numbers>> {
    #[cfg(feature = "cuda")]
    if cuda::can_take(y) {
        return cuda::activation::add_to_channels(y, bias, inner).map(Some);
    }
    _ = (y, bias, inner);
    Ok(None)
}

/// Whether kernels of a card take a tensor.
pub fn takes(x: &Tensor) -> bool {
    #[cfg(feature = "cuda")]
    return cuda::can_take(x);
    #[cfg(not(feature = "cuda"))]
    {
        _ = x;
        false
    }
}

/// Whether [`gather_windows`], [`spread_windows`] and [`swap`] are there for a convolution of `x`.
pub fn takes_windows(x: &Tensor, g: &Geometry) -> bool {
    takes(x) && is_counted(g) && g.columns() <= i32::MAX as usize
}

/// Whether 32 bits count the numbers of input and output.
fn is_counted(g: &Geometry) -> bool {
    g.batch * g.input().max(g.output()) <= i32::MAX as usize
}

/// The inputs of x [N, channels, ...] under the kernel of a convolution, [groups, channels · taps, N · outputs], apart from any graph.
pub fn gather_windows(x: &Tensor, g: &Geometry) -> Result<Tensor> {
    on_card!(windows::gather(x, g))
}

/// What [`gather_windows`] gives, added up where it comes from, with a number for each channel: [N, channels, inputs].
pub fn spread_windows(columns: &Tensor, bias: Option<&Tensor>, g: &Geometry) -> Result<Numbers> {
    on_card!(windows::spread(columns, bias, g))
}

/// x [a, b, c] as [b, a, c], with a number for each of its first dimension added, apart from any graph.
pub fn swap(x: &Tensor, add: Option<&Tensor>) -> Result<Numbers> {
    on_card!(windows::swap(x, add))
}

/// What a convolution computes from two of its three arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pass {
    /// y [N, out, ...] from x [N, in, ...] and W [out, in / groups, ...].
    Forward,
    /// ∂L/∂x from W and ∂L/∂y.
    OfInput,
    /// ∂L/∂W from x and ∂L/∂y.
    OfWeight,
}

/// A pass of a convolution by cuDNN, apart from any graph: the same bits at every run, and F32 without TF32. `None` without the feature
/// `cudnn`, where no card is, and for sizes that the library does not take, which it may find out in any of the passes.
pub fn convolution(pass: Pass, a: &Tensor, b: &Tensor, g: &Geometry) -> Result<Option<Numbers>> {
    #[cfg(feature = "cudnn")]
    if takes(a) && takes(b) && is_counted(g) {
        return cuda::convolution::run(pass, a, b, g);
    }
    _ = (pass, a, b, g);
    Ok(None)
}

/// Rows of places, all of one length, in a table of U32 in which the largest number stands for no place; without one, row i has the places
/// from i · length on.
#[derive(Clone, Copy)]
pub struct PlaceTable<'a> {
    /// The table, if there is one.
    pub table: Option<&'a Tensor>,
    /// How many rows.
    pub rows: usize,
    /// Their length.
    pub length: usize,
}

/// The greatest number of each window of planes [planes, inputs], the first of equal ones, or the last NaN, and where it stands: both
/// [planes, windows]. Where [`takes`] takes the planes.
pub fn max_pool(planes: &Tensor, windows: PlaceTable) -> Result<(Numbers, Tensor)> {
    on_card!(pooling::max(planes, windows))
}

/// The gradient of the planes of [`max_pool`], with a row of windows for each place.
pub fn max_pool_backward(dy: &Tensor, taken: &Tensor, places: PlaceTable) -> Result<Tensor> {
    on_card!(pooling::max_backward(dy, taken, places))
}

/// The sum of the places of each row, for planes [planes, inputs]: [planes, rows].
pub fn pool_sums(planes: &Tensor, rows: PlaceTable) -> Result<Tensor> {
    on_card!(pooling::sums(planes, rows))
}

/// Random numbers of ChaCha with 8 rounds, of 32 bits each.
pub struct Words {
    /// The key.
    pub key: [u8; 32],
    /// The stream.
    pub stream: u64,
    /// The place in it, in words.
    pub place: u128,
}

/// A probability in units of 2⁻¹⁶: that 16 random bits are below `whole`, or equal and 53 more below `rest`.
#[derive(Debug, Clone, Copy)]
pub struct Odds {
    /// The whole units.
    pub whole: u16,
    /// The rest, in units of 2⁻⁵³ of one.
    pub rest: u64,
}

/// A mask on a card: an element is 0 with the probability `odds`, else `kept`; `None` where `device` is no card, or the dtype not F32 or
/// F64. Each word has the bits of two elements, the low half those of the first; 53 more of the half h = 0 or 1 of word w are the upper ones
/// of the 64 that begin with word 4 w + 2 h of the stream whose number is `!stream`.
pub fn mask(
    words: &Words,
    odds: Odds,
    kept: f64,
    shape: &Shape,
    dtype: DType,
    device: &Device,
) -> Result<Option<Tensor>> {
    #[cfg(feature = "cuda")]
    if cuda::can_make(shape, dtype, device) {
        return cuda::mask::mask(words, odds, kept, shape, dtype, device).map(Some);
    }
    _ = (words, odds, kept, shape, dtype, device);
    Ok(None)
}

/// scale · Σₙ -log softmax(zₙ)\[labelₙ\] over the rows of `logits` [..., C], with labels of U8, U32 or I64 that nobody has looked at:
/// where one is no class, the loss is NaN, and no gradient comes from its row.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor, scale: f64) -> Result<Option<Tensor>> {
    fused!(logits,
        here: match labels_here(logits, labels)? {
            Some(labels) => softmax::cross_entropy(logits, &labels, scale)?,
            None => return Ok(None),
        },
        card: cuda::cross_entropy::cross_entropy(logits, labels, scale)?)
}

/// The labels, if all are classes: the CPU's kernel takes no other.
fn labels_here(logits: &Tensor, labels: &Tensor) -> Result<Option<Vec<u32>>> {
    let classes = (logits.elem_count() / labels.elem_count().max(1)) as i64;
    let labels: Vec<i64> = labels.flatten_all()?.to_dtype(DType::I64)?.to_vec1()?;
    let fit = labels.iter().all(|label| (0..classes).contains(label));
    Ok(fit.then(|| labels.into_iter().map(|label| label as u32).collect()))
}

/// Whether [`update`] can update a parameter.
pub fn can_update(theta: &Var) -> bool {
    takes(theta) && theta.is_contiguous()
}

/// Updates parameters of one dtype on one card, each of which [`can_update`], by one rule: one launch for 64 of them. Gradients are
/// contiguous, of the shape of their parameters; each of the memories, at most three, is a vector with a number for each of
/// them, one parameter after the other.
///
/// The operations are those of the CPU's update, rounded alike, so the bits are the same.
pub fn update<R: Rule>(rule: R, parameters: &[(&Var, &Tensor)], memory: &[Tensor]) -> Result<()> {
    on_card!(update::update(rule, parameters, memory))
}
