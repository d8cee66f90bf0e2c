//! Checks of the exercises of `07-dropout`. In all of them p is the probability to drop, as in the crate and in PyTorch.

use super::{Verdict, verdict};
use crate::rng::{Rng, seeded};

/// Exercise 1: each entry 0 with probability p, else divided by what keeps the mean.
///
/// ```
/// use candlelight::{check, rng::Rng};
/// use rand::Rng as _;
/// // Standard dropout: nothing makes up for what is dropped.
/// let standard = |x: &[f64], p: f64, rng: &mut Rng| x.iter().map(|x| if rng.random_bool(p) { 0.0 } else { *x }).collect();
/// let verdict = check::dropout::inverted_dropout(standard).to_string();
/// assert!(verdict.contains("an entry of 3 should become 0 or 4, it became 3"));
/// ```
pub fn inverted_dropout(answer: impl Fn(&[f64], f64, &mut Rng) -> Vec<f64>) -> Verdict {
    verdict("inverted dropout", |trials| {
        let mut rng = seeded(1);
        for (n, x, p) in [(20_000, 3.0, 0.25), (20_000, -1.0, 0.8), (1_000, 2.0, 0.0)] {
            let trial = format!("{n} entries of {x}, p = {p}");
            let input = vec![x; n];
            let (first, second) = (answer(&input, p, &mut rng), answer(&input, p, &mut rng));
            trials.holds(&trial, first.len() == n, || format!("expected {n} entries, got {}", first.len()))?;
            let kept = x / (1.0 - p);
            let other = first.iter().find(|y| **y != 0.0 && (**y - kept).abs() > 1e-9);
            trials.holds(&trial, other.is_none(), || {
                let other = other.copied().unwrap_or(f64::NAN);
                format!("an entry of {x} should become 0 or {kept}, it became {other}")
            })?;
            let rate = first.iter().filter(|y| **y == 0.0).count() as f64 / n as f64;
            let error = (p * (1.0 - p) / n as f64).sqrt();
            trials.holds(&trial, (rate - p).abs() <= 4.5 * error, || {
                format!("expected a share of {p} dropped, give or take {:.3}, got {rate}", 4.5 * error)
            })?;
            trials.holds(&trial, p == 0.0 || first != second, || {
                "expected a new mask at the second call, got the same".into()
            })?;
        }
        // Entries of their own, so that an answer which shuffles or averages them is found.
        let input: Vec<f64> = (1..=200).map(f64::from).collect();
        let got = answer(&input, 0.5, &mut rng);
        let misplaced = input.iter().zip(&got).find(|(x, y)| **y != 0.0 && (**y - 2.0 * **x).abs() > 1e-9);
        trials.holds("the numbers 1 to 200, p = 0.5", misplaced.is_none() && got.len() == input.len(), || {
            let (x, y) = misplaced.map_or((f64::NAN, f64::NAN), |(x, y)| (*x, *y));
            format!("the entry {x} should become 0 or {}, it became {y}", 2.0 * x)
        })
    })
}

/// Exercise 2: the mean of f(m x / (1 - p)) over all 2ⁿ masks m, each with its probability.
///
/// ```
/// use candlelight::check;
/// // Weight scaling instead: f of the whole input.
/// let scaled = |x: &[f64], _: f64, f: fn(&[f64]) -> f64| f(x);
/// let verdict = check::dropout::ensemble_mean(scaled).to_string();
/// assert!(verdict.contains("the largest of [3.0, 6.0], p = 0.25: expected 6.75, got 6"));
/// ```
pub fn ensemble_mean(answer: impl Fn(&[f64], f64, fn(&[f64]) -> f64) -> f64) -> Verdict {
    type Function = fn(&[f64]) -> f64;
    const SUM: Function = |x| x.iter().sum();
    const LARGEST: Function = |x| x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    const RELU: Function = |x| (x.iter().sum::<f64>() - 1.0).max(0.0);
    const SQUARE: Function = |x| x.iter().sum::<f64>().powi(2);
    verdict("exact ensemble", |trials| {
        let cases: [(&str, Function, Vec<f64>, f64); 6] = [
            ("the sum", SUM, vec![1.0, -2.0, 4.0], 0.5),
            ("the largest", LARGEST, vec![3.0, 6.0], 0.25),
            ("the largest", LARGEST, vec![3.0, 6.0], 0.0),
            ("the ReLU of the sum less 1", RELU, vec![0.5, -0.7, 1.1, 0.2], 0.5),
            ("the square of the sum", SQUARE, vec![0.3, 1.0, -0.4, 2.0, 0.9, -1.5], 0.2),
            ("the square of the sum", SQUARE, (1..=12).map(|k| f64::from(k) / 10.0).collect(), 0.7),
        ];
        cases.into_iter().try_for_each(|(name, f, x, p)| {
            let expected = exact(&x, p, f);
            trials.close(&format!("{name} of {x:?}, p = {p}"), answer(&x, p, f), expected, 1e-9)
        })
    })
}

/// Exercise 3: the geometric mean of distributions, each with its weight, divided by its sum.
///
/// ```
/// use candlelight::check;
/// let arithmetic = |p: &[Vec<f64>], w: &[f64]| {
///     (0..p[0].len()).map(|k| p.iter().zip(w).map(|(p, w)| w * p[k]).sum()).collect()
/// };
/// let verdict = check::dropout::geometric_mean(arithmetic).to_string();
/// assert!(verdict.contains("[0.8, 0.2] and [0.5, 0.5], weights 0.5, entry 0: expected 0.6666"));
/// ```
pub fn geometric_mean(answer: impl Fn(&[Vec<f64>], &[f64]) -> Vec<f64>) -> Verdict {
    verdict("normalised geometric mean", |trials| {
        let (a, b) = (vec![0.8, 0.2], vec![0.5, 0.5]);
        let (c, d) = (vec![0.2, 0.3, 0.5], vec![0.6, 0.3, 0.1]);
        let many: Vec<Vec<f64>> = (0..2000).map(|i| if i % 4 == 0 { c.clone() } else { d.clone() }).collect();
        let cases = [
            ("[0.8, 0.2] and [0.5, 0.5], weights 0.5".to_owned(), vec![a.clone(), b.clone()], vec![0.5; 2]),
            ("the same, weights 0.25 and 0.75".to_owned(), vec![a, b], vec![0.25, 0.75]),
            (format!("{c:?} alone"), vec![c], vec![1.0]),
            ("2000 distributions, which a plain product of them underflows".to_owned(), many, vec![1.0 / 2000.0; 2000]),
        ];
        cases.into_iter().try_for_each(|(trial, members, weights)| {
            let logarithm = |k: usize| members.iter().zip(&weights).map(|(p, w)| w * p[k].ln()).sum::<f64>();
            let products: Vec<f64> = (0..members[0].len()).map(|k| logarithm(k).exp()).collect();
            let expected: Vec<f64> = products.iter().map(|p| p / products.iter().sum::<f64>()).collect();
            trials.all_close(&trial, &answer(&members, &weights), &expected, 1e-9)
        })
    })
}

/// Exercise 4: mean of n random passes, and its standard error.
///
/// ```
/// use candlelight::check;
/// // The spread of one pass, not of their mean.
/// let spread = |pass: &mut dyn FnMut() -> f64, n: usize| {
///     let y: Vec<f64> = (0..n).map(|_| pass()).collect();
///     let mean = y.iter().sum::<f64>() / n as f64;
///     (mean, (y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / (n - 1) as f64).sqrt())
/// };
/// let verdict = check::dropout::monte_carlo(spread).to_string();
/// assert!(verdict.contains("passes 1, 3, 1, 3: standard error: expected 0.577"));
/// ```
pub fn monte_carlo(answer: impl Fn(&mut dyn FnMut() -> f64, usize) -> (f64, f64)) -> Verdict {
    verdict("Monte Carlo", |trials| {
        let cases = [
            ("passes 1, 3, 1, 3", vec![1.0, 3.0, 1.0, 3.0]),
            ("passes 0, 0, 6", vec![0.0, 0.0, 6.0]),
            (
                "passes 10⁸ ± 1, where a difference of squares cancels",
                (0..100).map(|i| 1e8 + f64::from(i % 3) - 1.0).collect(),
            ),
        ];
        for (trial, outputs) in cases {
            let (n, mut passes) = (outputs.len(), 0);
            let mut pass = || {
                let output = outputs[passes % n];
                passes += 1;
                output
            };
            let (mean, error) = answer(&mut pass, n);
            trials.holds(trial, passes == n, || format!("expected {n} passes, got {passes}"))?;
            let expected = outputs.iter().sum::<f64>() / n as f64;
            trials.close(&format!("{trial}: mean"), mean, expected, 1e-9)?;
            let squares: f64 = outputs.iter().map(|y| (y - expected).powi(2)).sum();
            let expected = (squares / (n as f64 - 1.0) / n as f64).sqrt();
            trials.close(&format!("{trial}: standard error"), error, expected, 1e-6)?;
        }
        Ok(())
    })
}

fn exact(x: &[f64], p: f64, f: fn(&[f64]) -> f64) -> f64 {
    (0_u32..1 << x.len())
        .map(|mask| {
            let kept = |i: usize| mask >> i & 1 == 1;
            let masked: Vec<f64> = (0..x.len()).map(|i| if kept(i) { x[i] / (1.0 - p) } else { 0.0 }).collect();
            let probability: f64 = (0..x.len()).map(|i| if kept(i) { 1.0 - p } else { p }).product();
            probability * f(&masked)
        })
        .sum()
}
