use std::sync::Arc;

use candle_core::Tensor;

use super::Product;
use crate::init::Init;
use crate::nn::{Activation, Linear, LinearConfig, Linearized, Mode, Module};
use crate::params::Params;
use crate::{Error, Result};

/// A linear layer, with a batch normalization in it or without.
pub(super) struct Dense {
    layer: Linear,
    /// The channels of the normalization are the second dimension, which are the outputs only of [N, in].
    rows_only: bool,
}

impl Dense {
    /// A copy of a linear layer.
    pub fn copy(layer: &Linear) -> Result<Self> {
        Self::new(layer.weight(), layer.bias().map(|bias| bias.as_tensor()), false)
    }

    /// With copies of these numbers.
    fn new(weight: &Tensor, bias: Option<&Tensor>, rows_only: bool) -> Result<Self> {
        let (outputs, inputs) = weight.dims2()?;
        let start = Some(Init::Constant(0.0));
        let config = LinearConfig { bias: bias.is_some(), weight_init: start, bias_init: start };
        let params = Params::with_dtype(0, weight.dtype(), weight.device())?;
        let layer = Linear::new(inputs, outputs, config, params.clone())?;
        params.set("weight", weight)?;
        bias.map_or(Ok(()), |bias| params.set("bias", bias))?;
        Ok(Self { layer, rows_only })
    }

    fn check(&self, x: &Tensor) -> Result<()> {
        match self.rows_only && x.rank() != 2 {
            true => {
                let expected = format!("[N, {}]", self.layer.weight().dims()[1]);
                Err(Error::shape("input of linear with a batch normalization in it", expected, x.dims()))
            }
            false => Ok(()),
        }
    }
}

impl Module for Dense {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        self.check(x)?;
        self.layer.forward(x, mode)
    }

    fn forward_then(&self, x: &Tensor, mode: Mode, activation: Activation) -> Result<Tensor> {
        self.check(x)?;
        self.layer.forward_then(x, mode, activation)
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        self.check(x)?;
        self.layer.linearize(x, mode)
    }
}

impl Product for Dense {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn places(&self) -> usize {
        0
    }

    fn weight(&self) -> &Tensor {
        self.layer.weight()
    }

    fn bias(&self) -> Option<&Tensor> {
        self.layer.bias().map(|bias| bias.as_tensor())
    }

    fn layout(&self) -> [usize; 4] {
        let dims = self.layer.weight().dims();
        [1, 1, dims[0], dims[1]]
    }

    fn with(&self, weight: &Tensor, bias: Option<&Tensor>) -> Result<Arc<dyn Product>> {
        Ok(Arc::new(Self::new(weight, bias, true)?))
    }
}
