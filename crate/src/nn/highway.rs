use candle_core::Tensor;
use candlelight_base::range;
use candlelight_kernels as kernels;

use super::{Activation, Linear, LinearConfig, Mode, Module};
use crate::Result;
use crate::init::Init;
use crate::params::Params;

/// Settings of a [`Highway`] layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HighwayConfig {
    /// What follows the weights of H; default [`Activation::Tanh`], the candidate of an LSTM.
    pub activation: Activation,
    /// How the bias of the gate starts; default -2, so that the layer begins by carrying 88 % of its input. Finite; the
    /// deeper the network, the lower: the paper tries -1 to -10.
    pub gate_bias: f64,
    /// How both weights start; default `None`, for PyTorch's [`Init::TorchLinear`].
    pub weight_init: Option<Init>,
}

impl Default for HighwayConfig {
    fn default() -> Self {
        Self { activation: Activation::Tanh, gate_bias: -2.0, weight_init: None }
    }
}

/// A layer with the gate of an LSTM, for depth instead of time.
///
/// ```text
/// T = σ(W_T x + b_T)                    the gate
/// y = T ⊙ f(W_H x + b_H) + (1 - T) ⊙ x
/// ∂y/∂x ≈ 1 - T where the gate is nearly shut: the input is carried past the layer
/// ```
///
/// It is the cell of an LSTM, c_t = i ⊙ g + f ⊙ c_{t-1}, with the forget gate tied to f = 1 - i and weights of its own in each
/// layer. Unlike the 1 of a [`Residual`](super::Residual), what is carried shrinks: n layers at a bias of -2 carry 0.88ⁿ.
///
/// # Shapes
/// Input and output [..., features]; parameters `transform.weight`, `transform.bias` (of H) and `gate.weight`, `gate.bias`
/// (of T).
///
/// Srivastava, Greff and Schmidhuber (2015), Training very deep networks, eq. 3 and section 2.2.
#[derive(Debug, Clone)]
pub struct Highway {
    transform: Linear,
    gate: Linear,
    activation: Activation,
}

/// A [`Highway`] layer with the default settings.
///
/// # Errors
/// As [`Highway::new`].
///
/// ```
/// use candlelight::{nn::{Mode, Module, highway}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let layer = highway(4, params.clone())?;
/// assert_eq!(params.names(), ["transform.weight", "transform.bias", "gate.weight", "gate.bias"]);
/// let x = Tensor::new(&[[1f32, 2., 3., 4.]], &Device::Cpu)?;
/// params.set("gate.bias", &Tensor::full(-100f32, 4, &Device::Cpu)?)?; // shut
/// assert_eq!(layer.forward(&x, Mode::Eval)?.to_vec2::<f32>()?, x.to_vec2::<f32>()?);
/// # Ok(()) }
/// ```
pub fn highway(features: usize, params: Params) -> Result<Highway> {
    Highway::new(features, HighwayConfig::default(), params)
}

impl Highway {
    /// Makes the parameters below the prefix of `params`. `features`: at least 1.
    ///
    /// # Errors
    /// As [`Linear::new`], or a gate bias that is not finite.
    pub fn new(features: usize, config: HighwayConfig, params: Params) -> Result<Self> {
        let HighwayConfig { activation, gate_bias, weight_init } = config;
        range::finite("gate_bias", gate_bias)?;
        let linear = |name: &str, bias_init| {
            let config = LinearConfig { weight_init, bias_init, ..LinearConfig::default() };
            Linear::new(features, features, config, params.pp(name))
        };
        let transform = linear("transform", None)?;
        let gate = linear("gate", Some(Init::Constant(gate_bias)))?;
        Ok(Self { transform, gate, activation })
    }
}

impl Module for Highway {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let transformed = self.transform.forward_then(x, mode, self.activation)?;
        let gate = self.gate.forward_then(x, mode, Activation::Sigmoid)?;
        match kernels::can_take(&[&gate, &transformed, x]) {
            _ if x.elem_count() == 0 => kernels::empty(x.shape(), [x, &transformed, &gate]),
            true => kernels::mix::gated(&gate, &transformed, x),
            // T ⊙ H + (1 - T) ⊙ x
            false => Ok((x + (gate * (transformed - x)?)?)?),
        }
    }
}
