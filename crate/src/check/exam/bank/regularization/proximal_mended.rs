/// Proximal gradient descent on ½ (w - a)² + λ |w|, from 0.
pub fn proximal(a: f64, lambda: f64, eta: f64, steps: usize) -> f64 {
    let mut w: f64 = 0.0;
    for _ in 0..steps {
        let v = w - eta * (w - a);
        w = v.signum() * (v.abs() - eta * lambda).max(0.0);
    }
    w
}
