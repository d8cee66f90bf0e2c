/// ∂L/∂y = g to ∂L/∂z of one sample of a layer norm with the scales gamma: z_hat holds ẑ of its units, s is √(σ² + ε).
pub fn backward(g: &[f64], gamma: &[f64], z_hat: &[f64], s: f64) -> Vec<f64> {
    let h = g.len() as f64;
    let scaled: Vec<f64> = g.iter().zip(gamma).map(|(g, gamma)| gamma * g).collect();
    let mean = scaled.iter().sum::<f64>() / h;
    let along = scaled.iter().zip(z_hat).map(|(g, z)| g * z).sum::<f64>() / h;
    scaled.iter().zip(z_hat).map(|(g, z)| (g - mean - z * along) / s).collect()
}
