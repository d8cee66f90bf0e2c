//! The checks of `06-l2-regularization`: right answers pass, stubs and usual mistakes do not.

use candlelight::check::regularization::*;
use candlelight_tests::{accepts, rejects};

use crate::mean;

#[track_caller]
#[test]
fn gradient_with_l2() {
    let with = |factor: fn(f64) -> f64| {
        move |gradient: &[f64], w: &[f64], lambda: f64| -> Vec<f64> {
            gradient.iter().zip(w).map(|(g, w)| g + factor(lambda) * w).collect()
        }
    };
    accepts(l2_gradient(with(|lambda| 2.0 * lambda)));
    rejects(l2_gradient(|_, _, _| todo!("add to each entry")), "not written yet. add to each entry");
    // Without λ, as in the notes; without the 2, as for ½λ‖w‖²; the gain with the wrong sign.
    rejects(l2_gradient(with(|_| 2.0)), "λ = 0.5, entry 0: expected 4, got 7");
    rejects(l2_gradient(with(|lambda| lambda)), "entry 0: expected 4, got 2.5");
    rejects(l2_gradient(with(|lambda| -2.0 * lambda)), "entry 0: expected 4, got -2");
    rejects(l2_gradient(|_, _, _| Vec::new()), "expected 2 entries, got 0");
}

#[test]
fn soft_thresholding() {
    accepts(soft_threshold(|w, t| w.iter().map(|w| w.signum() * (w.abs() - t).max(0.0)).collect()));
    accepts(soft_threshold(|w, t| w.iter().map(|w| (w - t).max(0.0) - (-w - t).max(0.0)).collect()));
    rejects(soft_threshold(|_, _| todo!("sign and size")), "not written yet");
    // A step of subgradient descent runs past 0.
    let subgradient = |w: &[f64], t: f64| -> Vec<f64> {
        w.iter().map(|&w| if w == 0.0 { 0.0 } else { w - t * w.signum() }).collect()
    };
    rejects(soft_threshold(subgradient), "threshold 0.5, entry 3: expected 0, got 0.25");
    let hard = |w: &[f64], t: f64| -> Vec<f64> { w.iter().map(|&w| if w.abs() <= t { 0.0 } else { w }).collect() };
    rejects(soft_threshold(hard), "entry 0: expected 2.5, got 3");
    // Near 0 is not 0.
    let nearly = |w: &[f64], t: f64| -> Vec<f64> { w.iter().map(|w| w.signum() * (w.abs() - t).max(1e-13)).collect() };
    rejects(soft_threshold(nearly), "expected 3 exact zeros, got 0");
}

fn adam(mut w: f64, gradients: &[f64], decay: impl Fn(f64, f64) -> (f64, f64), lr: f64) -> Vec<f64> {
    let (mut m, mut v, mut weights) = (0.0, 0.0, Vec::new());
    for (t, &g) in (1..).zip(gradients) {
        let (next, g) = decay(w, g);
        m = 0.9 * m + (1.0 - 0.9) * g;
        v = 0.999 * v + (1.0 - 0.999) * g * g;
        w = next - lr * m / (1.0 - 0.9_f64.powi(t)) / (f64::sqrt(v / (1.0 - 0.999_f64.powi(t))) + 1e-8);
        weights.push(w);
    }
    weights
}

#[test]
fn decoupled_decay() {
    accepts(adamw(|w, gradients, lr, decay| adam(w, gradients, |w, g| (w * (1.0 - lr * decay), g), lr)));
    rejects(adamw(|_, _, _, _| todo!("shrink first")), "not written yet");
    let in_the_loss =
        |w: f64, gradients: &[f64], lr: f64, decay: f64| adam(w, gradients, |w, g| (w, g + decay * w), lr);
    rejects(adamw(in_the_loss), "expected 0.85");
    rejects(adamw(in_the_loss), "the decay went through the moments, that is L2 in the loss");
    let without = |w: f64, gradients: &[f64], lr: f64, _: f64| adam(w, gradients, |w, g| (w, g), lr);
    rejects(adamw(without), "decay 0.5");
    // As algorithm 2 of the paper writes it, the decay not multiplied by the learning rate.
    let by_one = |w: f64, gradients: &[f64], lr: f64, decay: f64| adam(w, gradients, |w, g| (w * (1.0 - decay), g), lr);
    rejects(adamw(by_one), "entry 0: expected 0.85");
    let only_last = |w: f64, gradients: &[f64], lr: f64, decay: f64| {
        adam(w, gradients, |w, g| (w * (1.0 - lr * decay), g), lr).split_off(gradients.len() - 1)
    };
    rejects(adamw(only_last), "expected 3 entries, got 1");
}

#[test]
fn ridge_in_one_dimension() {
    let with = |penalty: fn(f64, f64) -> f64| {
        move |x: &[f64], y: &[f64], lambda: f64| {
            let xy: f64 = x.iter().zip(y).map(|(x, y)| x * y).sum();
            xy / (x.iter().map(|x| x * x).sum::<f64>() + penalty(x.len() as f64, lambda))
        }
    };
    accepts(ridge(with(|n, lambda| n * lambda)));
    rejects(ridge(|_, _, _| todo!("set the derivative to 0")), "not written yet");
    rejects(ridge(with(|_, lambda| lambda)), "λ = 2.5: expected 1, got 1.33");
    rejects(ridge(with(|_, _| 0.0)), "λ = 2.5: expected 1, got 2");
    rejects(ridge(with(|n, lambda| 2.0 * n * lambda)), "λ = 2.5: expected 1, got 0.66");
}

/// The largest λ whose mean error is within `margin` of the least, given the errors of the best.
fn largest(lambdas: &[f64], errors: &[Vec<f64>], margin: impl Fn(&[f64]) -> f64) -> f64 {
    let best = errors.iter().min_by(|a, b| mean(a).total_cmp(&mean(b))).unwrap();
    let limit = mean(best) + margin(best);
    let within = lambdas.iter().zip(errors).filter(|(_, errors)| mean(errors) <= limit);
    within.map(|(lambda, _)| *lambda).fold(0.0, f64::max)
}

fn deviation(values: &[f64]) -> f64 {
    let squares: f64 = values.iter().map(|value| (value - mean(values)).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

#[test]
fn choosing_lambda() {
    let standard_error = |errors: &[f64]| deviation(errors) / (errors.len() as f64).sqrt();
    accepts(choose_lambda(|lambdas, errors| largest(lambdas, errors, standard_error)));
    rejects(choose_lambda(|_, _| todo!("mean and standard error")), "not written yet");
    rejects(choose_lambda(|lambdas, errors| largest(lambdas, errors, |_| 0.0)), "expected λ = 0.1, got 0.01");
    rejects(choose_lambda(|lambdas, errors| largest(lambdas, errors, deviation)), "expected λ = 0.01, got 0.1");
    rejects(choose_lambda(|lambdas, _| lambdas[0]), "expected λ = 0.01, got 0.001");
    // The smallest λ within a standard error.
    let smallest = |lambdas: &[f64], errors: &[Vec<f64>]| {
        let reversed: Vec<f64> = lambdas.iter().map(|lambda| -lambda).collect();
        let best = errors.iter().min_by(|a, b| mean(a).total_cmp(&mean(b))).unwrap();
        let limit = mean(best) + standard_error(best);
        let within = reversed.iter().zip(errors).filter(|(_, errors)| mean(errors) <= limit);
        -within.map(|(lambda, _)| *lambda).fold(f64::NEG_INFINITY, f64::max)
    };
    rejects(choose_lambda(smallest), "expected λ = 0.1, got 0.01");
}
