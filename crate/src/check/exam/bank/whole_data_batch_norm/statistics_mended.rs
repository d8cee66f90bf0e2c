/// Mean and variance of a unit over a data set that comes in batches, none of which is kept.
pub fn statistics(batches: &[Vec<f64>]) -> (f64, f64) {
    let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for batch in batches {
        let m = batch.len() as f64;
        let own = batch.iter().sum::<f64>() / m;
        let spread: f64 = batch.iter().map(|z| (z - own).powi(2)).sum();
        squares += spread + (own - mean).powi(2) * n * m / (n + m);
        mean += (own - mean) * m / (n + m);
        n += m;
    }
    (mean, squares / n)
}
