use crate::prelude::*;

/// The loss (Q(s, a) - y)² of a semi-gradient step, from the values [1, actions] of this state and of the next.
pub fn loss(now: &Tensor, next: &Tensor, action: usize, reward: f64, gamma: f64) -> Result<Tensor> {
    let best = next.detach().max(D::Minus1)?;
    let y = ((best * gamma)? + reward)?;
    Ok((now.narrow(1, action, 1)?.squeeze(1)? - y)?.sqr()?.sum_all()?)
}
