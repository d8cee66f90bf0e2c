//! Checks of the exercises of `10-layer-normalization`.

use super::{Verdict, agree, draws, moments, verdict};
use crate::rng::{Rng, seeded};

/// Exercise 1: each sample of a batch, normalized over its units.
///
/// ```text
/// yᵢ = γᵢ (xᵢ - μ) / √(σ² + ε) + βᵢ        μ, σ² over the units of that sample
/// ```
///
/// ```
/// use candlelight::check;
/// // Batch norm: the statistics of each unit over the samples.
/// let batch = |x: &[Vec<f64>], gamma: &[f64], beta: &[f64], eps: f64| {
///     let n = x.len() as f64;
///     let mean = |i: usize| x.iter().map(|x| x[i]).sum::<f64>() / n;
///     let var = |i: usize| x.iter().map(|x| (x[i] - mean(i)).powi(2)).sum::<f64>() / n;
///     let unit = |x: &[f64], i: usize| gamma[i] * (x[i] - mean(i)) / (var(i) + eps).sqrt() + beta[i];
///     x.iter().map(|x| (0..x.len()).map(|i| unit(x, i)).collect()).collect()
/// };
/// let verdict = check::layer_norm::forward(batch).to_string();
/// assert!(verdict.contains("a batch of one sample [1.0, 3.0], γ and β as at the start, ε = 0, sample 0, entry 0: expected -1"));
/// ```
pub fn forward(answer: impl Fn(&[Vec<f64>], &[f64], &[f64], f64) -> Vec<Vec<f64>>) -> Verdict {
    verdict("layer norm, forward", |trials| {
        let mut rng = seeded(1);
        let mut cases = vec![
            ("a batch of one sample [1.0, 3.0], γ and β as at the start, ε = 0", vec![vec![1.0, 3.0]], 0.0),
            ("two samples [1.0, 3.0] and [10.0, 30.0]", vec![vec![1.0, 3.0], vec![10.0, 30.0]], 0.0),
            ("a sample whose units are all 5, ε = 1e-5", vec![vec![5.0, 5.0, 5.0]], 1e-5),
        ];
        let random = |rng: &mut Rng, n, h| (0..n).map(|_| draws(rng, h, 4.0)).collect::<Vec<_>>();
        cases.push(("three random samples of 5 units, random γ and β", random(&mut rng, 3, 5), 1e-5));
        cases.push(("eight random samples of 3 units, ε = 0.1", random(&mut rng, 8, 3), 0.1));
        for (i, (trial, x, eps)) in cases.into_iter().enumerate() {
            let units = x[0].len();
            let (gamma, beta) = match i {
                0..3 => (vec![1.0; units], vec![0.0; units]),
                _ => (draws(&mut rng, units, 2.0), draws(&mut rng, units, 2.0)),
            };
            let got = answer(&x, &gamma, &beta, eps);
            trials.holds(trial, got.len() == x.len(), || format!("expected {} samples, got {}", x.len(), got.len()))?;
            for (n, (x, got)) in x.iter().zip(&got).enumerate() {
                let (scaled, _) = normalized(x, eps);
                let expected: Vec<f64> = scaled.iter().zip(&gamma).zip(&beta).map(|((x, g), b)| g * x + b).collect();
                trials.all_close(&format!("{trial}, sample {n}"), got, &expected, 1e-9)?;
            }
        }
        Ok(())
    })
}

/// Exercise 2: the gradient of the loss with respect to the units of one sample.
///
/// ```text
/// ∂L/∂xᵢ = 1/σ (γᵢ gᵢ - mean(γ g) - x̂ᵢ mean(γ g x̂))
/// ```
///
/// ```
/// use candlelight::check;
/// // Batch norm's formula, where γ is one number and stands in front.
/// let outside = |x: &[f64], g: &[f64], gamma: &[f64], eps: f64| {
///     let n = x.len() as f64;
///     let mean = x.iter().sum::<f64>() / n;
///     let std = (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n + eps).sqrt();
///     let hat: Vec<f64> = x.iter().map(|x| (x - mean) / std).collect();
///     let (a, b) = (g.iter().sum::<f64>() / n, g.iter().zip(&hat).map(|(g, x)| g * x).sum::<f64>() / n);
///     (0..x.len()).map(|i| gamma[i] / std * (g[i] - a - hat[i] * b)).collect()
/// };
/// let verdict = check::layer_norm::backward(outside).to_string();
/// assert!(verdict.contains("each unit has a γ of its own: it belongs inside of both means"));
/// ```
pub fn backward(answer: impl Fn(&[f64], &[f64], &[f64], f64) -> Vec<f64>) -> Verdict {
    verdict("layer norm, backward", |trials| {
        let mut rng = seeded(2);
        let mut cases = vec![
            (vec![1.0, 3.0, 8.0], vec![1.0, 0.0, 0.0], vec![1.0; 3], 0.0),
            (vec![1.0, 3.0, 8.0], vec![1.0, 0.0, -2.0], vec![1.0, 2.0, 0.5], 0.0),
        ];
        for (n, eps) in [(4, 1e-5), (16, 0.1)] {
            cases.push((draws(&mut rng, n, 3.0), draws(&mut rng, n, 1.0), draws(&mut rng, n, 2.0), eps));
        }
        for (x, g, gamma, eps) in cases {
            let (scaled, std) = normalized(&x, eps);
            let through: Vec<f64> = g.iter().zip(&gamma).map(|(g, gamma)| g * gamma).collect();
            let pulled = |g: &[f64]| -> Vec<f64> {
                let n = g.len() as f64;
                let (plain, with_x) =
                    (g.iter().sum::<f64>() / n, g.iter().zip(&scaled).map(|(g, x)| g * x).sum::<f64>() / n);
                g.iter().zip(&scaled).map(|(g, x)| (g - plain - x * with_x) / std).collect()
            };
            let expected = pulled(&through);
            let outside: Vec<f64> = pulled(&g).iter().zip(&gamma).map(|(dx, gamma)| dx * gamma).collect();
            let got = answer(&x, &g, &gamma, eps);
            let trial = match x.len() {
                3 => format!("x {x:?}, g {g:?}, γ {gamma:?}, ε = {eps}"),
                n => format!("{n} random units, ε = {eps}"),
            };
            trials.holds(&trial, !agree(&got, &outside) || agree(&got, &expected), || {
                "each unit has a γ of its own: it belongs inside of both means".to_owned()
            })?;
            trials.all_close(&trial, &got, &expected, 1e-9)?;
        }
        Ok(())
    })
}

/// Exercise 3: the columns of the test data, standardized as the model that was trained needs them.
///
/// ```text
/// (x - μ) / σ        μ, σ of the column in the training data; a column that does not vary there is only shifted
/// ```
///
/// ```
/// use candlelight::check;
/// // By the statistics of the test data.
/// let own = |_: &[Vec<f64>], test: &[Vec<f64>]| {
///     let n = test.len() as f64;
///     let mean = |i: usize| test.iter().map(|x| x[i]).sum::<f64>() / n;
///     let std = |i: usize| (test.iter().map(|x| (x[i] - mean(i)).powi(2)).sum::<f64>() / n).sqrt();
///     test.iter().map(|x| (0..x.len()).map(|i| (x[i] - mean(i)) / std(i)).collect()).collect()
/// };
/// let verdict = check::layer_norm::standardize(own).to_string();
/// assert!(verdict.contains("train [[1.0], [3.0]], test [[1.0], [2.0], [9.0]], sample 0, column 0: expected -1, got -0.84"));
/// ```
pub fn standardize(answer: impl Fn(&[Vec<f64>], &[Vec<f64>]) -> Vec<Vec<f64>>) -> Verdict {
    verdict("standardised test data", |trials| {
        let mut rng = seeded(3);
        let mut table =
            |rows: usize, columns: usize| (0..rows).map(|_| draws(&mut rng, columns, 5.0)).collect::<Vec<_>>();
        let cases = [
            (
                "train [[1.0], [3.0]], test [[1.0], [2.0], [9.0]]",
                vec![vec![1.0], vec![3.0]],
                vec![vec![1.0], vec![2.0], vec![9.0]],
            ),
            ("one test sample [[9.0]], train [[1.0], [3.0]]", vec![vec![1.0], vec![3.0]], vec![vec![9.0]]),
            (
                "a column that is 7 in all training data",
                vec![vec![7.0, 1.0], vec![7.0, 5.0]],
                vec![vec![7.0, 3.0], vec![9.0, 3.0]],
            ),
            ("20 and 6 random samples of 3 columns", table(20, 3), table(6, 3)),
        ];
        for (trial, train, test) in cases {
            let got = answer(&train, &test);
            trials.holds(trial, got.len() == test.len(), || {
                format!("expected {} samples, got {}", test.len(), got.len())
            })?;
            for (n, (x, got)) in test.iter().zip(&got).enumerate() {
                trials.holds(trial, got.len() == x.len(), || {
                    format!("expected {} columns, got {}", x.len(), got.len())
                })?;
                for (i, (x, got)) in x.iter().zip(got).enumerate() {
                    let column: Vec<f64> = train.iter().map(|x| x[i]).collect();
                    let (mean, squares) = moments(&column);
                    let std = if squares > 0.0 { (squares / column.len() as f64).sqrt() } else { 1.0 };
                    trials.close(&format!("{trial}, sample {n}, column {i}"), *got, (x - mean) / std, 1e-9)?;
                }
            }
        }
        Ok(())
    })
}

/// Exercise 4: how many steps of gradient descent with η = 1/λ_max until the error along the flattest direction, in the
/// loss, is at most `reduction` of what it was.
///
/// ```text
/// least t with (1 - 1/κ)²ᵗ ≤ reduction
/// ```
///
/// ```
/// use candlelight::check;
/// // The error of the weights, not that of the loss, which is its square.
/// let weights = |kappa: f64, reduction: f64| (reduction.ln() / (1.0 - 1.0 / kappa).ln()).ceil() as usize;
/// let verdict = check::layer_norm::steps(weights).to_string();
/// assert!(verdict.contains("κ = 2, reduction 0.1: expected 2, got 4"));
/// ```
pub fn steps(answer: impl Fn(f64, f64) -> usize) -> Verdict {
    verdict("steps from the condition number", |trials| {
        for (kappa, reduction) in [(2.0, 0.1), (10.0, 0.01), (1000.0, 1e-3), (1.0, 0.5), (50.0, 1.0)] {
            let mut expected = 0;
            let mut left = 1.0;
            while left > reduction {
                left *= (1.0 - 1.0 / kappa) * (1.0 - 1.0 / kappa);
                expected += 1;
            }
            let got = answer(kappa, reduction);
            let trial = format!("κ = {kappa}, reduction {reduction}");
            trials.holds(&trial, got == expected, || format!("expected {expected}, got {got}"))?;
        }
        Ok(())
    })
}

/// x̂, and √(σ² + ε).
fn normalized(x: &[f64], eps: f64) -> (Vec<f64>, f64) {
    let (mean, squares) = moments(x);
    let std = (squares / x.len() as f64 + eps).sqrt();
    (x.iter().map(|x| (x - mean) / std).collect(), std)
}
