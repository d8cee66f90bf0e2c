/// Adam for one weight that starts at w: where it is after these gradients.
pub fn adam(mut w: f64, gradients: &[f64], lr: f64) -> f64 {
    let (mut m, mut v) = (0.0, 0.0);
    for (t, g) in (0..).zip(gradients) {
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        let m_hat = m / (1.0 - 0.9f64.powi(t));
        let v_hat = v / (1.0 - 0.999f64.powi(t));
        w -= lr * m_hat / (v_hat.sqrt() + 1e-8);
    }
    w
}
