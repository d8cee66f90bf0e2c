//! Losses: tensors to call `backward` on.
//!
//! Each loss averages over the batch; its `_reduce` form takes a [`Reduction`]. Logarithms are natural, so cross-entropies are
//! in nats.

use candle_core::{D, DType, Tensor};

use crate::activation::{check_float, log_softmax, logsumexp};
use crate::{Error, Result};

/// What becomes of the losses of the single samples (or elements, where a loss is element-wise).
///
/// ```
/// use candlelight::{loss::{Reduction, mse_reduce}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let (p, t) = (Tensor::new(&[1f32, 2.], &Device::Cpu)?, Tensor::new(&[2f32, 5.], &Device::Cpu)?);
/// assert_eq!(mse_reduce(&p, &t, Reduction::None)?.to_vec1::<f32>()?, [1., 9.]);
/// assert_eq!(mse_reduce(&p, &t, Reduction::Sum)?.to_scalar::<f32>()?, 10.);
/// assert_eq!(mse_reduce(&p, &t, Reduction::Mean)?.to_scalar::<f32>()?, 5.);
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
    fn apply(self, losses: &Tensor) -> Result<Tensor> {
        match self {
            Self::None => Ok(losses.clone()),
            Self::Mean => Ok(losses.mean_all()?),
            Self::Sum => Ok(losses.sum_all()?),
        }
    }
}

/// Cross-entropy between logits and class indices, averaged.
///
/// ```text
/// L = -1/N Σₙ log softmax(zₙ)[yₙ]        ∂L/∂zₙ = (softmax(zₙ) - onehot(yₙ)) / N
/// ```
///
/// # Shapes
/// `logits` [..., C] of a float dtype, `labels` [...] of U8, U32 or I64 in 0..C. The classes are the last dimension, also for
/// more than two (PyTorch has them second).
///
/// # Errors
/// Shapes or dtypes that differ from these, an empty batch, a label that is no class ([`Error::Label`]).
///
/// ```
/// use candlelight::{loss::cross_entropy, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let logits = Tensor::zeros((3, 10), DType::F64, &Device::Cpu)?; // knows nothing
/// let labels = Tensor::new(&[0u32, 4, 9], &Device::Cpu)?;
/// let loss = cross_entropy(&logits, &labels)?.to_scalar::<f64>()?;
/// assert!((loss - 10f64.ln()).abs() < 1e-12);
/// # Ok(()) }
/// ```
pub fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    cross_entropy_reduce(logits, labels, Reduction::Mean)
}

/// [`cross_entropy`] with a choice of reduction; [`Reduction::None`] has the shape of `labels`.
///
/// # Errors
/// As [`cross_entropy`].
pub fn cross_entropy_reduce(logits: &Tensor, labels: &Tensor, reduction: Reduction) -> Result<Tensor> {
    let index = checked_labels("logits", logits, labels)?;
    reduction.apply(&pick(&log_softmax(logits, D::Minus1)?, &index)?)
}

/// Cross-entropy between logits and target distributions, averaged.
///
/// ```text
/// L = -1/N Σₙ Σ_c tₙ_c log softmax(zₙ)_c        ∂L/∂zₙ = (softmax(zₙ) - tₙ) / N  where Σ_c tₙ_c = 1
/// ```
///
/// One-hot targets give [`cross_entropy`]; smoothed labels, mixtures and a teacher's probabilities are the other uses. That
/// the targets sum to 1 is not checked, as in PyTorch.
///
/// # Shapes
/// `logits` and `targets` [..., C], both of one float dtype.
///
/// # Errors
/// Shapes or dtypes that differ from these, or an empty batch.
///
/// ```
/// use candlelight::{loss::{cross_entropy, cross_entropy_soft}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let logits = Tensor::new(&[[1f64, 2., 0.]], &Device::Cpu)?;
/// let soft = cross_entropy_soft(&logits, &Tensor::new(&[[0f64, 1., 0.]], &Device::Cpu)?)?;
/// let hard = cross_entropy(&logits, &Tensor::new(&[1u32], &Device::Cpu)?)?;
/// assert_eq!(soft.to_scalar::<f64>()?, hard.to_scalar::<f64>()?);
/// # Ok(()) }
/// ```
pub fn cross_entropy_soft(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    cross_entropy_soft_reduce(logits, targets, Reduction::Mean)
}

/// [`cross_entropy_soft`] with a choice of reduction; [`Reduction::None`] has the shape of `logits` without its last dimension.
///
/// # Errors
/// As [`cross_entropy_soft`].
pub fn cross_entropy_soft_reduce(logits: &Tensor, targets: &Tensor, reduction: Reduction) -> Result<Tensor> {
    check_same("targets", logits, targets)?;
    reduction.apply(&(targets * log_softmax(logits, D::Minus1)?)?.sum(D::Minus1)?.neg()?)
}

/// Negative log-likelihood of class indices under given log-probabilities, averaged.
///
/// ```text
/// L = -1/N Σₙ log p[n, yₙ]
/// ```
///
/// The likelihood of a data set is a product, which underflows; its logarithm is a sum, and optimizers minimise, hence the
/// minus. After [`log_softmax`] it is [`cross_entropy`].
///
/// # Shapes
/// `log_probabilities` [..., C] of a float dtype, `labels` [...] of U8, U32 or I64 in 0..C.
///
/// # Errors
/// As [`cross_entropy`].
///
/// ```
/// use candlelight::{loss::nll, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let log_p = Tensor::new(&[[0.2f64, 0.8], [0.5, 0.5]], &Device::Cpu)?.log()?;
/// let loss = nll(&log_p, &Tensor::new(&[1u32, 0], &Device::Cpu)?)?.to_scalar::<f64>()?;
/// assert!((loss - -(0.8f64 * 0.5).ln() / 2.).abs() < 1e-12);
/// # Ok(()) }
/// ```
pub fn nll(log_probabilities: &Tensor, labels: &Tensor) -> Result<Tensor> {
    nll_reduce(log_probabilities, labels, Reduction::Mean)
}

/// [`nll`] with a choice of reduction; [`Reduction::None`] has the shape of `labels`.
///
/// # Errors
/// As [`nll`].
pub fn nll_reduce(log_probabilities: &Tensor, labels: &Tensor, reduction: Reduction) -> Result<Tensor> {
    let index = checked_labels("log-probabilities", log_probabilities, labels)?;
    reduction.apply(&pick(log_probabilities, &index)?)
}

/// Mean squared error over all elements.
///
/// ```text
/// L = 1/n Σᵢ (pᵢ - tᵢ)²        ∂L/∂pᵢ = 2 (pᵢ - tᵢ) / n
/// ```
///
/// In the square of the target's unit.
///
/// # Shapes
/// `prediction` and `target` of one shape and float dtype. Nothing is broadcast: a [N, 1] prediction against an `[N]` target
/// would silently become an N × N table of differences.
///
/// # Errors
/// Shapes or dtypes that differ, or no element.
///
/// ```
/// use candlelight::{loss::mse, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let prediction = Tensor::new(&[1f64, 2.], &Device::Cpu)?;
/// let target = Tensor::new(&[1f64, 4.], &Device::Cpu)?;
/// assert_eq!(mse(&prediction, &target)?.to_scalar::<f64>()?, 2.);
/// # Ok(()) }
/// ```
pub fn mse(prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
    mse_reduce(prediction, target, Reduction::Mean)
}

/// [`mse`] with a choice of reduction; [`Reduction::None`] has the shape of `target`.
///
/// # Errors
/// As [`mse`].
pub fn mse_reduce(prediction: &Tensor, target: &Tensor, reduction: Reduction) -> Result<Tensor> {
    check_same("target", prediction, target)?;
    reduction.apply(&(prediction - target)?.sqr()?)
}

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
    binary_cross_entropy_with_logits_reduce(logits, targets, Reduction::Mean)
}

/// [`binary_cross_entropy_with_logits`] with a choice of reduction; [`Reduction::None`] has the shape of `logits`.
///
/// # Errors
/// As [`binary_cross_entropy_with_logits`].
pub fn binary_cross_entropy_with_logits_reduce(
    logits: &Tensor,
    targets: &Tensor,
    reduction: Reduction,
) -> Result<Tensor> {
    check_same("targets", logits, targets)?;
    // softplus(z) = logsumexp(z, 0). The textbook form max(z, 0) + log(1 + exp(-|z|)) has two kinks at 0 that cancel in the
    // value, and in the gradient only if both use the same convention there.
    let softplus = logsumexp(&Tensor::stack(&[logits, &logits.zeros_like()?], 0)?, 0)?;
    reduction.apply(&(softplus - (targets * logits)?)?)
}

/// The labels as U32, after a check that they fit `scores` [..., C].
pub(crate) fn checked_labels(what: &'static str, scores: &Tensor, labels: &Tensor) -> Result<Tensor> {
    check_float(what, scores)?;
    let Some((&classes, batch)) = scores.dims().split_last().filter(|_| scores.elem_count() > 0) else {
        return Err(Error::shape(what, "[..., C] with at least one sample and one class", scores.dims()));
    };
    if labels.dims() != batch {
        return Err(Error::shape("labels", format!("{batch:?}"), labels.dims()));
    }
    if !matches!(labels.dtype(), DType::U8 | DType::U32 | DType::I64) {
        return Err(Error::DType { what: "labels", expected: "U8, U32 or I64", actual: labels.dtype() });
    }
    let values = labels.flatten_all()?.to_dtype(DType::I64)?.to_vec1::<i64>()?;
    match values.iter().position(|&label| label < 0 || label >= classes as i64) {
        Some(position) => Err(Error::Label { label: values[position], position, classes }),
        None => Ok(labels.to_dtype(DType::U32)?.contiguous()?),
    }
}

/// Minus the entry of each label, of the labels' shape.
fn pick(log_probabilities: &Tensor, labels: &Tensor) -> Result<Tensor> {
    let picked = log_probabilities.contiguous()?.gather(&labels.unsqueeze(D::Minus1)?, D::Minus1)?;
    Ok(picked.squeeze(D::Minus1)?.neg()?)
}

fn check_same(what: &'static str, prediction: &Tensor, target: &Tensor) -> Result<()> {
    check_float("prediction", prediction)?;
    if prediction.dims() != target.dims() {
        return Err(Error::shape(what, format!("{:?}", prediction.dims()), target.dims()));
    }
    if prediction.elem_count() == 0 {
        return Err(Error::shape("prediction", "at least one element", prediction.dims()));
    }
    if prediction.dtype() != target.dtype() {
        return Err(Error::DType { what, expected: "that of the prediction", actual: target.dtype() });
    }
    Ok(())
}
