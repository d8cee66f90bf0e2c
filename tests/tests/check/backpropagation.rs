//! The checks of `03b-backpropagation`: right answers pass, stubs and usual mistakes do not.

use candlelight::check::backpropagation::*;
use candlelight::ndarray::{Array1, Array2, Axis};
use candlelight_tests::{accepts, rejects};

type Vector = Array1<f64>;
type Matrix = Array2<f64>;

fn relu(a: &Vector) -> Vector {
    a.mapv(|a| a.max(0.0))
}

fn passed(a: &Vector) -> Vector {
    a.mapv(|a| f64::from(u8::from(a > 0.0)))
}

fn outer(g: &Vector, u: &Vector) -> Matrix {
    g.view().insert_axis(Axis(1)).dot(&u.view().insert_axis(Axis(0)))
}

#[test]
fn maximum_of_two_numbers() {
    let bridge = [[1.0, -1.0, 0.0], [0.0, 1.0, 0.0], [0.0, -1.0, 0.0]];
    accepts(maximum(|| (bridge, [1.0, 1.0, -1.0, 0.0])));
    // The other way round, and with other scales: max = x₁ + relu(x₂ - x₁).
    accepts(maximum(|| ([[-2.0, 2.0, 0.0], [0.5, 0.0, 0.0], [-1.0, 0.0, 0.0]], [0.5, 2.0, -1.0, 0.0])));
    rejects(maximum(|| todo!("three units")), "not written yet. three units");
    rejects(maximum(|| (bridge, [1.0, 1.0, 1.0, 0.0])), "x = (-1, -3): expected -1, got 5");
    rejects(maximum(|| (bridge, [-1.0, 1.0, -1.0, 0.0])), "x = (1, 0): expected 1, got -1");
    // The maximum near 0 only: x₂ shifted by a bias, so that it stays positive.
    let shifted = [[1.0, -1.0, 0.0], [0.0, 1.0, 5.0], [0.0, 0.0, 0.0]];
    rejects(maximum(|| (shifted, [1.0, 1.0, 0.0, -5.0])), "x = (4, -7): expected 4");
}

fn probabilities(z: &Vector) -> Vector {
    let exp = z.mapv(f64::exp);
    &exp / exp.sum()
}

/// The gradients of z and of a.
fn gradients(w1: &Matrix, b1: &Vector, w2: &Matrix, b2: &Vector, x: &Vector, label: usize) -> (Vector, Vector) {
    let a = w1.dot(x) + b1;
    let mut g_z = probabilities(&(w2.dot(&relu(&a)) + b2));
    g_z[label] -= 1.0;
    let g_a = w2.t().dot(&g_z) * passed(&a);
    (g_z, g_a)
}

#[test]
fn gradient_of_the_input() {
    accepts(input_gradient(|w1, b1, w2, b2, x, y| w1.t().dot(&gradients(w1, b1, w2, b2, x, y).1)));
    // By differences.
    accepts(input_gradient(|w1, b1, w2, b2, x, y| {
        let loss = |x: &Vector| -probabilities(&(w2.dot(&relu(&(w1.dot(x) + b1))) + b2))[y].ln();
        Vector::from_shape_fn(x.len(), |j| {
            let step = Vector::from_shape_fn(x.len(), |i| if i == j { 1e-5 } else { 0.0 });
            (loss(&(x + &step)) - loss(&(x - &step))) / 2e-5
        })
    }));
    rejects(input_gradient(|_, _, _, _, _, _| todo!("one more step")), "not written yet");
    let unmasked = |w1: &Matrix, b1: &Vector, w2: &Matrix, b2: &Vector, x: &Vector, y: usize| {
        w1.t().dot(&w2.t().dot(&gradients(w1, b1, w2, b2, x, y).0))
    };
    rejects(input_gradient(unmasked), "label 0, entry 0");
    rejects(
        input_gradient(|w1, b1, w2, b2, x, y| -w1.t().dot(&gradients(w1, b1, w2, b2, x, y).1)),
        "entry 0: expected",
    );
    rejects(input_gradient(|w1, b1, w2, b2, x, y| gradients(w1, b1, w2, b2, x, y).1), "expected 1 entries, got 2");
    rejects(input_gradient(|_, _, _, _, x, _| Vector::zeros(x.len())), "entry 0: expected");
}

/// The gradients with everything right but what the flags say.
fn deep(weights: &[Matrix], x: &Vector, g_z: &Vector, masked: bool, by_input: bool) -> Vec<Matrix> {
    let mut inputs = vec![x.clone()];
    for w in weights {
        inputs.push(relu(&w.dot(&inputs[inputs.len() - 1])));
    }
    let mut g = g_z.clone();
    let mut gradients = Vec::new();
    for (l, w) in weights.iter().enumerate().rev() {
        gradients.insert(0, if by_input { outer(&g, &inputs[l]) } else { outer(&inputs[l], &g) });
        g = w.t().dot(&g);
        if masked {
            g = g * passed(&inputs[l]);
        }
    }
    gradients
}

#[test]
fn gradients_of_a_deep_net() {
    accepts(deep_gradients(|weights, x, g| deep(weights, x, g, true, true)));
    rejects(deep_gradients(|_, _, _| todo!("forward, then back")), "not written yet");
    rejects(deep_gradients(|weights, x, g| deep(weights, x, g, false, true)), "layers [2, 4, 3], gradient of W_1");
    rejects(
        deep_gradients(|weights, x, g| deep(weights, x, g, true, false)),
        "gradient of W_1, shape: expected (2, 3), got (3, 2)",
    );
    let reversed = |weights: &[Matrix], x: &Vector, g: &Vector| {
        let mut all = deep(weights, x, g, true, true);
        all.reverse();
        all
    };
    rejects(deep_gradients(reversed), "layers [2, 4, 3], gradient of W_1, shape: expected (4, 2), got (3, 4)");
    // ReLU behind the last layer too.
    let last = |weights: &[Matrix], x: &Vector, g: &Vector| {
        let z = weights[..weights.len() - 1].iter().fold(x.clone(), |u, w| relu(&w.dot(&u)));
        let masked = g * passed(&weights[weights.len() - 1].dot(&z));
        deep(weights, x, &masked, true, true)
    };
    rejects(deep_gradients(last), "gradient of W_1, entry");
}
