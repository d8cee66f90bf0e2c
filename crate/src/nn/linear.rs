use candle_core::{Tensor, Var};
use candlelight_base::range;
use candlelight_kernels as kernels;
use candlelight_kernels::activation::Unary;
use candlelight_kernels::autograd::{Numbers, with_backward};

use super::has_weight::check_weight;
use super::summary::{Reach, record, trace};
use super::{Activation, Fused, HasWeight, Linearized, Mode, Module};
use crate::init::Init;
use crate::params::Params;
use crate::{Error, Result, memory};

/// Settings of a [`Linear`] layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinearConfig {
    /// Whether b is added; default true.
    pub bias: bool,
    /// How the weight starts; default `None`, for PyTorch's [`Init::TorchLinear`].
    pub weight_init: Option<Init>,
    /// How the bias starts; default `None`, for PyTorch's [`Init::TorchLinear`].
    pub bias_init: Option<Init>,
}

impl Default for LinearConfig {
    fn default() -> Self {
        Self { bias: true, weight_init: None, bias_init: None }
    }
}

/// A fully connected layer.
///
/// ```text
/// y = x Wᵀ + b        ∂L/∂x = g W,   ∂L/∂W = gᵀ x,   ∂L/∂b = Σ g   for the gradient g of y, summed over the batch
/// ```
///
/// # Shapes
/// Input [..., in], output [..., out]; parameters `weight` [out, in] and `bias` `[out]`, as in PyTorch.
#[derive(Debug, Clone)]
pub struct Linear {
    weight: Var,
    bias: Option<Var>,
}

/// A [`Linear`] layer with PyTorch's defaults.
///
/// # Errors
/// As [`Linear::new`].
///
/// ```
/// use candlelight::{nn::{Mode, Module, linear}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let layer = linear(784, 10, params.pp("fc"))?;
/// assert_eq!(params.names(), ["fc.weight", "fc.bias"]);
/// let images = Tensor::zeros((64, 784), DType::F32, &Device::Cpu)?;
/// assert_eq!(layer.forward(&images, Mode::Train)?.dims(), [64, 10]);
/// # Ok(()) }
/// ```
pub fn linear(in_features: usize, out_features: usize, params: Params) -> Result<Linear> {
    Linear::new(in_features, out_features, LinearConfig::default(), params)
}

impl Linear {
    /// Makes the parameters `weight` and, unless switched off, `bias` below the prefix of `params`.
    ///
    /// `in_features`, `out_features`: at least 1.
    ///
    /// # Errors
    /// A size of 0, a name that is taken, or an initial value that does not fit (the fans of a bias are not known to
    /// [`Init::XavierUniform`] and its like).
    ///
    /// ```
    /// use candlelight::{nn::{Linear, LinearConfig}, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let config = LinearConfig { bias: false, weight_init: Some(Init::HeNormal), ..LinearConfig::default() };
    /// let layer = Linear::new(64, 32, config, Params::new(0, &Device::Cpu)?)?;
    /// assert!(layer.bias().is_none());
    /// # Ok(()) }
    /// ```
    pub fn new(in_features: usize, out_features: usize, config: LinearConfig, params: Params) -> Result<Self> {
        for (name, size) in [("in_features", in_features), ("out_features", out_features)] {
            range::at_least_one(name, size)?;
        }
        let default = Init::TorchLinear { fan_in: in_features };
        let weight = params.var("weight", (out_features, in_features), config.weight_init.unwrap_or(default))?;
        let bias = match config.bias {
            true => Some(params.var("bias", out_features, config.bias_init.unwrap_or(default))?),
            false => None,
        };
        Ok(Self { weight, bias })
    }

    /// W, of shape [out, in].
    pub fn weight(&self) -> &Var {
        &self.weight
    }

    /// b, of shape `[out]`, if the layer has one.
    pub fn bias(&self) -> Option<&Var> {
        self.bias.as_ref()
    }
}

impl Module for Linear {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        self.transform(x, &self.weight, None)
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        Ok(Linearized::new(x, self.forward(x, mode)?, |v| self.product(v, &self.weight)))
    }

    /// ReLU, sigmoid and hyperbolic tangent are taken in the same pass.
    fn forward_then(&self, x: &Tensor, mode: Mode, activation: Activation) -> Result<Tensor> {
        match activation.unary() {
            Some(unary) if kernels::can_take(&[x, &self.weight]) => self.transform(x, &self.weight, Some(unary)),
            _ => activation.forward(&self.forward(x, mode)?, mode),
        }
    }

    fn fused(&self) -> Result<Option<Fused>> {
        Fused::linear(self).map(Some)
    }
}

impl HasWeight for Linear {
    fn weight(&self) -> &Var {
        &self.weight
    }

    fn forward_with_weight(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        check_weight("weight of linear", &self.weight, weight)?;
        self.transform(x, weight, None)
    }

    fn product(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        Self { weight: self.weight.clone(), bias: None }.forward_with_weight(x, weight)
    }
}

impl Linear {
    /// The activation is for kernels alone.
    fn transform(&self, x: &Tensor, weight: &Tensor, unary: Option<Unary>) -> Result<Tensor> {
        let (out_features, in_features) = self.weight.dims2()?;
        let Some((_, batch)) = x.dims().split_last().filter(|(last, _)| **last == in_features) else {
            return Err(Error::shape("input of linear", format!("[..., {in_features}]"), x.dims()));
        };
        if x.dtype() != self.weight.dtype() {
            return Err(Error::DType { what: "input of linear", expected: "that of its weight", actual: x.dtype() });
        }
        let bias = self.bias.as_deref();
        let rows: usize = batch.iter().product();
        memory::check("input of linear", &[rows, out_features], x.dtype().size_in_bytes())?;
        // One matrix product for all leading dimensions.
        let flat = match batch {
            [_] => x.clone(),
            _ => x.reshape((rows, in_features))?,
        };
        let y = match kernels::can_take(&[&flat, weight]) {
            _ if x.elem_count() == 0 => kernels::empty((0, out_features), [x, weight].into_iter().chain(bias))?,
            true => kernels::linear::linear(&flat, weight, bias, unary)?,
            false => composed(&flat, weight, bias)?,
        };
        let y = match batch {
            [_] => y,
            _ => y.reshape([batch, &[out_features]].concat())?,
        };
        record("linear", [self.weight.as_tensor()].into_iter().chain(bias), &y, rows * in_features * out_features);
        // It mixes the last dimension; in front of it each place is a sample of its own.
        let reach = |dim: usize| if dim + 1 == x.rank() { Reach::All } else { Reach::Place };
        trace(x, &y, || (2..x.rank()).map(reach).collect());
        Ok(y)
    }
}

/// W x + b for each row x, made of Candle's operations.
pub(super) fn composed(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let (rows, matrix) = (x.detach(), weight.detach());
    let mut y = Numbers::from(rows.matmul(&matrix.t()?)?);
    if let Some(bias) = bias {
        let products = y.into_tensor();
        y = match kernels::card::add_to_channels(&products, bias, 1)? {
            Some(y) => y,
            None => products.broadcast_add(&bias.detach())?.into(),
        };
    }
    let inputs: Vec<&Tensor> = [x, weight].into_iter().chain(bias).collect();
    let shape = y.shape().clone();
    with_backward("linear", &inputs, y, shape, move |dy, needs| {
        let dx = needs[0].then(|| dy.matmul(&matrix));
        let dw = needs[1].then(|| dy.t()?.matmul(&rows));
        let db = needs.get(2).is_some_and(|need| *need).then(|| summed(dy)?.squeeze(0));
        Ok(vec![dx.transpose()?, dw.transpose()?, db.transpose()?])
    })
}

/// The sum of the rows of [rows, n], [1, n]; as a product, because Candle's sum along the first dimension divides for each
/// number.
pub(super) fn summed(x: &Tensor) -> candle_core::Result<Tensor> {
    Tensor::ones((1, x.dim(0)?), x.dtype(), x.device())?.matmul(x)
}
