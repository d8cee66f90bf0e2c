//! Normalization: (x - mean) / √(variance + ε), then a scale and a shift that are learned.
//!
//! The layers differ in what the mean and the variance are taken over:
//!
//! | layer | of x [N, C, places] | depends on the batch |
//! |---|---|---|
//! | [`BatchNorm`] | each channel, over N and the places | yes |
//! | [`LayerNorm`] | each sample, over its last dimensions | no |
//! | [`GroupNorm`] | each sample and group of channels | no |
//! | [`InstanceNorm`] | each sample and channel | no |

mod batch_norm;
mod batch_norm_config;
mod composed;
mod derivative;
mod group_norm;
mod instance_norm;
mod layer_norm;
mod running;
mod statistics;

use candle_core::{DType, Tensor, Var};
use candlelight_base::range;

pub use batch_norm::{BatchNorm, BatchNorm1d, BatchNorm2d, batch_norm1d, batch_norm2d};
pub use batch_norm_config::BatchNormConfig;
pub use group_norm::{GroupNorm, GroupNormConfig, group_norm};
pub use instance_norm::{
    InstanceNorm, InstanceNorm1d, InstanceNorm2d, InstanceNormConfig, instance_norm1d, instance_norm2d,
};
pub use layer_norm::{LayerNorm, LayerNormConfig, layer_norm};

use super::summary::{Reach, record, trace};
use crate::activation::type_range;
use crate::init::Init;
use crate::params::Params;
use crate::{Error, Result};

/// γ and β, or neither.
#[derive(Debug, Clone, Default)]
struct Scale {
    weight: Option<Var>,
    bias: Option<Var>,
}

impl Scale {
    /// γ = 1 and β = 0, as far as they are wanted.
    fn new(shape: &[usize], weight: bool, bias: bool, params: &Params) -> Result<Self> {
        let make = |wanted: bool, name, value| match wanted {
            true => Ok(Some(params.var(name, shape, Init::Constant(value))?)),
            false => Ok::<_, Error>(None),
        };
        Ok(Self { weight: make(weight, "weight", 1.0)?, bias: make(bias, "bias", 0.0)? })
    }

    fn weight(&self) -> Option<&Tensor> {
        self.weight.as_deref()
    }

    fn bias(&self) -> Option<&Tensor> {
        self.bias.as_deref()
    }
}

impl Scale {
    /// Reports what a layer made of `x` to a summary: each number is multiplied by a scale, if there is one. Along its last
    /// `mixed` dimensions it has taken statistics.
    fn record(&self, kind: &'static str, x: &Tensor, y: &Tensor, mixed: usize) {
        let products = if self.weight.is_some() { y.elem_count() } else { 0 };
        record(kind, self.weight().into_iter().chain(self.bias()), y, products);
        let reach = |dim: usize| if dim + mixed >= x.rank() { Reach::All } else { Reach::Place };
        trace(x, y, || (2..x.rank()).map(reach).collect());
    }
}

fn check_eps(eps: f64, dtype: DType) -> Result<()> {
    let (least, most) = type_range(dtype);
    match eps == 0.0 || (least..=most).contains(&eps) {
        true => Ok(()),
        false => {
            Err(Error::setting("eps", "finite and at least 0, and 0 only where it is 0 in the type of the layer", eps))
        }
    }
}

fn check_momentum(momentum: Option<f64>) -> Result<()> {
    momentum.map_or(Ok(()), |momentum| range::share("momentum", momentum))
}

fn check_dtype(what: &'static str, x: &Tensor, dtype: DType) -> Result<()> {
    match x.dtype() == dtype {
        true => Ok(()),
        false => Err(Error::DType { what, expected: "that of the layer's parameters", actual: x.dtype() }),
    }
}
