//! The checks of `00-start-here`: they accept right answers, and say what is wrong with others.

use candlelight::check::start::{accuracy, central_difference, gradient_step};
use candlelight_tests::{accepts, rejects};

#[test]
fn central_differences() {
    accepts(central_difference(|f, x, h| (f(x + h) - f(x - h)) / (2.0 * h)));
    rejects(central_difference(|_, _, _| todo!("two points")), "not written yet. two points");
    rejects(central_difference(|f, x, h| (f(x + h) - f(x)) / h), "expected 6, got 6.5");
    rejects(central_difference(|f, x, h| (f(x + h) - f(x - h)) / h), "expected 6, got 12");
}

#[test]
fn gradient_steps() {
    let step = |w: &[f64], g: &[f64], lr: f64| w.iter().zip(g).map(|(w, g)| w - lr * g).collect::<Vec<_>>();
    accepts(gradient_step(step));
    rejects(gradient_step(|_, _, _| todo!("downhill")), "not written yet. downhill");
    rejects(gradient_step(|w, g, lr| w.iter().zip(g).map(|(w, g)| w + lr * g).collect()), "expected 0.95, got 1.05");
    rejects(gradient_step(|w, g, _| w.iter().zip(g).map(|(w, g)| w - g).collect()), "expected 0.95, got 0.5");
    rejects(gradient_step(|w, _, _| w.iter().take(1).copied().collect()), "expected 2 entries, got 1");
}

#[test]
fn accuracies() {
    let right = |p: &[u32], y: &[u32]| p.iter().zip(y).filter(|(p, y)| p == y).count() as f64;
    accepts(accuracy(|p, y| right(p, y) / p.len() as f64));
    rejects(accuracy(|_, _| todo!("count")), "not written yet. count");
    rejects(accuracy(right), "expected 0.5, got 2");
    rejects(accuracy(|p, y| 1.0 - right(p, y) / p.len() as f64), "predictions [7], labels [7]: expected 1, got 0");
    rejects(accuracy(|p, y| right(&p[1..], &y[..9])), "it panicked");
}
