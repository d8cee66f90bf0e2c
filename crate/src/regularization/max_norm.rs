//! A bound on the weights of each unit.

use candlelight_base::range;

use super::change_each;
use crate::params::Param;
use crate::{Error, Result};

/// Scales the incoming weights of each unit back to a length of at most `limit`; apply it after every step.
///
/// ```text
/// w ← w min(1, c / ‖w‖₂)        for each unit's vector w of incoming weights
/// ```
///
/// A projection onto the ball of radius c: unlike a penalty it leaves alone what is inside, so that even large learning
/// rates cannot make weights blow up. Srivastava et al. (2014), section 5.1, beside dropout. PyTorch's `renorm` divides
/// by ‖w‖ + 10⁻⁷ instead.
///
/// `params`: weights [out, in, ...], say [`weights`](super::weights) of the model; a unit is an entry of the first dimension.
/// (The weight of a transposed convolution has its inputs there.) `limit`: c, above 0 and finite; 3 to 4 in the paper.
///
/// # Errors
/// A limit outside its range, or a parameter of fewer than two dimensions; then nothing has changed.
///
/// ```
/// use candlelight::{prelude::*, regularization::max_norm};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let w = params.var("weight", (2, 2), Init::Constant(0.))?;
/// params.set("weight", &Tensor::new(&[[6f32, -8.], [1., 1.]], &Device::Cpu)?)?;
/// max_norm(&params.trainable(), 5.)?;
/// assert_eq!(w.to_vec2::<f32>()?, [[3., -4.], [1., 1.]]);
/// # Ok(()) }
/// ```
pub fn max_norm(params: &[Param], limit: f64) -> Result<()> {
    range::positive("limit", limit)?;
    if let Some(Param { name, var, .. }) = params.iter().find(|param| param.var.rank() < 2) {
        let problem = format!("expected a weight [out, in, ...], got {:?}", var.dims());
        return Err(Error::Parameter { name: name.clone(), problem });
    }
    change_each(params, |w| {
        let units = w.flatten_from(1)?;
        let norms = units.sqr()?.sum_keepdim(1)?.sqrt()?;
        let factors = (norms.recip()? * limit)?;
        let factors = factors.minimum(&factors.ones_like()?)?;
        units.broadcast_mul(&factors)?.reshape(w.shape())
    })
}
