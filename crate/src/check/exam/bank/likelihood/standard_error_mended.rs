/// The standard error of the mean of independent draws.
pub fn standard_error(draws: &[f64]) -> f64 {
    let n = draws.len() as f64;
    let mean = draws.iter().sum::<f64>() / n;
    let squares: f64 = draws.iter().map(|x| (x - mean).powi(2)).sum();
    let variance = squares / (n - 1.0);
    (variance / n).sqrt()
}
