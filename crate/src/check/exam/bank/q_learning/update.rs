use crate::rl::{QTable, Step};

/// One update of Q-learning, of the action `a` in the state `s`.
pub fn update(q: &mut QTable, s: usize, a: usize, step: &Step<usize>, alpha: f64, gamma: f64) {
    let old = q.row(s)[a];
    let target = step.reward + gamma * q.max(step.observation);
    q.row_mut(s)[a] = old + alpha * (target - old);
}
