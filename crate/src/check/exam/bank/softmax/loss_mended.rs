/// The cross-entropy of one sample, from its logits and its label.
pub fn loss(logits: &[f64], label: usize) -> f64 {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let shifted: Vec<f64> = logits.iter().map(|z| z - largest).collect();
    let sum: f64 = shifted.iter().map(|z| z.exp()).sum();
    sum.ln() - shifted[label]
}
