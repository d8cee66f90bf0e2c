use crate::prelude::*;

/// Gradients of the weight and the bias of z = u Wᵀ + b, for the mean cross-entropy of softmax(z) = p; y is one-hot.
pub fn last_layer(u: &Array2<f64>, p: &Array2<f64>, y: &Array2<f64>) -> (Array2<f64>, Array1<f64>) {
    let samples = u.nrows() as f64;
    let g = (p - y) / samples;
    let weight = g.t().dot(u);
    let bias = g.sum_axis(Axis(0)) / samples;
    (weight, bias)
}
