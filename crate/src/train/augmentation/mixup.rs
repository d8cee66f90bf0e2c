use candle_core::{D, DType, Tensor};
use candlelight_base::{range, transfer};
use rand_distr::{Beta, Distribution};

use super::Augmentation;
use crate::loss::checked_labels;
use crate::rng::{Rng, permutation};
use crate::unread::{is_unread, note_unread, or_nan, rows_among};
use crate::{Error, Result};

/// Mixes each sample with another one of the batch, inputs and targets alike, in one proportion λ a batch.
///
/// ```text
/// x̃ₙ = λ xₙ + (1 - λ) x_π(n),    ỹₙ = λ yₙ + (1 - λ) y_π(n),    λ ~ Beta(α, α)
/// ```
///
/// for a random permutation π and one-hot y. The targets become distributions, so the loss must take those, as
/// [`cross_entropy_soft`](crate::loss::cross_entropy_soft) does; validation targets stay class indices. Zhang et al. (2018),
/// section 2 and figure 1a: α in [0.1, 0.4] for ImageNet, 1 for CIFAR-10; 0 does not mix.
///
/// # Shapes
/// Inputs [N, ...] F32 or F64; targets either class indices `[N]` of U8, U32 or I64, or distributions [N, C]; the result is
/// [N, C] of the dtype of the inputs. On a device the labels are not looked at: one that is no class makes its target NaN, and
/// [`fit`](crate::train::fit) reports it when the loss is NaN.
///
/// ```
/// use candlelight::{loss::{cross_entropy, cross_entropy_soft}, prelude::*, train::augmentation::{Augmentation, Mixup}};
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::new(&[[0f32], [1.]], &Device::Cpu)?;
/// let labels = Tensor::new(&[0u32, 2], &Device::Cpu)?;
/// let (mixed, soft) = Mixup::new(1., 3)?.apply(&x, &labels, &mut seeded(0))?;
/// assert_eq!((mixed.dims(), soft.dims()), (&[2, 1][..], &[2, 3][..]));
/// assert_eq!(soft.sum(1)?.to_vec1::<f32>()?, [1., 1.]);
///
/// // For `fit`: soft targets in training, class indices in validation.
/// let loss = |z: &Tensor, y: &Tensor| if y.dtype().is_float() { cross_entropy_soft(z, y) } else { cross_entropy(z, y) };
/// assert!(loss(&soft, &soft).is_ok() && loss(&soft, &labels).is_ok());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mixup {
    alpha: f64,
    classes: usize,
}

impl Mixup {
    /// λ ~ Beta(`alpha`, `alpha`), finite and at least 0; `classes` is C, at least 1.
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(alpha: f64, classes: usize) -> Result<Self> {
        range::not_negative("alpha", alpha)?;
        range::at_least_one("classes", classes)?;
        Ok(Self { alpha, classes })
    }

    /// The targets as distributions [N, C].
    fn soft(&self, targets: &Tensor, n: usize, dtype: DType) -> Result<Tensor> {
        if targets.dtype().is_float() {
            return match targets.dims() == [n, self.classes] {
                true => Ok(targets.to_dtype(dtype)?),
                false => Err(Error::shape("soft targets", format!("[{n}, {}]", self.classes), targets.dims())),
            };
        }
        let zeros = Tensor::zeros((n, self.classes), dtype, targets.device())?;
        let one_hot = |index: &Tensor| {
            let ones = Tensor::ones((n, 1), dtype, targets.device())?;
            zeros.scatter_add(&index.unsqueeze(D::Minus1)?, &ones, D::Minus1)
        };
        let fit = targets.dims() == [n] && matches!(targets.dtype(), DType::U8 | DType::U32 | DType::I64);
        if !fit || !is_unread(targets) {
            return Ok(one_hot(&checked_labels("one-hot targets", &zeros, targets)?)?);
        }
        // A label that is no class makes its row NaN.
        let (inside, index) = rows_among(targets, self.classes)?;
        let (soft, targets) = (or_nan(&inside, &one_hot(&index)?)?, targets.detach());
        note_unread(move || checked_labels("one-hot targets", &zeros, &targets).map(drop));
        Ok(soft)
    }

    fn proportion(&self, rng: &mut Rng) -> Result<f64> {
        if self.alpha == 0.0 {
            return Ok(1.0);
        }
        let refuse = |_| Error::setting("alpha", "one that Beta(α, α) can be drawn with", self.alpha);
        let lambda: f64 = Beta::new(self.alpha, self.alpha).map_err(refuse)?.sample(rng);
        if lambda.is_nan() {
            Err(Error::setting("alpha", "one that Beta(α, α) can be drawn with", self.alpha))
        } else {
            Ok(lambda)
        }
    }
}

impl Augmentation for Mixup {
    fn apply(&self, inputs: &Tensor, targets: &Tensor, rng: &mut Rng) -> Result<(Tensor, Tensor)> {
        let n = match inputs.dims() {
            [n, ..] if inputs.elem_count() > 0 => *n,
            dims => return Err(Error::shape("inputs", "[N, ...] with no dimension 0", dims)),
        };
        let soft = self.soft(targets, n, inputs.dtype())?;
        let (lambda, order) = (self.proportion(rng)?, permutation(rng, n));
        check(inputs, &order, lambda)?;
        let order = transfer::to_device(order, n, inputs.device())?;
        let other =
            if soft.device().same_device(inputs.device()) { &order } else { &order.to_device(soft.device())? };
        Ok((mixed(inputs, &order, lambda)?, mixed(&soft, other, lambda)?))
    }
}

/// λ x + (1 - λ) x\[order\] along the first dimension.
///
/// # Errors
/// If `x` is not F32 or F64 [N, ...], `order` is not N indices below N, or λ is outside [0, 1].
///
/// ```
/// use candlelight::{prelude::*, train::augmentation::mix};
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::new(&[0f64, 8.], &Device::Cpu)?;
/// assert_eq!(mix(&x, &[1, 0], 0.75)?.to_vec1::<f64>()?, [2., 6.]);
/// # Ok(()) }
/// ```
pub fn mix(x: &Tensor, order: &[u32], lambda: f64) -> Result<Tensor> {
    check(x, order, lambda)?;
    mixed(x, &transfer::to_device(order.to_vec(), order.len(), x.device())?, lambda)
}

fn check(x: &Tensor, order: &[u32], lambda: f64) -> Result<()> {
    if !matches!(x.dtype(), DType::F32 | DType::F64) {
        return Err(Error::DType { what: "what is mixed", expected: "F32 or F64", actual: x.dtype() });
    }
    range::share("lambda", lambda)?;
    let n = x.dims().first().copied().unwrap_or(0);
    if order.len() != n || x.rank() == 0 {
        return Err(Error::shape("order", format!("[{n}], one for each row"), &[order.len()]));
    }
    if let Some(index) = order.iter().find(|index| **index as usize >= n) {
        return Err(Error::setting("index", "below the number of rows", format!("{index} of {n}")));
    }
    Ok(())
}

fn mixed(x: &Tensor, order: &Tensor, lambda: f64) -> Result<Tensor> {
    let other = x.contiguous()?.index_select(order, 0)?;
    Ok(((x * lambda)? + (other * (1.0 - lambda))?)?.detach())
}
