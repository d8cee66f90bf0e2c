//! The checks of `04-activations-and-losses`: right answers pass, stubs and usual mistakes do not.

use candlelight::check::activations::*;
use candlelight_tests::{accepts, rejects};

#[test]
fn backward_pass_of_tanh() {
    let with = |f: fn(f64, f64) -> f64| move |y: &[f64], g: &[f64]| y.iter().zip(g).map(|(y, g)| f(*y, *g)).collect();
    accepts(tanh_backward(with(|y, g| g * (1.0 - y * y))));
    accepts(tanh_backward(with(|y, g| g * (1.0 - y) * (1.0 + y))));
    rejects(tanh_backward(|_, _| todo!("1 − y²")), "not written yet. 1 − y²");
    rejects(tanh_backward(with(|y, _| 1.0 - y * y)), "entry 0: expected 2, got 1");
    // As if y were x.
    rejects(tanh_backward(with(|y, g| g * (1.0 - y.tanh().powi(2)))), "entry 1: expected 3, got 3.14");
    rejects(tanh_backward(with(|y, g| g * y * (1.0 - y))), "entry 0: expected 2, got 0");
}

#[test]
fn stable_binary_cross_entropy() {
    let with = |f: fn(f64, f64) -> f64| {
        move |z: &[f64], y: &[f64]| z.iter().zip(y).map(|(z, y)| f(*z, *y)).sum::<f64>() / z.len() as f64
    };
    let right = with(|z, y| z.max(0.0) - y * z + (-z.abs()).exp().ln_1p());
    accepts(binary_cross_entropy(right));
    // Another right way: softplus of ±z for each answer.
    let softplus = |z: f64| if z > 0.0 { z + (-z).exp().ln_1p() } else { z.exp().ln_1p() };
    let pair = move |z: &[f64], y: &[f64]| {
        z.iter().zip(y).map(|(z, y)| y * softplus(-z) + (1.0 - y) * softplus(*z)).sum::<f64>() / z.len() as f64
    };
    accepts(binary_cross_entropy(pair));
    rejects(binary_cross_entropy(|_, _| todo!("softplus")), "not written yet");
    let sum = |z: &[f64], y: &[f64]| right(z, y) * z.len() as f64;
    rejects(binary_cross_entropy(sum), "logits [2.0, -1.0, 0.5], targets [1.0, 0.0, 0.0]: expected");
    let naive = with(|z, y| {
        let p = 1.0 / (1.0 + (-z).exp());
        -y * p.ln() - (1.0 - y) * (1.0 - p).ln()
    });
    rejects(binary_cross_entropy(naive), "logits [100.0, -100.0], targets [0.0, 1.0]: expected 100, got inf");
    let only_yes = with(|z, y| y * (-z).exp().ln_1p());
    rejects(binary_cross_entropy(only_yes), "targets [1.0, 0.0, 0.0]");
}

#[test]
fn share_of_wrong_labels() {
    fn wrong(z: &[Vec<f64>], y: &[Vec<bool>], threshold: f64) -> f64 {
        let wrong = z.iter().flatten().zip(y.iter().flatten()).filter(|(z, y)| (**z > threshold) != **y).count();
        wrong as f64 / z.iter().map(Vec::len).sum::<usize>() as f64
    }
    accepts(hamming_loss(|z, y| wrong(z, y, 0.0)));
    let by_sigmoid = |z: &[Vec<f64>], y: &[Vec<bool>]| {
        let p: Vec<Vec<f64>> = z.iter().map(|z| z.iter().map(|z| 1.0 / (1.0 + (-z).exp())).collect()).collect();
        wrong(&p, y, 0.5)
    };
    accepts(hamming_loss(by_sigmoid));
    rejects(hamming_loss(|_, _| todo!("σ(z) > ½")), "not written yet");
    rejects(hamming_loss(|z, y| wrong(z, y, 0.5)), "expected 0, got 0.666");
    // The largest logit alone.
    let argmax = |z: &[Vec<f64>], y: &[Vec<bool>]| {
        let largest = |z: &[f64]| z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let one: Vec<Vec<f64>> = z.iter().map(|z| z.iter().map(|v| v - largest(z)).collect()).collect();
        wrong(&one, y, -1e-12)
    };
    rejects(hamming_loss(argmax), "expected 0, got 0.333");
    let samples = |z: &[Vec<f64>], y: &[Vec<bool>]| wrong(z, y, 0.0) * z[0].len() as f64;
    rejects(hamming_loss(samples), "expected 0.25, got 0.5");
}

#[test]
fn rmse_of_a_set_from_its_batches() {
    let right = |batches: &[(f64, usize)]| {
        let squares: f64 = batches.iter().map(|(r, n)| r * r * *n as f64).sum();
        (squares / batches.iter().map(|(_, n)| *n as f64).sum::<f64>()).sqrt()
    };
    accepts(rmse_of_set(right));
    // Another right way: fold the batches together one by one.
    let folded = |batches: &[(f64, usize)]| {
        let join = |(mse, n): (f64, f64), (r, m): &(f64, usize)| {
            let m = *m as f64;
            (mse + (r * r - mse) * m / (n + m), n + m)
        };
        batches.iter().fold((0.0, 0.0), join).0.sqrt()
    };
    accepts(rmse_of_set(folded));
    rejects(rmse_of_set(|_| todo!("squares add")), "not written yet");
    let mean = |batches: &[(f64, usize)]| batches.iter().map(|(r, _)| r).sum::<f64>() / batches.len() as f64;
    rejects(rmse_of_set(mean), "got 3.5");
    let unweighted =
        |batches: &[(f64, usize)]| (batches.iter().map(|(r, _)| r * r).sum::<f64>() / batches.len() as f64).sqrt();
    rejects(rmse_of_set(unweighted), "batches [(1.0, 64), (1.0, 64), (5.0, 2)]: expected");
}

#[test]
fn mean_share_found() {
    let row_share = |(k, row): (usize, &Vec<u64>)| row[k] as f64 / row.iter().sum::<u64>() as f64;
    let right = |counts: &[Vec<u64>]| {
        let shares: Vec<f64> = counts.iter().enumerate().map(row_share).filter(|share| !share.is_nan()).collect();
        shares.iter().sum::<f64>() / shares.len() as f64
    };
    accepts(balanced_accuracy(right));
    let loops = |counts: &[Vec<u64>]| {
        let (mut sum, mut classes) = (0.0, 0.0);
        for (k, row) in counts.iter().enumerate() {
            let total: u64 = row.iter().sum();
            if total > 0 {
                sum += row[k] as f64 / total as f64;
                classes += 1.0;
            }
        }
        sum / classes
    };
    accepts(balanced_accuracy(loops));
    rejects(balanced_accuracy(|_| todo!("rows")), "not written yet");
    let plain = |counts: &[Vec<u64>]| {
        let right: u64 = (0..counts.len()).map(|k| counts[k][k]).sum();
        right as f64 / counts.iter().flatten().sum::<u64>() as f64
    };
    rejects(balanced_accuracy(plain), "counts [[95, 0], [5, 0]]: expected 0.5, got 0.95");
    let careless = |counts: &[Vec<u64>]| counts.iter().enumerate().map(row_share).sum::<f64>() / counts.len() as f64;
    rejects(balanced_accuracy(careless), "got NaN");
}
