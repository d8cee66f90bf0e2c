use crate::rl::Step;

/// The target of a transition, with the values of the actions in the next state.
pub fn target(step: &Step<usize>, next: &[f64], gamma: f64) -> f64 {
    let best = next.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let over = step.terminated;
    step.reward + if over { 0.0 } else { gamma * best }
}
