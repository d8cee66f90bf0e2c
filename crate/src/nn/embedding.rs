use candle_core::{DType, Tensor, Var};
use candlelight_base::{range, transfer};
use candlelight_kernels as kernels;

use super::summary::record;
use super::{Mode, Module};
use crate::init::Init;
use crate::params::Params;
use crate::unread::{is_unread, note_unread, or_nan, rows_among};
use crate::{Error, Result, memory};

/// Settings of an [`Embedding`].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct EmbeddingConfig {
    /// A row that stands for "nothing here": it starts as zeros and gets no gradient. Default `None`.
    pub padding_idx: Option<usize>,
    /// How the weight starts; default `None`, for PyTorch's N(0, 1).
    pub weight_init: Option<Init>,
}

/// A table of vectors, looked up by index: a linear layer on one-hot inputs, without the multiplications.
///
/// ```text
/// y_i = W[index_i]        ∂L/∂W[r] = Σ g_i over the i with index_i = r, in order
/// ```
///
/// # Shapes
/// Indices of any shape, of dtype U8, U32 or I64; output [shape of the indices, `embedding_dim`]; parameter `weight`
/// [`num_embeddings`, `embedding_dim`], as in PyTorch.
///
/// # Errors
/// In `forward`: an index that is no row. On a device the indices are not looked at, for the host would have to wait: there such an
/// index gives a row of NaN, and its gradient goes nowhere; [`fit`](crate::train::fit) and [`evaluate`](crate::train::evaluate)
/// look when the loss is NaN, and report it.
///
/// # Deviations from PyTorch
/// `padding_idx` counts from the front only; there is no `max_norm`, no scaling by frequency and no sparse gradient.
#[derive(Debug, Clone)]
pub struct Embedding {
    weight: Var,
    padding: Option<usize>,
}

/// An [`Embedding`] with PyTorch's defaults.
///
/// # Errors
/// As [`Embedding::new`].
///
/// ```
/// use candlelight::{nn::{Mode, Module, embedding}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let layer = embedding(10, 3, Params::new(0, &Device::Cpu)?)?;
/// let words = Tensor::new(&[[1u32, 2], [9, 1]], &Device::Cpu)?;
/// let y = layer.forward(&words, Mode::Eval)?;
/// assert_eq!(y.dims(), [2, 2, 3]);
/// assert_eq!(y.i((0, 0))?.to_vec1::<f32>()?, layer.weight().get(1)?.to_vec1::<f32>()?);
/// # Ok(()) }
/// ```
pub fn embedding(num_embeddings: usize, embedding_dim: usize, params: Params) -> Result<Embedding> {
    Embedding::new(num_embeddings, embedding_dim, EmbeddingConfig::default(), params)
}

impl Embedding {
    /// Makes the parameter `weight` below the prefix of `params`.
    ///
    /// `num_embeddings`, `embedding_dim`: at least 1.
    ///
    /// # Errors
    /// A size of 0, a `padding_idx` that is no row, a name that is taken, or an initial value that does not fit.
    pub fn new(num_embeddings: usize, embedding_dim: usize, config: EmbeddingConfig, params: Params) -> Result<Self> {
        for (name, size) in [("num_embeddings", num_embeddings), ("embedding_dim", embedding_dim)] {
            range::at_least_one(name, size)?;
        }
        if let Some(padding) = config.padding_idx.filter(|&padding| padding >= num_embeddings) {
            return Err(Error::setting("padding_idx", "below num_embeddings", padding));
        }
        let init = config.weight_init.unwrap_or(Init::Normal { mean: 0.0, std: 1.0 });
        let weight = params.var("weight", (num_embeddings, embedding_dim), init)?;
        if let Some(padding) = config.padding_idx {
            let zeros = Tensor::zeros((1, embedding_dim), weight.dtype(), weight.device())?;
            weight.slice_set(&zeros, 0, padding)?;
        }
        Ok(Self { weight, padding: config.padding_idx })
    }

    /// W, of shape [`num_embeddings`, `embedding_dim`].
    pub fn weight(&self) -> &Var {
        &self.weight
    }

    /// The row of zeros, if there is one.
    pub fn padding_idx(&self) -> Option<usize> {
        self.padding
    }

    /// The rows at `indices`, U32 [N], in the form composed of Candle's operations.
    fn composed(&self, indices: &Tensor) -> Result<Tensor> {
        let y = self.weight.as_tensor().index_select(indices, 0)?;
        let Some(padding) = self.padding else { return Ok(y) };
        let padding = Tensor::full(padding as u32, indices.shape(), indices.device())?;
        Ok(indices.eq(&padding)?.unsqueeze(1)?.broadcast_as(y.shape())?.where_cond(&y.detach(), &y)?)
    }

    /// The rows at indices that stay where they are; NaN for one that is none.
    fn unread(&self, x: &Tensor) -> Result<Tensor> {
        let (x, rows) = (x.detach(), self.weight.dim(0)?);
        let (inside, indices) = rows_among(&x.flatten_all()?, rows)?;
        note_unread(move || look(&x, rows).map(drop));
        or_nan(&inside, &self.composed(&indices)?)
    }
}

/// The indices in order, read by the host.
///
/// # Errors
/// The first that is no row of `rows`.
fn look(indices: &Tensor, rows: usize) -> Result<Vec<u32>> {
    let check = |(position, index): (usize, i64)| match u32::try_from(index) {
        Ok(row) if (row as usize) < rows => Ok(row),
        _ => Err(Error::Index { index, position, rows }),
    };
    transfer::to_host(&indices.to_dtype(DType::I64)?)?.into_iter().enumerate().map(check).collect()
}

impl Module for Embedding {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        if !matches!(x.dtype(), DType::U8 | DType::U32 | DType::I64) {
            return Err(Error::DType {
                what: "indices of an embedding",
                expected: "U8, U32 or I64",
                actual: x.dtype(),
            });
        }
        let weight = self.weight.as_tensor();
        let (rows, width) = weight.dims2()?;
        let shape = [x.dims(), &[width]].concat();
        let (none, unread) = (x.elem_count() == 0, is_unread(x) && x.device().same_device(weight.device()));
        let indices = if none || unread { Vec::new() } else { look(x, rows)? };
        memory::check("input of embedding", &shape, weight.dtype().size_in_bytes())?;
        let y = match kernels::can_take(&[weight]) {
            _ if none => kernels::empty(shape, [weight])?,
            _ if unread => self.unread(x)?.reshape(shape)?,
            true => kernels::embedding::embedding(weight, indices, self.padding, shape)?,
            false => {
                let n = indices.len();
                self.composed(&transfer::to_device(indices, n, weight.device())?)?.reshape(shape)?
            }
        };
        record("embedding", [weight], &y, 0);
        Ok(y)
    }
}
