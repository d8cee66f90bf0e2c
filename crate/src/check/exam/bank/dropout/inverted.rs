use crate::prelude::*;

/// Inverted dropout of the outputs of a layer, with the probability p to drop; in use nothing is dropped.
pub fn inverted(h: &[f64], p: f64, mode: Mode, rng: &mut Rng) -> Vec<f64> {
    let scale = 1.0 / (1.0 - p);
    if mode == Mode::Train {
        return h.iter().map(|h| if rng.random_bool(p) { 0.0 } else { scale * h }).collect();
    }
    h.iter().map(|h| (1.0 - p) * h).collect()
}
