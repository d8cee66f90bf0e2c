/// ∂L/∂ẑ = g to ∂L/∂z of one unit: z_hat holds ẑ of the samples of the batch, s is √(σ² + ε).
pub fn backward(g: &[f64], z_hat: &[f64], s: f64) -> Vec<f64> {
    let m = g.len() as f64;
    let mean = g.iter().sum::<f64>() / m;
    let along = g.iter().zip(z_hat).map(|(g, z)| g * z).sum::<f64>();
    g.iter().zip(z_hat).map(|(g, z)| (g - mean - z * along) / s).collect()
}
