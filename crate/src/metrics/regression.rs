//! Errors of quantities.

use candle_core::Tensor;

use super::scalar;
use crate::{Result, loss};

/// Mean squared error as a number, in the square of the target's unit; see [`loss::mse`].
///
/// # Errors
/// As [`loss::mse`].
///
/// ```
/// use candlelight::{metrics, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let (prediction, target) = (Tensor::new(&[3f32, 0.], &Device::Cpu)?, Tensor::new(&[0f32, 0.], &Device::Cpu)?);
/// assert_eq!(metrics::mse(&prediction, &target)?, 4.5);
/// # Ok(()) }
/// ```
pub fn mse(prediction: &Tensor, target: &Tensor) -> Result<f64> {
    scalar(&loss::mse(prediction, target)?)
}

/// Root of the mean squared error, in the target's unit.
///
/// ```text
/// rmse = √(1/n Σᵢ (pᵢ - tᵢ)²)
/// ```
///
/// # Errors
/// As [`loss::mse`].
///
/// ```
/// use candlelight::{metrics::rmse, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let prediction = Tensor::new(&[3f32, -3.], &Device::Cpu)?;
/// assert_eq!(rmse(&prediction, &prediction.zeros_like()?)?, 3.);
/// # Ok(()) }
/// ```
pub fn rmse(prediction: &Tensor, target: &Tensor) -> Result<f64> {
    Ok(mse(prediction, target)?.sqrt())
}

/// Mean absolute error as a number, in the target's unit; see [`loss::mae`].
///
/// # Errors
/// As [`loss::mae`].
///
/// ```
/// use candlelight::{metrics, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let (prediction, target) = (Tensor::new(&[3f32, 0.], &Device::Cpu)?, Tensor::new(&[0f32, 0.], &Device::Cpu)?);
/// assert_eq!(metrics::mae(&prediction, &target)?, 1.5);
/// # Ok(()) }
/// ```
pub fn mae(prediction: &Tensor, target: &Tensor) -> Result<f64> {
    scalar(&loss::mae(prediction, target)?)
}
