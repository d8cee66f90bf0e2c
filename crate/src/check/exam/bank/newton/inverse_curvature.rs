/// An estimate of 1/h from the curvatures of mini-batches, each an unbiased estimate of h.
pub fn inverse_curvature(batches: &[f64]) -> f64 {
    let n = batches.len() as f64;
    let mut sum = 0.0;
    for h in batches {
        sum += 1.0 / h;
    }
    sum / n
}
