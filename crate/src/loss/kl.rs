//! Kullback–Leibler divergence.

use candle_core::{D, Tensor};

use super::Reduction;
use super::checks::check_rows;
use crate::Result;

/// Settings of [`kl_divergence_with`], as those of PyTorch's `KLDivLoss`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KlConfig {
    /// Whether the targets are log-probabilities; default false.
    pub log_target: bool,
    /// What becomes of the divergences of the rows; default: their mean, which is PyTorch's `batchmean`.
    pub reduction: Reduction,
}

/// Kullback–Leibler divergence of target distributions t from a model's log-probabilities, averaged over the samples.
///
/// ```text
/// L = 1/N Σₙ KL(tₙ ‖ pₙ),    KL(t ‖ p) = Σ_c t_c (log t_c - log p_c) ≥ 0        ∂L/∂log p = -t / N
/// ```
///
/// In nats: what it costs to code samples of t as if they came from p, above the least possible. It is the
/// cross-entropy less the entropy of t, so for given targets both have one gradient. A class with t_c = 0 counts 0,
/// whatever its log p_c, and takes no part in the gradient of t.
///
/// Unlike PyTorch, every row is one divergence: [`Reduction::Mean`] is over rows (PyTorch's default divides by the
/// elements, which it advises against; its `batchmean` divides by the first dimension only), and [`Reduction::None`]
/// gives a number a row, not an element.
///
/// Kullback and Leibler (1951), section 2.
///
/// # Shapes
/// `log_probabilities`, as of [`log_softmax`](crate::activation::log_softmax), and `targets` [..., C], both of one
/// float dtype. That they are normalized is not checked, as in PyTorch.
///
/// # Errors
/// Shapes or dtypes that differ from these, or an empty batch.
///
/// ```
/// use candlelight::{loss::kl_divergence, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let model = Tensor::new(&[[0.5f64, 0.5]], &Device::Cpu)?.log()?;
/// let targets = Tensor::new(&[[1f64, 0.]], &Device::Cpu)?;
/// let loss = kl_divergence(&model, &targets)?.to_scalar::<f64>()?;
/// assert!((loss - 2f64.ln()).abs() < 1e-12);
/// # Ok(()) }
/// ```
pub fn kl_divergence(log_probabilities: &Tensor, targets: &Tensor) -> Result<Tensor> {
    kl_divergence_with(log_probabilities, targets, &KlConfig::default())
}

/// [`kl_divergence`] with targets as probabilities or their logarithms, and a choice of reduction.
///
/// # Shapes
/// As [`kl_divergence`]; [`Reduction::None`] has the shape of `targets` without its last dimension.
///
/// # Errors
/// As [`kl_divergence`].
///
/// ```
/// use candlelight::{loss::{KlConfig, kl_divergence, kl_divergence_with}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let model = Tensor::new(&[[0.5f64, 0.5]], &Device::Cpu)?.log()?;
/// let targets = Tensor::new(&[[0.25f64, 0.75]], &Device::Cpu)?;
/// let config = KlConfig { log_target: true, ..KlConfig::default() };
/// let same = kl_divergence_with(&model, &targets.log()?, &config)? - kl_divergence(&model, &targets)?;
/// assert!(same?.to_scalar::<f64>()?.abs() < 1e-12);
/// # Ok(()) }
/// ```
pub fn kl_divergence_with(log_probabilities: &Tensor, targets: &Tensor, config: &KlConfig) -> Result<Tensor> {
    check_rows("targets", log_probabilities, targets)?;
    let zeros = targets.zeros_like()?;
    let p = if config.log_target { targets.exp()? } else { targets.clone() };
    let possible = p.ne(&zeros)?;
    // An impossible class must not reach the logarithm or the difference: 0 · ∞ is NaN, in the value and in the gradient.
    let choose = |values: &Tensor, otherwise: &Tensor| possible.where_cond(values, otherwise);
    let log_targets = match config.log_target {
        true => choose(targets, &zeros)?,
        false => choose(targets, &targets.ones_like()?)?.log()?,
    };
    let difference = (log_targets - choose(log_probabilities, &zeros)?)?;
    config.reduction.apply(&(p * difference)?.sum(D::Minus1)?)
}
