use candle_core::Tensor;
use candlelight_base::range;

use crate::Result;
use crate::autograd::no_grad;
use crate::nn::{Mode, Module};

/// How a model with dropout predicts.
///
/// Training has fitted exponentially many sub-networks. Their average is what is wanted; either one pass approximates it, or
/// several passes sample it.
///
/// ```
/// use candlelight::{nn::{Inference, Sequential, dropout, linear}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let model = Sequential::new().push(dropout(0.5, params.pp("drop"))?).push(linear(20, 1, params.pp("fc"))?);
/// let x = Tensor::ones((3, 20), DType::F32, &Device::Cpu)?;
/// let one = Inference::WeightScaling.predict(&model, &x)?;
/// let many = Inference::MonteCarlo { samples: 100 }.predict(&model, &x)?;
/// assert_eq!((one.mean.dims(), many.std.dims()), (&[3, 1][..], &[3, 1][..]));
/// assert_eq!(one.std.max_all()?.to_scalar::<f32>()?, 0.);
/// assert!(many.std.min_all()?.to_scalar::<f32>()? > 0.);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inference {
    /// One pass with [`Mode::Eval`]: all units, scaled to their expectation. Exact for a linear model, the normalized
    /// geometric mean of the sub-networks for one softmax layer, and biased through other nonlinearities. Srivastava et
    /// al. (2014), section 4; Baldi and Sadowski (2013), section 3.
    WeightScaling,
    /// Passes with [`Mode::MonteCarlo`], each through a sub-network drawn anew; the error of their mean falls as 1/√samples.
    /// Gal and Ghahramani (2016), section 4.
    MonteCarlo {
        /// How many passes, at least 1.
        samples: usize,
    },
}

/// What [`Inference::predict`] finds, each of the model's output shape.
#[derive(Debug, Clone)]
pub struct Prediction {
    /// The one output, or the mean of all.
    pub mean: Tensor,
    /// The standard deviation of the outputs over the sub-networks, √(1/T Σₜ (yₜ - mean)²): how unsure the model is of
    /// what it computes. It leaves out the noise of the targets (τ⁻¹ in Gal and Ghahramani, eq. 6), and is 0 for the
    /// one output of weight scaling.
    pub std: Tensor,
}

impl Inference {
    /// The prediction for `x`, without gradients.
    ///
    /// To average probabilities and not logits, let the model end in a softmax.
    ///
    /// # Errors
    /// No samples, or an error of the model.
    pub fn predict(self, model: &dyn Module, x: &Tensor) -> Result<Prediction> {
        match self {
            Self::WeightScaling => {
                let mean = no_grad(|| model.forward(x, Mode::Eval))?.detach();
                Ok(Prediction { std: mean.zeros_like()?, mean })
            }
            Self::MonteCarlo { samples } => monte_carlo(model, x, samples),
        }
    }
}

/// Mean and spread in one pass over the samples, by Welford's update, which does not cancel as a difference of squares does.
fn monte_carlo(model: &dyn Module, x: &Tensor, samples: usize) -> Result<Prediction> {
    range::at_least_one("samples", samples)?;
    let mut mean = no_grad(|| model.forward(x, Mode::MonteCarlo))?.detach();
    let mut squares = mean.zeros_like()?;
    for count in 2..=samples {
        let y = no_grad(|| model.forward(x, Mode::MonteCarlo))?.detach();
        let step = (&y - &mean)?;
        mean = (mean + (&step / count as f64)?)?;
        squares = (squares + (step * (y - &mean)?)?)?;
    }
    Ok(Prediction { mean, std: (squares / samples as f64)?.sqrt()? })
}
