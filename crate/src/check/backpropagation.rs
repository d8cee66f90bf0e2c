//! Checks of the exercises of `03b-backpropagation`.

use ndarray::{Array1, Array2, Axis};

use super::{Verdict, draws, softmax, verdict};
use crate::rng::{Rng, seeded};

/// Exercise 1: a net of three hidden units (ReLU) that computes max(x₁, x₂): rows (w₁, w₂, b) of the hidden units, and (c₁, c₂, c₃, b)
/// of the output.
///
/// ```
/// use candlelight::check;
/// // x₂ handed on by one unit: right where it is not negative.
/// let one_sided = || ([[1., -1., 0.], [0., 1., 0.], [0., 0., 0.]], [1., 1., 0., 0.]);
/// let verdict = check::backpropagation::maximum(one_sided).to_string();
/// assert!(verdict.contains("x = (-1, -3): expected -1, got 2"), "{verdict}");
/// ```
pub fn maximum(answer: impl Fn() -> ([[f64; 3]; 3], [f64; 4])) -> Verdict {
    verdict("a net that computes the maximum", |trials| {
        let (hidden, [c1, c2, c3, bias]) = answer();
        let points = [(0, 0), (1, 0), (0, 1), (-1, -3), (-3, -1), (-2, 5), (4, -7), (100, 99)];
        for (x1, x2) in points.map(|(x1, x2)| (f64::from(x1), f64::from(x2))) {
            let [u1, u2, u3] = hidden.map(|[w1, w2, b]| (w1 * x1 + w2 * x2 + b).max(0.0));
            let output = c1 * u1 + c2 * u2 + c3 * u3 + bias;
            trials.close(&format!("x = ({x1}, {x2})"), output, x1.max(x2), 1e-9)?;
        }
        Ok(())
    })
}

/// Exercise 2: the gradient of -log softmax(W₂ relu(W₁ x + b₁) + b₂)\[label\] with respect to x, from (W₁, b₁, W₂, b₂, x, label).
///
/// ```
/// use candlelight::{check, prelude::*};
/// // The gradient of a, not taken back through W₁.
/// let too_early = |w1: &Array2<f64>, b1: &Array1<f64>, w2: &Array2<f64>, b2: &Array1<f64>, x: &Array1<f64>, label: usize| {
///     let a = w1.dot(x) + b1;
///     let exp = (w2.dot(&a.mapv(|a| a.max(0.))) + b2).mapv(f64::exp);
///     let mut g = &exp / exp.sum();
///     g[label] -= 1.;
///     w2.t().dot(&g) * a.mapv(|a| if a > 0. { 1. } else { 0. })
/// };
/// let verdict = check::backpropagation::input_gradient(too_early).to_string();
/// assert!(verdict.contains("1 inputs, 2 hidden units, 2 classes, label 0: expected 1 entries, got 2"), "{verdict}");
/// ```
pub fn input_gradient(
    answer: impl Fn(&Array2<f64>, &Array1<f64>, &Array2<f64>, &Array1<f64>, &Array1<f64>, usize) -> Array1<f64>,
) -> Verdict {
    verdict("gradient with respect to the input", |trials| {
        let mut rng = seeded(21);
        for (inputs, hidden, classes) in [(1, 2, 2), (4, 3, 2), (3, 6, 5), (8, 8, 8)] {
            let w1 = matrix(&mut rng, hidden, inputs);
            let w2 = matrix(&mut rng, classes, hidden);
            let [b1, b2, x] = [hidden, classes, inputs].map(|n| Array1::from(draws(&mut rng, n, 1.0)));
            for label in [0, classes - 1] {
                let a = w1.dot(&x) + &b1;
                let mut g_z = Array1::from(softmax(&(w2.dot(&relu(&a)) + &b2).to_vec()));
                g_z[label] -= 1.0;
                let expected = w1.t().dot(&(w2.t().dot(&g_z) * passed(&a)));
                let trial = format!("{inputs} inputs, {hidden} hidden units, {classes} classes, label {label}");
                let got = answer(&w1, &b1, &w2, &b2, &x, label);
                trials.all_close(&trial, &got.to_vec(), &expected.to_vec(), 1e-9)?;
            }
        }
        Ok(())
    })
}

/// Exercise 3: the gradients of g · z with respect to the weights of z = W_n relu(W_{n-1} … relu(W₁ x)), from (weights, x, g), the
/// first weight first.
///
/// ```
/// use candlelight::{check, prelude::*};
/// let last_only = |weights: &[Array2<f64>], _: &Array1<f64>, _: &Array1<f64>| weights[1..].to_vec();
/// let verdict = check::backpropagation::deep_gradients(last_only).to_string();
/// assert!(verdict.contains("layers [3, 2], number of gradients: expected 1, got 0"), "{verdict}");
/// ```
pub fn deep_gradients(answer: impl Fn(&[Array2<f64>], &Array1<f64>, &Array1<f64>) -> Vec<Array2<f64>>) -> Verdict {
    verdict("gradients of a deep net", |trials| {
        let mut rng = seeded(22);
        let nets: [&[usize]; 4] = [&[3, 2], &[2, 4, 3], &[3, 5, 5, 2], &[4, 6, 3, 6, 6, 2]];
        for sizes in nets {
            let weights: Vec<Array2<f64>> = sizes.windows(2).map(|pair| matrix(&mut rng, pair[1], pair[0])).collect();
            let x = Array1::from(draws(&mut rng, sizes[0], 1.0));
            let g_z = Array1::from(draws(&mut rng, sizes[sizes.len() - 1], 1.0));
            let expected = backward(&weights, &x, &g_z);
            let got = answer(&weights, &x, &g_z);
            let trial = format!("layers {sizes:?}");
            trials.holds(&format!("{trial}, number of gradients"), got.len() == expected.len(), || {
                format!("expected {}, got {}", expected.len(), got.len())
            })?;
            for (l, (got, expected)) in got.iter().zip(&expected).enumerate() {
                let trial = format!("{trial}, gradient of W_{}", l + 1);
                trials.holds(&format!("{trial}, shape"), got.dim() == expected.dim(), || {
                    format!("expected {:?}, got {:?}", expected.dim(), got.dim())
                })?;
                for ((entry, &expected), &got) in expected.indexed_iter().zip(got) {
                    trials.close(&format!("{trial}, entry {entry:?}"), got, expected, 1e-9)?;
                }
            }
        }
        Ok(())
    })
}

fn backward(weights: &[Array2<f64>], x: &Array1<f64>, g_z: &Array1<f64>) -> Vec<Array2<f64>> {
    let mut inputs = vec![x.clone()];
    for w in &weights[..weights.len() - 1] {
        inputs.push(relu(&w.dot(&inputs[inputs.len() - 1])));
    }
    let mut g = g_z.clone();
    let mut gradients = Vec::new();
    for (w, u) in weights.iter().zip(&inputs).rev() {
        gradients.push(g.view().insert_axis(Axis(1)).dot(&u.view().insert_axis(Axis(0))));
        g = w.t().dot(&g) * passed(u);
    }
    gradients.reverse();
    gradients
}

fn matrix(rng: &mut Rng, rows: usize, columns: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |_| draws(rng, 1, 1.0)[0])
}

fn relu(a: &Array1<f64>) -> Array1<f64> {
    a.mapv(|a| a.max(0.0))
}

/// 1 where ReLU hands a gradient on, else 0.
fn passed(a: &Array1<f64>) -> Array1<f64> {
    a.mapv(|a| if a > 0.0 { 1.0 } else { 0.0 })
}
