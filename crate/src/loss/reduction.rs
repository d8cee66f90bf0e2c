//! What becomes of the losses of a batch.

use candle_core::Tensor;

use crate::Result;

/// What becomes of the losses of the single samples (or elements, where a loss is element-wise).
///
/// ```
/// use candlelight::{loss::{Reduction, mse_with}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let (p, t) = (Tensor::new(&[1f32, 2.], &Device::Cpu)?, Tensor::new(&[2f32, 5.], &Device::Cpu)?);
/// assert_eq!(mse_with(&p, &t, Reduction::None)?.to_vec1::<f32>()?, [1., 9.]);
/// assert_eq!(mse_with(&p, &t, Reduction::Sum)?.to_scalar::<f32>()?, 10.);
/// assert_eq!(mse_with(&p, &t, Reduction::Mean)?.to_scalar::<f32>()?, 5.);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Their mean, a scalar: the step size then does not depend on the batch size.
    #[default]
    Mean,
    /// Their sum, a scalar.
    Sum,
    /// All of them.
    None,
}

impl Reduction {
    /// What the sum of `n` losses is multiplied by; `None` where they are not summed.
    pub(super) fn scale(self, n: usize) -> Option<f64> {
        match self {
            Self::None => None,
            Self::Mean => Some(1.0 / n as f64),
            Self::Sum => Some(1.0),
        }
    }

    pub(super) fn apply(self, losses: &Tensor) -> Result<Tensor> {
        match self {
            Self::None => Ok(losses.clone()),
            Self::Mean => Ok(losses.mean_all()?),
            Self::Sum => Ok(losses.sum_all()?),
        }
    }
}
