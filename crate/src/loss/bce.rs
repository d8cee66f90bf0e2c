//! Cross-entropy of yes/no targets.

use candle_core::Tensor;
use candlelight_kernels::pair_loss::PairLoss;

use super::Reduction;
use super::checks::{check_same, check_weight, fused};
use crate::Result;
use crate::activation::softplus_parts;

/// Cross-entropy of independent yes/no targets, from logits, over all elements: one sigmoid each, so several classes can be
/// likely at once.
///
/// ```text
/// L = 1/n Σᵢ softplus(zᵢ) - yᵢ zᵢ,    softplus(z) = log(1 + exp(z))        ∂L/∂zᵢ = (σ(zᵢ) - yᵢ) / n
/// ```
///
/// This equals -y log σ(z) - (1 - y) log(1 - σ(z)) but is finite for every finite z. `binary_cross_entropy_with_logit` of
/// Candle 0.11.1 computes the latter and returns NaN at ±100.
///
/// # Shapes
/// `logits` and `targets` of one shape and float dtype; targets in [0, 1] (not checked, as in PyTorch).
///
/// # Errors
/// Shapes or dtypes that differ, or no element.
///
/// ```
/// use candlelight::{loss::binary_cross_entropy_with_logits, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let logits = Tensor::new(&[100f32, -100.], &Device::Cpu)?;
/// let wrong = Tensor::new(&[0f32, 1.], &Device::Cpu)?;
/// assert_eq!(binary_cross_entropy_with_logits(&logits, &wrong)?.to_scalar::<f32>()?, 100.);
/// # Ok(()) }
/// ```
pub fn binary_cross_entropy_with_logits(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    binary_cross_entropy_with_logits_with(logits, targets, &BceConfig::default())
}

/// Settings of [`binary_cross_entropy_with_logits_with`], as those of PyTorch's `BCEWithLogitsLoss`.
#[derive(Debug, Clone, Default)]
pub struct BceConfig {
    /// A factor for the positive part of each class, `[C]` for logits [..., C], finite and at least 0; default `None`, for 1.
    /// Above 1 it trades precision for recall. (PyTorch takes any shape that broadcasts.)
    pub pos_weight: Option<Tensor>,
    /// What becomes of the losses of the single samples; default: their mean.
    pub reduction: Reduction,
}

/// [`binary_cross_entropy_with_logits`] with weights for the positive targets and a choice of reduction.
///
/// ```text
/// l = -w y log σ(z) - (1 - y) log(1 - σ(z)) = w y softplus(-z) + (1 - y) softplus(z)
/// ```
///
/// # Shapes
/// As [`binary_cross_entropy_with_logits`]; [`Reduction::None`] has the shape of `logits`.
///
/// # Errors
/// As [`binary_cross_entropy_with_logits`], or a setting outside its range.
///
/// ```
/// use candlelight::{loss::{BceConfig, binary_cross_entropy_with_logits_with}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let logits = Tensor::zeros((1, 2), DType::F64, &Device::Cpu)?;
/// let targets = Tensor::new(&[[1f64, 0.]], &Device::Cpu)?;
/// let pos_weight = Some(Tensor::new(&[3f64, 3.], &Device::Cpu)?);
/// let config = BceConfig { pos_weight, ..BceConfig::default() };
/// let loss = binary_cross_entropy_with_logits_with(&logits, &targets, &config)?.to_scalar::<f64>()?;
/// assert!((loss - (3. + 1.) / 2. * 2f64.ln()).abs() < 1e-12);
/// # Ok(()) }
/// ```
pub fn binary_cross_entropy_with_logits_with(logits: &Tensor, targets: &Tensor, config: &BceConfig) -> Result<Tensor> {
    check_same("targets", logits, targets)?;
    if config.pos_weight.is_none()
        && let Some(loss) = fused(logits, targets, PairLoss::BinaryCrossEntropy, config.reduction)
    {
        return loss;
    }
    let (positive, rest) = softplus_parts(logits, 1.0)?;
    // Large terms first: where the target is met they cancel exactly, and the small rest keeps its digits.
    let losses = match &config.pos_weight {
        None => ((positive - (targets * logits)?)? + rest)?,
        Some(pos_weight) => {
            check_weight("pos_weight", pos_weight, logits)?;
            let (no, yes) = (targets.affine(-1.0, 1.0)?, targets.broadcast_mul(pos_weight)?);
            let large = ((&no * &positive)? + (&yes * (&positive - logits)?)?)?;
            (large + ((no + yes)? * rest)?)?
        }
    };
    config.reduction.apply(&losses)
}
