//! Decay of the weights apart from the loss, so that no optimizer rescales it.

use candlelight_base::range;

use super::change_each;
use crate::Result;
use crate::activation::within;
use crate::params::Param;

/// Moves each weight towards 0 by `amount`, and stops there.
///
/// ```text
/// w ← sign(w) max(|w| - a, 0)        the w' that minimizes (w' - w)²/2 + a |w'|
/// ```
///
/// This is soft thresholding. After a step of gradient descent with rate η, an amount of ηλ makes the step one of proximal
/// gradient descent on the loss plus λ‖w‖₁, whose zeros are exact; descent on [`l1`](super::l1) itself only flickers around
/// them. Parikh and Boyd (2014), section 6.5.2. With [`decay_l2`] after it, it decays as an elastic net.
///
/// `amount`: a, finite and at least 0, in the unit of the weights.
///
/// # Errors
/// If the amount is outside its range.
///
/// ```
/// use candlelight::{prelude::*, regularization::decay_l1};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let w = params.var("w", 3, Init::Constant(0.))?;
/// params.set("w", &Tensor::new(&[1f32, -0.125, -0.75], &Device::Cpu)?)?;
/// decay_l1(&params.trainable(), 0.25)?;
/// assert_eq!(w.to_vec1::<f32>()?, [0.75, 0., -0.5]);
/// # Ok(()) }
/// ```
pub fn decay_l1(params: &[Param], amount: f64) -> Result<()> {
    range::not_negative("amount", amount)?;
    change_each(params, |w| w - within(w, amount)?)
}

/// Shrinks each weight by the share `amount`.
///
/// ```text
/// w ← (1 - a) w
/// ```
///
/// For plain gradient descent with rate η on the loss plus λ [`l2`](super::l2), a is 2ηλ; for Adam, decay and penalty differ.
/// Applied after a step, this is the decay of AdamW up to the order of the two. Loshchilov and Hutter (2019), section 2.
///
/// `amount`: a, in [0, 1].
///
/// # Errors
/// If the amount is outside its range.
///
/// ```
/// use candlelight::{prelude::*, regularization::decay_l2};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let w = params.var("w", 2, Init::Constant(-2.))?;
/// decay_l2(&params.trainable(), 0.25)?;
/// assert_eq!(w.to_vec1::<f32>()?, [-1.5, -1.5]);
/// # Ok(()) }
/// ```
#[doc(alias = "weight decay")]
pub fn decay_l2(params: &[Param], amount: f64) -> Result<()> {
    range::share("amount", amount)?;
    change_each(params, |w| w * (1.0 - amount))
}
