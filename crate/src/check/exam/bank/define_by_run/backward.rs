/// The derivative of the last value of a tape with respect to each value. `from[k]` lists the values that value k was computed
/// from, all before it, each with the derivative of k with respect to it.
pub fn backward(from: &[Vec<(usize, f64)>]) -> Vec<f64> {
    let mut gradients = vec![0.0; from.len()];
    gradients[from.len() - 1] = 1.0;
    for k in (0..from.len()).rev() {
        for &(j, factor) in &from[k] {
            gradients[j] = gradients[k] * factor;
        }
    }
    gradients
}
