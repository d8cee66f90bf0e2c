use std::sync::Arc;

use candle_core::Tensor;

use super::{Fused, Linearized, Mode, Module};
use crate::Result;

/// Layers one after another; empty, it returns its input.
///
/// A layer and an activation after it are computed in one pass where the layer can, see [`Module::forward_then`].
///
/// ```
/// use candlelight::{nn::{Activation, Mode, Module, Sequential, linear}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let model = Sequential::new()
///     .push(linear(784, 256, params.pp("fc1"))?)
///     .push(Activation::Relu)
///     .push(linear(256, 10, params.pp("fc2"))?);
/// let x = Tensor::zeros((2, 784), DType::F32, &Device::Cpu)?;
/// assert_eq!(model.forward(&x, Mode::Eval)?.dims(), [2, 10]);
/// assert_eq!(params.count(), 784 * 256 + 256 + 256 * 10 + 10);
/// # Ok(()) }
/// ```
#[derive(Default)]
pub struct Sequential {
    layers: Vec<Arc<dyn Module>>,
}

impl Sequential {
    /// No layers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer at the end; hands the model back, for the next.
    #[must_use]
    pub fn push(mut self, layer: impl Module + 'static) -> Self {
        self.layers.push(Arc::new(layer));
        self
    }

    /// How many layers there are.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// The output of every layer, first to last: what a figure of activations or saturation needs.
    ///
    /// # Errors
    /// Those of the layers.
    pub fn outputs(&self, x: &Tensor, mode: Mode) -> Result<Vec<Tensor>> {
        let mut outputs: Vec<Tensor> = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            outputs.push(layer.forward(outputs.last().unwrap_or(x), mode)?);
        }
        Ok(outputs)
    }
}

/// Runs layers one after another, each together with an activation that follows it.
pub(super) fn run<'a>(layers: impl Iterator<Item = &'a dyn Module>, x: &Tensor, mode: Mode) -> Result<Tensor> {
    let (mut layers, mut x) = (layers.peekable(), x.clone());
    while let Some(layer) = layers.next() {
        x = match layers.peek().and_then(|next| next.as_activation()) {
            Some(activation) => {
                layers.next();
                layer.forward_then(&x, mode, activation)?
            }
            None => layer.forward(&x, mode)?,
        };
    }
    Ok(x)
}

impl Module for Sequential {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        run(self.layers.iter().map(|layer| &**layer), x, mode)
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        let start = Linearized::new(x, x.clone(), |v| Ok(v.clone()));
        self.layers.iter().try_fold(start, |before, layer| {
            let next = layer.linearize(before.output(), mode)?;
            Ok(before.then(next))
        })
    }

    fn fused(&self) -> Result<Option<Fused>> {
        let layer = |layer: &Arc<dyn Module>| Ok(Some(layer.fused()?.unwrap_or_else(|| Fused::shared(layer.clone()))));
        Fused::chain(self.layers.iter().map(layer))
    }
}
