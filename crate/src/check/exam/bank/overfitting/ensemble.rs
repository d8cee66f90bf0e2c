/// The mean of the probabilities that the members give to two classes, from their logits.
pub fn ensemble(logits: &[[f64; 2]]) -> [f64; 2] {
    let mut sum = [0.0; 2];
    for z in logits {
        sum[0] += z[0];
        sum[1] += z[1];
    }
    let n = logits.len() as f64;
    let odds = ((sum[1] - sum[0]) / n).exp();
    [1.0 / (1.0 + odds), odds / (1.0 + odds)]
}
