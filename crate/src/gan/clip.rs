use candlelight_base::range;

use crate::Result;
use crate::activation::within;
use crate::params::Param;
use crate::regularization::change_each;

/// Sets each number of `params` that lies outside of [-limit, limit] to the nearer end; apply it after every step of a
/// critic.
///
/// ```text
/// w ← min(max(w, -c), c)
/// ```
///
/// With bounded weights the critic's slope is bounded, by a constant that nobody has chosen: it depends on width and depth.
/// Weights gather at ±c, and the gradient of a deep critic vanishes or explodes with c (Gulrajani et al. 2017, section 3 and
/// figure 1). Arjovsky, Chintala and Bottou (2017), algorithm 1.
///
/// `limit`: c, above 0 and finite; 0.01 in the paper.
///
/// # Errors
/// A limit outside its range; then nothing has changed.
///
/// ```
/// use candlelight::{gan::clip_weights, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let w = params.var("weight", 3, Init::Constant(0.))?;
/// params.set("weight", &Tensor::new(&[-0.5f32, 0.005, 2.], &Device::Cpu)?)?;
/// clip_weights(&params.trainable(), 0.01)?;
/// assert_eq!(w.to_vec1::<f32>()?, [-0.01, 0.005, 0.01]);
/// # Ok(()) }
/// ```
pub fn clip_weights(params: &[Param], limit: f64) -> Result<()> {
    range::positive("limit", limit)?;
    change_each(params, |w| within(w, limit))
}
