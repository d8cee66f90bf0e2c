/// The gradient of the kernel of y_i = Σ_u w_u x_(i+u), from `g`, that of y.
pub fn weight_gradient(x: &[f64], g: &[f64]) -> Vec<f64> {
    let size = x.len() + 1 - g.len();
    let mut gradient = vec![0.0; size];
    for (i, g) in g.iter().enumerate() {
        for u in 0..size {
            gradient[u] = g * x[i + u];
        }
    }
    gradient
}
