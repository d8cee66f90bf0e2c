/// The compensated gradient of DC-ASGD: `w` holds the server's parameters, `read` those at which `g` was taken.
pub fn compensated(g: &[f64], w: &[f64], read: &[f64], kappa: f64) -> Vec<f64> {
    let mut result = Vec::new();
    for i in 0..g.len() {
        let moved = w[i] - read[i];
        let curvature = kappa * g[i] * g[i];
        result.push(g[i] + curvature * moved);
    }
    result
}
