use candle_core::{DType, Shape, Tensor, Var};
use candlelight_kernels as kernels;
use candlelight_kernels::normalization::Affine;

use super::{Scale, check_dtype, check_eps, composed};
use crate::nn::kind::kind;
use crate::nn::{Linearized, Mode, Module};
use crate::params::Params;
use crate::{Error, Result};

/// Settings of a [`LayerNorm`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerNormConfig {
    /// ε, added to the variance; 0, or above 0 and finite in the type of the layer (from 1.2e-38 in F32), default 1e-5.
    pub eps: f64,
    /// Whether there is γ, and β unless `bias` is off; default true.
    pub elementwise_affine: bool,
    /// Whether there is β beside γ; default true.
    pub bias: bool,
}

impl Default for LayerNormConfig {
    fn default() -> Self {
        Self { eps: 1e-5, elementwise_affine: true, bias: true }
    }
}

/// Layer normalization: each sample by itself, over its last dimensions.
///
/// ```text
/// y = γ (x - μ) / √(σ² + ε) + β        μ, σ² = mean and variance of the sample's numbers, w of them
/// ∂L/∂x = 1/σ (γ g - mean(γ g) - x̂ mean(γ g x̂)),   ∂L/∂γ = Σ g x̂,   ∂L/∂β = Σ g    with sums over the samples
/// ```
///
/// Training and evaluation do the same. `candle_nn::LayerNorm` of Candle 0.11.1 passes no gradient at all to what lies
/// upstream where its input is contiguous, and no error.
///
/// # Shapes
/// Input and output [..., S], where S are the dimensions of `normalized_shape`; parameters `weight` and `bias` of shape S.
///
/// Ba, Kiros and Hinton (2016), section 3.
#[derive(Debug, Clone)]
pub struct LayerNorm {
    normalized_shape: Vec<usize>,
    eps: f64,
    dtype: DType,
    scale: Scale,
}

/// A [`LayerNorm`] over the last dimensions, one or more, with PyTorch's defaults.
///
/// # Errors
/// As [`LayerNorm::new`].
///
/// ```
/// use candlelight::{nn::layer_norm, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let layer = layer_norm(2, Params::new(0, &Device::Cpu)?)?;
/// let y = layer.forward(&Tensor::new(&[[1f32, 3.], [10., 30.]], &Device::Cpu)?, Mode::Eval)?.to_vec2::<f32>()?;
/// assert!((y[0][1] - 1.).abs() < 1e-4 && (y[1][1] - 1.).abs() < 1e-4);
/// # Ok(()) }
/// ```
pub fn layer_norm(normalized_shape: impl Into<Shape>, params: Params) -> Result<LayerNorm> {
    LayerNorm::new(normalized_shape, LayerNormConfig::default(), params)
}

impl LayerNorm {
    /// Normalizes over the last dimensions, which are those of `normalized_shape`: one or more, each at least 1.
    ///
    /// # Errors
    /// A setting outside its range, or a name that is taken.
    ///
    /// ```
    /// use candlelight::{nn::{LayerNorm, LayerNormConfig}, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let config = LayerNormConfig { bias: false, ..LayerNormConfig::default() };
    /// let layer = LayerNorm::new((3, 28, 28), config, Params::new(0, &Device::Cpu)?)?;
    /// assert_eq!(layer.weight().unwrap().dims(), [3, 28, 28]);
    /// assert!(layer.bias().is_none());
    /// # Ok(()) }
    /// ```
    pub fn new(normalized_shape: impl Into<Shape>, config: LayerNormConfig, params: Params) -> Result<Self> {
        let normalized_shape = normalized_shape.into().into_dims();
        if normalized_shape.is_empty() || normalized_shape.contains(&0) {
            let expected = "one or more dimensions of at least 1";
            return Err(Error::setting("normalized_shape", expected, format!("{normalized_shape:?}")));
        }
        check_eps(config.eps, params.dtype())?;
        let (weight, bias) = (config.elementwise_affine, config.elementwise_affine && config.bias);
        Ok(Self {
            eps: config.eps,
            dtype: params.dtype(),
            scale: Scale::new(&normalized_shape, weight, bias, &params)?,
            normalized_shape,
        })
    }

    /// γ, of the shape that is normalized over, if the layer has it.
    pub fn weight(&self) -> Option<&Var> {
        self.scale.weight.as_ref()
    }

    /// β, of the shape that is normalized over, if the layer has it.
    pub fn bias(&self) -> Option<&Var> {
        self.scale.bias.as_ref()
    }
}

impl Module for LayerNorm {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        let kind = kind!("layer_norm");
        if !x.dims().ends_with(&self.normalized_shape) {
            let sizes = self.normalized_shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(Error::shape(kind.input, format!("[..., {sizes}]"), x.dims()));
        }
        check_dtype(kind.input, x, self.dtype)?;
        let (weight, bias) = (self.scale.weight(), self.scale.bias());
        let y = if kernels::can_take(&[x]) {
            let width = self.normalized_shape.iter().product();
            kernels::norm::layer::layer_norm(x, width, weight, bias, self.eps)?
        } else if x.elem_count() == 0 {
            kernels::empty(x.shape(), [x].into_iter().chain(weight).chain(bias))?
        } else if let Some(y) = self.on_card(x)? {
            y
        } else {
            let dims: Vec<usize> = (x.rank() - self.normalized_shape.len()..x.rank()).collect();
            composed::with_own(x, (x.shape(), &dims), self.eps, (weight, bias, &self.normalized_shape))?.0
        };
        self.scale.record(kind.name, x, &y, self.normalized_shape.len());
        Ok(y)
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        let (y, x) = (self.forward(x, mode)?, x.clone());
        let dims: Vec<usize> = (x.rank() - self.normalized_shape.len()..x.rank()).collect();
        Ok(Linearized::new(&x.clone(), y, move |v| {
            let v = composed::along(&x, v, &dims, self.eps)?;
            composed::scaled(v, self.scale.weight(), None, &self.normalized_shape)
        }))
    }
}

impl LayerNorm {
    fn on_card(&self, x: &Tensor) -> Result<Option<Tensor>> {
        let (weight, bias) = (self.scale.weight(), self.scale.bias());
        let affine = Affine { weight, bias, eps: self.eps, negative_slope: None };
        kernels::card::layer_norm(x, self.normalized_shape.iter().product(), affine)
    }
}
