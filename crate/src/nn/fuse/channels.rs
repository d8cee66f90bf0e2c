use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use candlelight_kernels::normalization::Moments;

use super::Product;
use crate::{Error, Result};

/// A batch normalization in evaluation: a scale and a shift for each channel.
pub(in crate::nn) struct Channels {
    name: &'static str,
    places: usize,
    dtype: DType,
    scale: Vec<f64>,
    shift: Vec<f64>,
}

impl Channels {
    /// Of a normalization with fixed statistics, γ and β; `places`: how many dimensions the places of a channel have.
    ///
    /// # Errors
    /// If a scale or a shift is not finite.
    pub fn new(
        (name, places, dtype): (&'static str, usize, DType),
        moments: &[Moments],
        eps: f64,
        weight: Option<&Tensor>,
        bias: Option<&Tensor>,
    ) -> Result<Self> {
        let wide = |tensor: Option<&Tensor>, default: f64| match tensor {
            Some(tensor) => numbers(tensor),
            None => Ok(vec![default; moments.len()]),
        };
        let (weight, bias) = (wide(weight, 1.0)?, wide(bias, 0.0)?);
        let scale: Vec<f64> = moments.iter().zip(weight).map(|(m, weight)| weight / (m.var + eps).sqrt()).collect();
        let shift = moments.iter().zip(&scale).zip(bias).map(|((m, scale), bias)| bias - m.mean * scale).collect();
        let this = Self { name, places, dtype, scale, shift };
        let parts = [("scale of a fused normalization", &this.scale), ("shift of a fused normalization", &this.shift)];
        for (what, values) in parts {
            if let Some((channel, value)) = values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
                return Err(Error::setting(what, "finite", format!("{value} for channel {channel} of {name}")));
            }
        }
        Ok(this)
    }

    /// `layer` with this after it, as one layer; `None` if it must stay.
    ///
    /// # Errors
    /// If `layer` has other channels, dimensions or another dtype, or if what comes out is not finite in that.
    pub fn fold_into(&self, layer: &dyn Product) -> Result<Option<Arc<dyn Product>>> {
        if !self.follows(layer)? {
            return Ok(None);
        }
        let [groups, before, outputs, behind] = layer.layout();
        let scale = Tensor::new(self.scale.as_slice(), &Device::Cpu)?.reshape((groups, 1, outputs, 1))?;
        let weight = layer.weight().detach().to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
        let weight = weight.reshape((groups, before, outputs, behind))?.broadcast_mul(&scale)?;
        let weight = weight.reshape(layer.weight().shape())?;
        let bias = layer.bias().map_or_else(|| Ok(vec![0.0; self.scale.len()]), numbers)?;
        let bias: Vec<f64> = bias.iter().zip(&self.scale).zip(&self.shift).map(|((b, s), t)| b * s + t).collect();
        let bias = Tensor::new(bias, &Device::Cpu)?;
        let weight = narrowed("weight of a fused layer", layer, &weight)?;
        let bias = narrowed("bias of a fused layer", layer, &bias)?;
        Ok(Some(layer.with(&weight, Some(&bias))?))
    }

    /// Whether this can be folded into `layer` before it; refuses what could not be computed either.
    fn follows(&self, layer: &dyn Product) -> Result<bool> {
        let [groups, _, outputs, _] = layer.layout();
        let (channels, places) = (groups * outputs, layer.places());
        let alike = self.scale.len() == channels;
        if places == 0 && !(self.places == 1 && alike) {
            // Of [N, T, in] a linear layer makes [N, T, out], where the channels of a normalization are T.
            return Ok(false);
        }
        if places > 0 && !(self.places == places && alike) {
            let what = "channels before a batch normalization";
            let actual = format!("{} of {channels} before {} of {}", layer.name(), self.name, self.scale.len());
            return Err(Error::setting(what, "its own, with as many dimensions", actual));
        }
        if layer.weight().dtype() != self.dtype {
            let what = "layer before a batch normalization";
            return Err(Error::DType { what, expected: "that of the normalization", actual: layer.weight().dtype() });
        }
        Ok(true)
    }
}

/// Numbers in the dtype and on the device of a layer, which must be finite there.
fn narrowed(what: &'static str, layer: &dyn Product, wide: &Tensor) -> Result<Tensor> {
    let values = wide.to_dtype(layer.weight().dtype())?;
    match numbers(&values)?.into_iter().find(|value| !value.is_finite()) {
        Some(value) => Err(Error::setting(what, "finite in its dtype", format!("{value} in {}", layer.name()))),
        None => Ok(values.to_device(layer.weight().device())?),
    }
}

/// All numbers of a tensor, in order.
fn numbers(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(tensor.detach().flatten_all()?.to_dtype(DType::F64)?.to_vec1()?)
}
