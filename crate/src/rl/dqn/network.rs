//! Networks that value actions.

use crate::nn::{Activation, Sequential, linear};
use crate::params::Params;
use crate::rl::dueling_head;
use crate::{Error, Result};

/// Linear layers with ReLU between them: `sizes` are those of the observation, of each hidden layer, and the number of actions.
///
/// CleanRL's network for CartPole has the sizes 4, 120, 84, 2. Parameters are `fc1.weight`, `fc1.bias`, `fc2.weight`, ….
///
/// # Errors
/// Fewer than two sizes, or one of 0.
///
/// ```
/// use candlelight::{prelude::*, rl::q_network};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let network = q_network(&[4, 120, 84, 2], params.clone())?;
/// assert_eq!((network.len(), params.count()), (5, 10_934));
/// # Ok(()) }
/// ```
pub fn q_network(sizes: &[usize], params: Params) -> Result<Sequential> {
    let [hidden @ .., last, actions] = sizes else { return Err(too_few(sizes)) };
    let before = body(&[hidden, &[*last]].concat(), &params)?;
    Ok(before.push(linear(*last, *actions, params.pp(format!("fc{}", sizes.len() - 1)))?))
}

/// [`q_network`] with a [`DuelingHead`](super::super::DuelingHead) in place of its last layer, below the name `head`.
///
/// # Errors
/// As [`q_network`].
///
/// ```
/// use candlelight::{prelude::*, rl::dueling_q_network};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// dueling_q_network(&[4, 120, 84, 2], params.clone())?;
/// assert_eq!(params.count(), 10_934 + 85);
/// # Ok(()) }
/// ```
pub fn dueling_q_network(sizes: &[usize], params: Params) -> Result<Sequential> {
    let [hidden @ .., last, actions] = sizes else { return Err(too_few(sizes)) };
    let before = body(&[hidden, &[*last]].concat(), &params)?;
    Ok(before.push(dueling_head(*last, *actions, params.pp("head"))?))
}

/// All layers but the last.
fn body(sizes: &[usize], params: &Params) -> Result<Sequential> {
    sizes.windows(2).enumerate().try_fold(Sequential::new(), |model, (i, pair)| {
        let layer = linear(pair[0], pair[1], params.pp(format!("fc{}", i + 1)))?;
        Ok(model.push(layer).push(Activation::Relu))
    })
}

fn too_few(sizes: &[usize]) -> Error {
    Error::setting("sizes", "those of the observation and of the actions at least", format!("{sizes:?}"))
}
