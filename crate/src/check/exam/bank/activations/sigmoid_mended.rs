/// The sigmoid of a logit, its slope there, and the gradient of the binary cross-entropy if the label is y.
pub fn sigmoid(z: f64, y: f64) -> (f64, f64, f64) {
    let p = 1.0 / (1.0 + (-z).exp());
    let slope = p * (1.0 - p);
    let gradient = p - y;
    (p, slope, gradient)
}
