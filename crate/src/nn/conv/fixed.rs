//! Convolutions of a model that is not trained any more.

use std::sync::Arc;

use candle_core::Tensor;
use candlelight_kernels::conv::Prepared;

use super::layer::Layer;
use crate::Result;
use crate::nn::fuse::Product;
use crate::nn::{Fused, Linearized, Mode, Module};

/// A convolution or a transposed one with numbers of its own, which a batch normalization can be folded into.
struct Fixed {
    layer: Layer,
    /// The numbers of the layer as plain tensors: of variables, each pass would note how they were used.
    weight: Tensor,
    bias: Option<Tensor>,
    /// The weight as it is multiplied.
    prepared: Prepared,
}

/// A copy of `layer`, for a model for inference.
pub(super) fn fused(layer: &Layer) -> Result<Option<Fused>> {
    Ok(Some(Fused::product(Arc::new(Fixed::new(layer, &layer.weight, layer.bias.as_deref())?))))
}

impl Fixed {
    /// `layer` with copies of other numbers.
    fn new(layer: &Layer, weight: &Tensor, bias: Option<&Tensor>) -> Result<Self> {
        let layer = layer.with(weight, bias)?;
        let (weight, bias) = (layer.weight.as_detached_tensor(), layer.bias.as_ref().map(|b| b.as_detached_tensor()));
        Ok(Self { layer, weight, bias, prepared: Prepared::default() })
    }
}

impl Module for Fixed {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        self.layer.forward_prepared(x, (&self.weight, Some(&self.prepared)), self.bias.as_ref())
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        Ok(Linearized::new(x, self.forward(x, mode)?, |v| self.layer.forward(v, &self.weight, None)))
    }
}

impl Product for Fixed {
    fn name(&self) -> &'static str {
        self.layer.kind.name
    }

    fn places(&self) -> usize {
        self.layer.axes.len()
    }

    fn weight(&self) -> &Tensor {
        &self.weight
    }

    fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    fn layout(&self) -> [usize; 4] {
        self.layer.layout()
    }

    fn with(&self, weight: &Tensor, bias: Option<&Tensor>) -> Result<Arc<dyn Product>> {
        Ok(Arc::new(Self::new(&self.layer, weight, bias)?))
    }
}
