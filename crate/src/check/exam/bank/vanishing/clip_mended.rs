/// Clips the gradient, which has one list for each layer, to a norm of at most `limit`.
pub fn clip(layers: &mut [Vec<f64>], limit: f64) {
    let norm = layers.iter().flatten().map(|g| g * g).sum::<f64>().sqrt();
    let factor = if norm > limit { limit / norm } else { 1.0 };
    for layer in layers {
        layer.iter_mut().for_each(|g| *g *= factor);
    }
}
