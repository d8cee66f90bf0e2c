//! The checks of `09-batch-normalization` and `09b-whole-data-batch-norm`: right answers pass, stubs and usual mistakes do not.

use candlelight::check::batch_norm::*;
use candlelight_tests::{accepts, rejects};

use crate::{mean, squares};

fn std(x: &[f64], eps: f64) -> f64 {
    (squares(x) / x.len() as f64 + eps).sqrt()
}

#[test]
fn forward_of_a_unit() {
    let right = |x: &[f64], gamma: f64, beta: f64, eps: f64| {
        x.iter().map(|v| gamma * (v - mean(x)) / std(x, eps) + beta).collect::<Vec<_>>()
    };
    accepts(forward(right));
    // Another right way: as one line y = scale x + shift.
    let line = |x: &[f64], gamma: f64, beta: f64, eps: f64| {
        let scale = gamma / std(x, eps);
        x.iter().map(|v| scale * v + (beta - scale * mean(x))).collect()
    };
    accepts(forward(line));
    rejects(forward(|_, _, _, _| todo!("mean, variance, then the line")), "not written yet. mean, variance");
    rejects(
        forward(|x, gamma, beta, eps| {
            let unbiased = (squares(x) / (x.len() as f64 - 1.0) + eps).sqrt();
            x.iter().map(|v| gamma * (v - mean(x)) / unbiased + beta).collect()
        }),
        "the variance was divided by M - 1",
    );
    // ε beside the root instead of below it.
    rejects(
        forward(|x, gamma, beta, eps| x.iter().map(|v| gamma * (v - mean(x)) / (std(x, 0.0) + eps) + beta).collect()),
        "x [0.01, -0.01, 0.01, -0.01], γ = 1, β = 0.5, ε = 0.0001, entry 0: expected 1.207",
    );
    rejects(forward(|x, _, _, eps| right(x, 1.0, 0.0, eps)), "γ = 2, β = -1, ε = 0, entry 0: expected -3");
    rejects(forward(|_, _, _, _| Vec::new()), "expected 2 entries, got 0");
}

#[test]
fn backward_of_a_unit() {
    let hat = |x: &[f64], eps: f64| x.iter().map(|v| (v - mean(x)) / std(x, eps)).collect::<Vec<_>>();
    let right = |x: &[f64], g: &[f64], gamma: f64, eps: f64| {
        let hat = hat(x, eps);
        let with_x = mean(&g.iter().zip(&hat).map(|(g, h)| g * h).collect::<Vec<_>>());
        g.iter().zip(&hat).map(|(v, h)| gamma / std(x, eps) * (v - mean(g) - h * with_x)).collect::<Vec<_>>()
    };
    accepts(backward(right));
    // Another right way: the chain rule node by node, through the variance and the mean.
    let chain = |x: &[f64], g: &[f64], gamma: f64, eps: f64| {
        let (n, s, m) = (x.len() as f64, std(x, eps), mean(x));
        let d_hat: Vec<f64> = g.iter().map(|g| g * gamma).collect();
        let d_var = d_hat.iter().zip(x).map(|(d, v)| d * (v - m)).sum::<f64>() * -0.5 / (s * s * s);
        let d_mean = -d_hat.iter().sum::<f64>() / s;
        d_hat.iter().zip(x).map(|(d, v)| d / s + d_var * 2.0 * (v - m) / n + d_mean / n).collect()
    };
    accepts(backward(chain));
    rejects(backward(|_, _, _, _| todo!("two means")), "not written yet. two means");
    let constant = |x: &[f64], g: &[f64], gamma: f64, eps: f64| g.iter().map(|g| gamma * g / std(x, eps)).collect();
    rejects(backward(constant), "got [1.000, 0.000, 0.000]: μ and σ depend on x as well");
    // Only the mean taken into account.
    let centred =
        |x: &[f64], g: &[f64], gamma: f64, eps: f64| g.iter().map(|v| gamma / std(x, eps) * (v - mean(g))).collect();
    rejects(backward(centred), "g [1, 0, 0], γ = 1, ε = 0, entry 0: expected 0.1666");
}

#[test]
fn running_statistics() {
    let right = |(m, v): (f64, f64), x: &[f64], momentum: f64| {
        let var = squares(x) / (x.len() as f64 - 1.0);
        ((1.0 - momentum) * m + momentum * mean(x), (1.0 - momentum) * v + momentum * var)
    };
    accepts(running(right));
    rejects(running(|_, _, _| todo!("part of the way")), "not written yet. part of the way");
    let swapped = |old: (f64, f64), x: &[f64], momentum: f64| right(old, x, 1.0 - momentum);
    rejects(running(swapped), "running (0, 1), batch [1.0, 3.0], momentum 0.1, mean: expected 0.2, got 1.8");
    let biased = |(m, v): (f64, f64), x: &[f64], momentum: f64| {
        (m + momentum * (mean(x) - m), v + momentum * (squares(x) / x.len() as f64 - v))
    };
    rejects(running(biased), "momentum 0.1, variance: expected 1.1, got 1");
}

#[test]
fn statistics_of_a_whole_set() {
    let merged = |(n, m, s): Moments, batch: &[f64]| {
        let (k, apart) = (batch.len() as f64, mean(batch) - m);
        (n + k, m + apart * k / (n + k), s + squares(batch) + apart * apart * n * k / (n + k))
    };
    accepts(add_batch(merged));
    // Another right way: Welford, sample by sample.
    let welford = |so_far: Moments, batch: &[f64]| {
        batch.iter().fold(so_far, |(n, m, s), x| {
            let before = x - m;
            let m = m + before / (n + 1.0);
            (n + 1.0, m, s + before * (x - m))
        })
    };
    accepts(add_batch(welford));
    rejects(add_batch(|_, _| todo!("what two parts need to become one")), "not written yet");
    let last = |_: Moments, batch: &[f64]| (batch.len() as f64, mean(batch), squares(batch));
    rejects(add_batch(last), "count: expected 4, got 2");
    let averaged = |(n, m, s): Moments, batch: &[f64]| {
        let k = batch.len() as f64;
        (n + k, if n == 0.0 { mean(batch) } else { (m + mean(batch)) / 2.0 }, s + squares(batch))
    };
    rejects(add_batch(averaged), "squared distances: expected 20, got 4");
    let with_variances = |(n, m, v): Moments, batch: &[f64]| {
        let (k, apart) = (batch.len() as f64, mean(batch) - m);
        (n + k, m + apart * k / (n + k), v + squares(batch) / k)
    };
    rejects(add_batch(with_variances), "squared distances: expected 20, got 2");
    let cancelling = |(n, m, s): Moments, batch: &[f64]| {
        let (k, of_squares) = (batch.len() as f64, s + n * m * m + batch.iter().map(|x| x * x).sum::<f64>());
        let new = (n * m + batch.iter().sum::<f64>()) / (n + k);
        (n + k, new, of_squares - (n + k) * new * new)
    };
    rejects(add_batch(cancelling), "plus 10⁸: do large squares cancel?, squared distances: expected");
}

/// Count, mean and squared distances from it.
type Moments = (f64, f64, f64);
