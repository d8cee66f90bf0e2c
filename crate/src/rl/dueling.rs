//! A head that tells the value of a state from what an action adds to it.

use candle_core::Tensor;

use crate::Result;
use crate::nn::{Linear, Mode, Module, linear};
use crate::params::Params;

/// Action values from the value of the state and the advantage of each action.
///
/// ```text
/// Q(s, a) = V(s) + A(s, a) - 1/|A| Σ A(s, a')
/// ```
///
/// The mean makes V and A unique, up to which Q says nothing of them. Wang et al. (2016), "Dueling network architectures for
/// deep reinforcement learning", eq. 9. There each stream has a hidden layer of its own; here both begin at the features.
///
/// # Shapes
/// Input [N, features], output [N, actions]; parameters `value.weight`, `value.bias`, `advantage.weight`, `advantage.bias`.
#[derive(Debug, Clone)]
pub struct DuelingHead {
    value: Linear,
    advantage: Linear,
}

/// A [`DuelingHead`].
///
/// # Errors
/// As [`Linear::new`], for each of its two layers.
///
/// ```
/// use candlelight::{nn::{Mode, Module}, prelude::*, rl::dueling_head};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let head = dueling_head(3, 2, params.clone())?;
/// let x = Tensor::new(&[[1f32, 2., 3.]], &Device::Cpu)?;
/// let before = head.forward(&x, Mode::Eval)?;
/// params.set("advantage.bias", &(params.get("advantage.bias")?.as_tensor() + 5.)?)?; // the same for all actions
/// assert!((head.forward(&x, Mode::Eval)? - before)?.abs()?.max_all()?.to_scalar::<f32>()? < 1e-5);
/// # Ok(()) }
/// ```
pub fn dueling_head(features: usize, actions: usize, params: Params) -> Result<DuelingHead> {
    let (value, advantage) =
        (linear(features, 1, params.pp("value"))?, linear(features, actions, params.pp("advantage"))?);
    Ok(DuelingHead { value, advantage })
}

impl Module for DuelingHead {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let advantage = self.advantage.forward(x, mode)?;
        let centered = advantage.broadcast_sub(&advantage.mean_keepdim(1)?)?;
        Ok(centered.broadcast_add(&self.value.forward(x, mode)?)?)
    }
}
