use candle_core::Tensor;

use crate::loss::binary_cross_entropy_with_logits as bce;
use crate::{Error, Result};

/// What a discriminator D and a generator G minimize, in terms of D's outputs for real samples and for generated ones.
///
/// D gives a logit d (no sigmoid at its end): the probability that a sample is real is σ(d). For [`Wasserstein`] it is any
/// number, and D is called a critic.
///
/// ```text
///                    discriminator                                    generator
/// Minimax            -mean log σ(d_real) - mean log(1 - σ(d_fake))    mean log(1 - σ(d_fake))
/// NonSaturating      the same                                         -mean log σ(d_fake)
/// Wasserstein        mean d_fake - mean d_real                        -mean d_fake
///
/// derivative of the generator's loss for one sample, with D = σ(d):   -D,   D - 1,   -1
/// ```
///
/// Where the discriminator is sure that a sample is generated, D ≈ 0: the minimax loss hardly changes with it, and the
/// generator learns nothing; the non-saturating one changes most there.
///
/// Goodfellow et al. (2014), eq. 1 and section 3 (both losses of the generator); Arjovsky, Chintala and Bottou (2017),
/// section 3. PyTorch has none of them as a loss of its own; the first two are `BCEWithLogitsLoss` with targets 1 and 0.
///
/// [`Wasserstein`]: Self::Wasserstein
///
/// ```
/// use candlelight::{gan::AdversarialLoss, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let (real, fake) = (Tensor::new(&[[2f64]], &Device::Cpu)?, Tensor::new(&[[-5f64]], &Device::Cpu)?);
/// assert_eq!(AdversarialLoss::Wasserstein.discriminator(&real, &fake)?.to_scalar::<f64>()?, -7.);
/// let fake = Var::from_tensor(&fake)?;
/// for (loss, expected) in [(AdversarialLoss::Minimax, -0.0067), (AdversarialLoss::NonSaturating, -0.9933)] {
///     let gradients = loss.generator(&fake)?.backward()?;
///     let slope = gradients.get(&fake).unwrap().flatten_all()?.to_vec1::<f64>()?[0];
///     assert!((slope - expected).abs() < 1e-4);
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdversarialLoss {
    /// The zero-sum game of the definition.
    Minimax,
    /// The same discriminator, and a generator that makes its samples look real instead of less generated.
    NonSaturating,
    /// The difference of means: with a 1-Lipschitz critic, a lower bound of the Wasserstein-1 distance.
    Wasserstein,
}

impl AdversarialLoss {
    /// The discriminator's loss, a scalar; `real` and `fake` are its outputs [N, 1] or `[N]`, of N that may differ.
    ///
    /// # Errors
    /// An output without samples, or not of a float dtype.
    pub fn discriminator(self, real: &Tensor, fake: &Tensor) -> Result<Tensor> {
        let (real, fake) = (checked("output for real samples", real)?, checked("output for generated samples", fake)?);
        match self {
            Self::Minimax | Self::NonSaturating => {
                Ok((bce(real, &real.ones_like()?)? + bce(fake, &fake.zeros_like()?)?)?)
            }
            Self::Wasserstein => Ok((fake.mean_all()? - real.mean_all()?)?),
        }
    }

    /// The generator's loss, a scalar; `fake` is the discriminator's output for generated samples, [N, 1] or `[N]`.
    ///
    /// # Errors
    /// As for the discriminator.
    pub fn generator(self, fake: &Tensor) -> Result<Tensor> {
        let fake = checked("output for generated samples", fake)?;
        match self {
            Self::Minimax => Ok(bce(fake, &fake.zeros_like()?)?.neg()?),
            Self::NonSaturating => bce(fake, &fake.ones_like()?),
            Self::Wasserstein => Ok(fake.mean_all()?.neg()?),
        }
    }
}

/// One number a sample: a discriminator that returns more would be averaged without a word.
pub(super) fn checked<'a>(what: &'static str, output: &'a Tensor) -> Result<&'a Tensor> {
    match output.dims() {
        &[n] | &[n, 1] if n > 0 => Ok(output),
        dims => Err(Error::shape(what, "[N, 1] or [N] with N at least 1", dims)),
    }
}
