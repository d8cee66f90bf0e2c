/// RMSprop for one weight that starts at w: where it is after these gradients.
pub fn rmsprop(mut w: f64, gradients: &[f64], lr: f64, alpha: f64) -> f64 {
    let mut v: f64 = 0.0;
    for g in gradients {
        v = alpha * v + (1.0 - alpha) * g * g;
        let root = v.sqrt() + 1e-8;
        w -= lr * g / root;
    }
    w
}
