//! Checks of the exercises of `09-batch-normalization` and `09b-whole-data-batch-norm`.

use super::{Verdict, agree, draws, moments, verdict};
use crate::rng::seeded;

/// Exercise 1: one unit, normalized over its batch.
///
/// ```text
/// yⱼ = γ (xⱼ - μ) / √(σ² + ε) + β        with the σ² that divides by the number of samples
/// ```
///
/// ```
/// use candlelight::check;
/// // The variance of a sample, which divides by M - 1.
/// let unbiased = |x: &[f64], gamma: f64, beta: f64, eps: f64| {
///     let mean = x.iter().sum::<f64>() / x.len() as f64;
///     let var = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (x.len() - 1) as f64;
///     x.iter().map(|x| gamma * (x - mean) / (var + eps).sqrt() + beta).collect()
/// };
/// let verdict = check::batch_norm::forward(unbiased).to_string();
/// assert!(verdict.contains("x [1.0, 3.0], γ = 1, β = 0, ε = 0: expected [-1.000, 1.000], got [-0.707, 0.707]: "));
/// assert!(verdict.contains("the variance was divided by M - 1"));
/// ```
pub fn forward(answer: impl Fn(&[f64], f64, f64, f64) -> Vec<f64>) -> Verdict {
    verdict("batch norm, forward", |trials| {
        let mut rng = seeded(1);
        let mut cases = vec![
            (vec![1.0, 3.0], 1.0, 0.0, 0.0),
            (vec![2.0, 4.0, 9.0], 2.0, -1.0, 0.0),
            // ε decides where the batch hardly varies, and where it does not at all.
            (vec![0.01, -0.01, 0.01, -0.01], 1.0, 0.5, 1e-4),
            (vec![7.0, 7.0, 7.0], 3.0, 0.25, 1e-5),
        ];
        for (n, eps) in [(5, 1e-5), (40, 1e-3)] {
            cases.push((draws(&mut rng, n, 5.0), 1.5, 0.75, eps));
        }
        for (x, gamma, beta, eps) in cases {
            let with = |divisor: f64| -> Vec<f64> {
                let (mean, squares) = moments(&x);
                x.iter().map(|x| gamma * (x - mean) / (squares / divisor + eps).sqrt() + beta).collect()
            };
            let (n, got) = (x.len() as f64, answer(&x, gamma, beta, eps));
            let expected = with(n);
            let trial = format!("x {}, γ = {gamma}, β = {beta}, ε = {eps}", shown(&x));
            trials.holds(&trial, !agree(&got, &with(n - 1.0)) || agree(&got, &expected), || {
                let (expected, got) = (rounded(&expected), rounded(&got));
                format!("expected {expected}, got {got}: the variance was divided by M - 1")
            })?;
            trials.all_close(&trial, &got, &expected, 1e-9)?;
        }
        Ok(())
    })
}

/// Exercise 2: the gradient of the loss with respect to the inputs of a unit, from that with respect to its outputs.
///
/// ```text
/// ∂L/∂xⱼ = γ/σ (gⱼ - mean(g) - x̂ⱼ mean(g x̂))
/// ```
///
/// ```
/// use candlelight::check;
/// // The mean and the variance taken for constants.
/// let constant = |x: &[f64], g: &[f64], gamma: f64, eps: f64| {
///     let mean = x.iter().sum::<f64>() / x.len() as f64;
///     let var = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64;
///     g.iter().map(|g| gamma * g / (var + eps).sqrt()).collect()
/// };
/// let verdict = check::batch_norm::backward(constant).to_string();
/// assert!(verdict.contains("expected [0.167, -0.333, 0.167], got [1.000, 0.000, 0.000]: μ and σ depend on x as well"));
/// ```
pub fn backward(answer: impl Fn(&[f64], &[f64], f64, f64) -> Vec<f64>) -> Verdict {
    verdict("batch norm, backward", |trials| {
        let mut rng = seeded(2);
        // Here σ² + ε is 1, and sums are short.
        let root = 1.5_f64.sqrt();
        let mut cases = vec![
            (vec![-root, 0.0, root], vec![1.0, 0.0, 0.0], 1.0, 0.0),
            (vec![1.0, 3.0], vec![5.0, -2.0], 1.0, 0.0),
            (vec![1.0, 2.0, 4.0], vec![1.0, 1.0, 1.0], 3.0, 1e-5),
        ];
        for (n, gamma, eps) in [(6, 0.5, 1e-5), (30, -2.0, 0.1)] {
            cases.push((draws(&mut rng, n, 3.0), draws(&mut rng, n, 1.0), gamma, eps));
        }
        for (i, (x, g, gamma, eps)) in cases.into_iter().enumerate() {
            let n = x.len() as f64;
            let (mean, squares) = moments(&x);
            let std = (squares / n + eps).sqrt();
            let scaled: Vec<f64> = x.iter().map(|x| (x - mean) / std).collect();
            let constant: Vec<f64> = g.iter().map(|g| gamma * g / std).collect();
            let (plain, with_x) =
                (g.iter().sum::<f64>() / n, scaled.iter().zip(&g).map(|(x, g)| x * g).sum::<f64>() / n);
            let of = |(g, x): (&f64, &f64)| gamma / std * (g - plain - x * with_x);
            let expected: Vec<f64> = g.iter().zip(&scaled).map(of).collect();
            let got = answer(&x, &g, gamma, eps);
            let trial = match i {
                0 => "x [-√1.5, 0, √1.5], g [1, 0, 0], γ = 1, ε = 0".to_owned(),
                _ => format!("x {}, g {}, γ = {gamma}, ε = {eps}", shown(&x), shown(&g)),
            };
            trials.holds(&trial, !agree(&got, &constant), || {
                format!("expected {}, got {}: μ and σ depend on x as well", rounded(&expected), rounded(&got))
            })?;
            trials.all_close(&trial, &got, &expected, 1e-9)?;
        }
        Ok(())
    })
}

/// Exercise 3: the running mean and variance of a unit after one batch, by PyTorch's conventions.
///
/// ```text
/// running ← (1 - momentum) running + momentum (that of the batch; its variance divided by M - 1)
/// ```
///
/// ```
/// use candlelight::check;
/// let biased = |(mean, var): (f64, f64), x: &[f64], momentum: f64| {
///     let m = x.iter().sum::<f64>() / x.len() as f64;
///     let v = x.iter().map(|x| (x - m).powi(2)).sum::<f64>() / x.len() as f64;
///     (mean + momentum * (m - mean), var + momentum * (v - var))
/// };
/// let verdict = check::batch_norm::running(biased).to_string();
/// assert!(verdict.contains("running (0, 1), batch [1.0, 3.0], momentum 0.1, variance: expected 1.1, got 1"));
/// ```
pub fn running(answer: impl Fn((f64, f64), &[f64], f64) -> (f64, f64)) -> Verdict {
    verdict("running statistics", |trials| {
        let mut rng = seeded(3);
        let mut cases = vec![
            ((0.0, 1.0), vec![1.0, 3.0], 0.1),
            ((5.0, 2.0), vec![1.0, 2.0, 6.0], 0.0),
            ((5.0, 2.0), vec![1.0, 2.0, 6.0], 1.0),
        ];
        cases.push(((1.5, 0.25), draws(&mut rng, 20, 4.0), 0.3));
        for ((mean, var), x, momentum) in cases {
            let (batch_mean, squares) = moments(&x);
            let batch_var = squares / (x.len() as f64 - 1.0);
            let got = answer((mean, var), &x, momentum);
            let trial = format!("running ({mean}, {var}), batch {}, momentum {momentum}", shown(&x));
            let expected = (mean + momentum * (batch_mean - mean), var + momentum * (batch_var - var));
            trials.close(&format!("{trial}, mean"), got.0, expected.0, 1e-9)?;
            trials.close(&format!("{trial}, variance"), got.1, expected.1, 1e-9)?;
        }
        Ok(())
    })
}

/// Exercise 4: what is remembered of the batches so far (count n, mean m, sum s of squared distances from it), after one more.
///
/// ```text
/// n + k,   m + (m' - m) k / (n + k),   s + s' + (m' - m)² n k / (n + k)        for a batch of k with mean m' and sum s'
/// ```
///
/// Chan, Golub, LeVeque (1983), *Algorithms for computing the sample variance*, equation 2.1.
///
/// ```
/// use candlelight::check;
/// // Forgets that the two means lie apart.
/// let added = |(n, m, s): (f64, f64, f64), batch: &[f64]| {
///     let k = batch.len() as f64;
///     let mean = batch.iter().sum::<f64>() / k;
///     let squares = batch.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
///     (n + k, (n * m + k * mean) / (n + k), s + squares)
/// };
/// let verdict = check::batch_norm::add_batch(added).to_string();
/// assert!(verdict.contains("batches [[1.0, 3.0], [5.0, 7.0]], squared distances: expected 20, got 4"));
/// ```
pub fn add_batch(answer: impl Fn((f64, f64, f64), &[f64]) -> (f64, f64, f64)) -> Verdict {
    verdict("statistics of a whole set", |trials| {
        let mut rng = seeded(4);
        let mut cases = vec![
            ("batches [[1.0, 3.0], [5.0, 7.0]]", vec![vec![1.0, 3.0], vec![5.0, 7.0]]),
            ("batches [[1.0], [3.0, 8.0]], of two sizes", vec![vec![1.0], vec![3.0, 8.0]]),
            ("one batch [4.0, 6.0]", vec![vec![4.0, 6.0]]),
        ];
        let uneven = [7, 64, 1, 30].map(|n| draws(&mut rng, n, 3.0));
        cases.push(("four random batches, of 7, 64, 1 and 30", uneven.to_vec()));
        // The difference of mean(x²) and mean(x)² has no digit left here.
        let far = uneven.map(|batch| batch.iter().map(|x| x + 1e8).collect());
        cases.push(("the same plus 10⁸: do large squares cancel?", far.to_vec()));
        for (trial, batches) in cases {
            let all = batches.concat();
            // About a value of the set, which takes the offset away before anything is squared.
            let shifted: Vec<f64> = all.iter().map(|x| x - all[0]).collect();
            let (mean, squares) = moments(&shifted);
            let got = batches.iter().fold((0.0, 0.0, 0.0), |so_far, batch| answer(so_far, batch));
            trials.close(&format!("{trial}, count"), got.0, all.len() as f64, 1e-12)?;
            trials.close(&format!("{trial}, mean"), got.1, all[0] + mean, 1e-9)?;
            trials.close(&format!("{trial}, squared distances"), got.2, squares, 1e-6)?;
        }
        Ok(())
    })
}

/// Numbers as a verdict names them; of many, the first.
fn shown(values: &[f64]) -> String {
    match values {
        [first, .., _] if values.len() > 8 => format!("[{first:?}, … {} numbers]", values.len()),
        _ => format!("{values:?}"),
    }
}

fn rounded(values: &[f64]) -> String {
    // Adding 0 turns -0 into 0.
    let rounded = values.iter().take(8).map(|value| format!("{:.3}", (value * 1e3).round() / 1e3 + 0.0));
    format!("[{}]", rounded.collect::<Vec<_>>().join(", "))
}
