//! The checks of `01-likelihood`: right answers pass, stubs and usual mistakes do not.

use candlelight::check::likelihood::*;
use candlelight_tests::{accepts, rejects};

use crate::{mean, squares};

fn log_of(count: u64, p: f64) -> f64 {
    if count == 0 { 0.0 } else { count as f64 * p.ln() }
}

#[test]
fn log_probability_of_successes() {
    let right = |n: u64, x: u64, theta: f64| {
        let orders: f64 = (1..=x).map(|i| ((n - i + 1) as f64 / i as f64).ln()).sum();
        orders + log_of(x, theta) + log_of(n - x, 1.0 - theta)
    };
    accepts(log_binomial(right));
    // Another right way: three logarithms of factorials.
    let factorial = |n: u64| (1..=n).map(|i| (i as f64).ln()).sum::<f64>();
    assert!(
        log_binomial(|n, x, theta| {
            factorial(n) - factorial(x) - factorial(n - x) + log_of(x, theta) + log_of(n - x, 1.0 - theta)
        })
        .is_passed()
    );
    rejects(log_binomial(|_, _, _| todo!("three terms")), "not written yet. three terms");
    rejects(
        log_binomial(|n, x, theta| log_of(x, theta) + log_of(n - x, 1.0 - theta)),
        "n = 2, x = 1, θ = 0.5: expected",
    );
    let overflowing = |n: u64, x: u64, theta: f64| {
        let orders: f64 = (1..=x).map(|i| (n - x + i) as f64 / i as f64).product();
        (orders * theta.powi(x as i32) * (1.0 - theta).powi((n - x) as i32)).ln()
    };
    rejects(log_binomial(overflowing), "n = 5000, x = 2600, θ = 0.52");
    let careless = |n: u64, x: u64, theta: f64| {
        let orders: f64 = (1..=x).map(|i| ((n - x + i) as f64 / i as f64).ln()).sum();
        orders + x as f64 * theta.ln() + (n - x) as f64 * (1.0 - theta).ln()
    };
    rejects(log_binomial(careless), "n = 6, x = 6, θ = 1: expected 0, got NaN");
}

#[test]
fn gaussian_of_greatest_likelihood() {
    accepts(gaussian(|x| (mean(x), squares(x) / x.len() as f64)));
    // Another right way: one pass (Welford).
    let one_pass = |x: &[f64]| {
        let (mut mean, mut sum) = (0.0, 0.0);
        for (i, value) in x.iter().enumerate() {
            let step = value - mean;
            mean += step / (i + 1) as f64;
            sum += step * (value - mean);
        }
        (mean, sum / x.len() as f64)
    };
    accepts(gaussian(one_pass));
    rejects(gaussian(|_| todo!("two derivatives")), "not written yet");
    rejects(gaussian(|x| (mean(x), squares(x) / (x.len() - 1) as f64)), "variance of [1.0, 3.0]: expected 1, got 2");
    rejects(gaussian(|x| (mean(x), (squares(x) / x.len() as f64).sqrt())), "variance of [-2.0, 0.0, 5.0]");
    let cancelling = |x: &[f64]| (mean(x), x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64 - mean(x).powi(2));
    rejects(gaussian(cancelling), "variance of 30 values around 10⁷");
}

#[test]
fn rate_of_greatest_likelihood() {
    let root = |x: &[f64]| (x.len() as f64).sqrt();
    accepts(exponential(|x| (1.0 / mean(x), 1.0 / mean(x) / root(x))));
    let by_sum = |x: &[f64]| {
        let sum: f64 = x.iter().sum();
        (x.len() as f64 / sum, root(x) / sum)
    };
    accepts(exponential(by_sum));
    rejects(exponential(|_| todo!("n ln λ − λ Σx")), "not written yet");
    rejects(exponential(|x| (mean(x), mean(x) / root(x))), "rate for [0.25, 0.75]: expected 2, got 0.5");
    rejects(exponential(|x| (1.0 / mean(x), 1.0 / mean(x))), "standard error for [0.25, 0.75]: expected 1.414");
}

#[test]
fn a_step_of_expectation_maximization() {
    let right = |w: f64, a: &[f64], b: &[f64]| {
        let share = |(a, b): (&f64, &f64)| w * a / (w * a + (1.0 - w) * b);
        a.iter().zip(b).map(share).sum::<f64>() / a.len() as f64
    };
    accepts(em_step(right));
    // Another right way: through the odds.
    let odds = |w: f64, a: &[f64], b: &[f64]| {
        let share = |(a, b): (&f64, &f64)| 1.0 / (1.0 + (1.0 - w) / w * b / a);
        a.iter().zip(b).map(share).sum::<f64>() / a.len() as f64
    };
    accepts(em_step(odds));
    rejects(em_step(|_, _, _| todo!("how likely is bag A?")), "not written yet");
    let without_w =
        |_: f64, a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a / (a + b)).sum::<f64>() / a.len() as f64;
    rejects(em_step(without_w), "w = 0.25, a [0.3, 0.1], b [0.1, 0.1]: expected 0.37");
    let ratio = |w: f64, a: &[f64], b: &[f64]| {
        let (a, b) = (a.iter().product::<f64>() * w, b.iter().product::<f64>() * (1.0 - w));
        a / (a + b)
    };
    rejects(em_step(ratio), "w = 0.5, a [0.3, 0.1], b [0.1, 0.1]: expected 0.625, got 0.75");
}

#[test]
fn variance_of_a_mean_of_dependent_draws() {
    let double = |n: usize, phi: f64| {
        let covariance = |s: usize, t: usize| phi.powi(s.abs_diff(t) as i32);
        (0..n).flat_map(|s| (0..n).map(move |t| covariance(s, t))).sum::<f64>() / (n * n) as f64
    };
    accepts(variance_of_mean(double));
    // Another right way: by lags, in closed form.
    let closed = |n: usize, phi: f64| {
        let length = n as f64;
        ((1.0 + phi) / (1.0 - phi) - 2.0 * phi * (1.0 - phi.powi(n as i32)) / (length * (1.0 - phi).powi(2))) / length
    };
    accepts(variance_of_mean(closed));
    rejects(variance_of_mean(|_, _| todo!("n² covariances")), "not written yet");
    rejects(variance_of_mean(|n, _| 1.0 / n as f64), "n = 2, φ = 0.5: expected 0.75, got 0.5");
    rejects(variance_of_mean(|n, phi| (1.0 + phi) / (1.0 - phi) / n as f64), "n = 1, φ = 0.5: expected 1, got 3");
}
