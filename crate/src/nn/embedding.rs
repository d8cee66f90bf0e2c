use candle_core::{DType, Tensor, Var};
use candlelight_base::range;
use candlelight_kernels as kernels;

use super::summary::record;
use super::{Mode, Module};
use crate::init::Init;
use crate::params::Params;
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

    /// The indices in order, after a check that each is a row.
    fn checked(&self, x: &Tensor) -> Result<Vec<u32>> {
        if !matches!(x.dtype(), DType::U8 | DType::U32 | DType::I64) {
            return Err(Error::DType {
                what: "indices of an embedding",
                expected: "U8, U32 or I64",
                actual: x.dtype(),
            });
        }
        let rows = self.weight.dim(0)?;
        let check = |(position, index): (usize, i64)| match u32::try_from(index) {
            Ok(row) if (row as usize) < rows => Ok(row),
            _ => Err(Error::Index { index, position, rows }),
        };
        let indices = x.flatten_all()?.to_dtype(DType::I64)?.to_vec1::<i64>()?;
        indices.into_iter().enumerate().map(check).collect()
    }
}

impl Module for Embedding {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        let (indices, weight) = (self.checked(x)?, self.weight.as_tensor());
        let shape = [x.dims(), &[weight.dim(1)?]].concat();
        memory::check("input of embedding", &shape, weight.dtype().size_in_bytes())?;
        let y = match kernels::can_take(&[weight]) {
            _ if indices.is_empty() => kernels::empty(shape, [weight])?,
            true => kernels::embedding::embedding(weight, indices, self.padding, shape)?,
            false => composed(weight, indices, self.padding, shape)?,
        };
        record("embedding", [weight], &y, 0);
        Ok(y)
    }
}

fn composed(weight: &Tensor, indices: Vec<u32>, padding: Option<usize>, shape: Vec<usize>) -> Result<Tensor> {
    let n = indices.len();
    let indices = Tensor::from_vec(indices, n, weight.device())?;
    let mut y = weight.index_select(&indices, 0)?;
    if let Some(padding) = padding {
        let is_padding = indices.eq(padding as u32)?.unsqueeze(1)?.broadcast_as(y.shape())?;
        y = is_padding.where_cond(&y.detach(), &y)?;
    }
    Ok(y.reshape(shape)?)
}
