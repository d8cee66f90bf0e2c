mod inference;
mod mask;
mod sub_networks;

use candle_core::{Shape, Tensor};
use candlelight_base::range;

use super::{Linearized, Mode, Module};
use crate::activation::check_float;
use crate::params::Params;
use crate::rng::Stream;
use crate::{Error, Result};

pub use inference::{Inference, Prediction};
pub use sub_networks::SubNetworks;

/// When what dropout takes away is made up for.
///
/// Both conventions give every unit the same expectation in training and in use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scaling {
    /// "Inverted" dropout: what is kept in training is divided by the keep probability, and use is untouched. PyTorch's.
    #[default]
    InTraining,
    /// Standard dropout: training only drops, and in use every output is multiplied by the keep probability, which equals
    /// scaling the weights of the next layer. Srivastava et al. (2014), section 4.
    AtInference,
}

/// Settings of [`Dropout`] and [`Dropout2d`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DropoutConfig {
    /// The probability to DROP a unit, in [0, 1]; default 0.5. This is PyTorch's p. Srivastava et al. (2014), and
    /// course notes that follow them, call the probability to keep a unit p.
    pub p: f64,
    /// When what is dropped is made up for; default [`Scaling::InTraining`].
    pub scaling: Scaling,
}

impl Default for DropoutConfig {
    fn default() -> Self {
        Self { p: 0.5, scaling: Scaling::InTraining }
    }
}

/// Drops each unit of each sample by a coin of its own, in training.
///
/// ```text
/// training:  y = m x / (1 - p)   (Scaling::InTraining)        y = m x         (Scaling::AtInference)
/// in use:    y = x                                            y = (1 - p) x
/// ```
///
/// The m are independent, 0 with probability `p` and otherwise 1, and new for every pass: each trains one of the 2ⁿ
/// sub-networks of n units. The gradient is that of the factor: ∂y/∂x is m / (1 - p), or m. [`Mode::MonteCarlo`] draws
/// masks as training does; see [`Inference`].
///
/// The masks come from the stream `mask` below the layer's prefix, so a seed fixes them, at any thread count, and a
/// checkpoint keeps their place. `candle_nn::ops::dropout` of Candle 0.11.1 draws from a CPU generator that cannot be
/// seeded, and refuses p = 1.
///
/// # Shapes
/// Input and output of any one shape and a float dtype. What is dropped is multiplied by 0, as in PyTorch, so NaN and
/// ±∞ become NaN.
///
/// Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), section 4.
#[derive(Debug, Clone)]
pub struct Dropout(Masked);

/// Drops whole channels of each sample, in training: neighbouring pixels tell much the same, so dropping single ones takes
/// little away.
///
/// As [`Dropout`], with one m for each sample and channel.
///
/// # Shapes
/// Input and output [N, C, H, W] of a float dtype. (PyTorch also takes [C, H, W].)
///
/// Tompson, Goroshin, Jain, LeCun and Bregler (2015), section 3.2.
#[derive(Debug, Clone)]
pub struct Dropout2d(Masked);

/// A [`Dropout`] layer that drops with probability `p`, scaled in training as PyTorch's.
///
/// # Errors
/// As [`Dropout::new`].
///
/// ```
/// use candlelight::{nn::{Mode, Module, dropout}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let layer = dropout(0.75, Params::new(0, &Device::Cpu)?)?;
/// let x = Tensor::ones((64, 256), DType::F32, &Device::Cpu)?;
/// let y = layer.forward(&x, Mode::Train)?.flatten_all()?.to_vec1::<f32>()?;
/// assert!(y.iter().all(|&y| y == 0. || y == 4.));
/// assert!((y.iter().sum::<f32>() / y.len() as f32 - 1.).abs() < 0.05);
/// # Ok(()) }
/// ```
pub fn dropout(p: f64, params: Params) -> Result<Dropout> {
    Dropout::new(DropoutConfig { p, ..DropoutConfig::default() }, params)
}

/// A [`Dropout2d`] layer that drops with probability `p`, scaled in training as PyTorch's.
///
/// # Errors
/// As [`Dropout::new`].
///
/// ```
/// use candlelight::{nn::{Mode, Module, dropout2d}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let layer = dropout2d(0.5, Params::new(0, &Device::Cpu)?)?;
/// let x = Tensor::ones((2, 8, 5, 5), DType::F32, &Device::Cpu)?;
/// let sums = layer.forward(&x, Mode::Train)?.sum((2, 3))?.flatten_all()?.to_vec1::<f32>()?;
/// assert!(sums.iter().all(|&sum| sum == 0. || sum == 50.));
/// # Ok(()) }
/// ```
pub fn dropout2d(p: f64, params: Params) -> Result<Dropout2d> {
    Dropout2d::new(DropoutConfig { p, ..DropoutConfig::default() }, params)
}

impl Dropout {
    /// Makes the stream `mask` below the prefix of `params`.
    ///
    /// # Errors
    /// A `p` outside [0, 1], or a stream of this name that there is already.
    ///
    /// ```
    /// use candlelight::{nn::{Dropout, DropoutConfig, Mode, Module, Scaling}, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let config = DropoutConfig { p: 0.25, scaling: Scaling::AtInference };
    /// let layer = Dropout::new(config, Params::new(0, &Device::Cpu)?)?;
    /// let y = layer.forward(&Tensor::ones(2, DType::F32, &Device::Cpu)?, Mode::Eval)?;
    /// assert_eq!(y.to_vec1::<f32>()?, [0.75, 0.75]);
    /// # Ok(()) }
    /// ```
    pub fn new(config: DropoutConfig, params: Params) -> Result<Self> {
        Ok(Self(Masked::new(config, &params)?))
    }
}

impl Dropout2d {
    /// Makes the stream `mask` below the prefix of `params`.
    ///
    /// # Errors
    /// As [`Dropout::new`].
    pub fn new(config: DropoutConfig, params: Params) -> Result<Self> {
        Ok(Self(Masked::new(config, &params)?))
    }
}

impl Module for Dropout {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        check_float("input of dropout", x)?;
        self.0.forward(x, x.shape(), mode)
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        self.0.linearize(self.forward(x, mode)?, x, mode)
    }
}

impl Module for Dropout2d {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        check_float("input of dropout2d", x)?;
        let &[batch, channels, _, _] = x.dims() else {
            return Err(Error::shape("input of dropout2d", "[N, C, H, W]", x.dims()));
        };
        self.0.forward(x, &Shape::from((batch, channels, 1, 1)), mode)
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        self.0.linearize(self.forward(x, mode)?, x, mode)
    }
}

/// What both kinds share: a mask of some shape that broadcasts over the input.
#[derive(Debug, Clone)]
struct Masked {
    config: DropoutConfig,
    stream: Stream,
}

impl Masked {
    fn new(config: DropoutConfig, params: &Params) -> Result<Self> {
        range::share("p", config.p)?;
        Ok(Self { config, stream: params.stream("mask")? })
    }

    fn linearize(&self, y: Tensor, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        if mode != Mode::Eval && self.config.p > 0.0 {
            let problem = "it draws a mask at each pass, and the derivative would be of another than the output";
            return Err(Error::Linearize { layer: "dropout", problem });
        }
        let scale = match self.config.scaling {
            Scaling::InTraining => 1.0,
            Scaling::AtInference => 1.0 - self.config.p,
        };
        Ok(Linearized::new(x, y, move |v| Ok((v * scale)?)))
    }

    fn forward(&self, x: &Tensor, mask_shape: &Shape, mode: Mode) -> Result<Tensor> {
        let DropoutConfig { p, scaling } = self.config;
        let keep = 1.0 - p;
        match (mode, scaling) {
            (Mode::Eval, Scaling::InTraining) => return Ok(x.clone()),
            (Mode::Eval, Scaling::AtInference) => return Ok((x * keep)?),
            (Mode::Train | Mode::MonteCarlo, _) if p == 0.0 => return Ok(x.clone()),
            (Mode::Train | Mode::MonteCarlo, _) => {}
        }
        let kept = match scaling {
            Scaling::InTraining => 1.0 / keep, // infinite at p = 1, where nothing is kept
            Scaling::AtInference => 1.0,
        };
        let mask = self.stream.draw(|rng| mask::tensor(rng, p, kept, mask_shape, x.dtype(), x.device()))?;
        Ok(x.broadcast_mul(&mask)?)
    }
}
