/// The mean of the probabilities that the members give to two classes, from their logits.
pub fn ensemble(logits: &[[f64; 2]]) -> [f64; 2] {
    let mut sum = [0.0; 2];
    for z in logits {
        let odds = (z[1] - z[0]).exp();
        sum[0] += 1.0 / (1.0 + odds);
        sum[1] += odds / (1.0 + odds);
    }
    let n = logits.len() as f64;
    [sum[0] / n, sum[1] / n]
}
