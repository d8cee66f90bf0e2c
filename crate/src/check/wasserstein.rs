//! Checks of the exercises of `21-wasserstein-gan`.

use super::{Verdict, draws, verdict};
use crate::rng::seeded;

/// Exercise 1: the Wasserstein-1 distance of two samples of numbers, whose sizes may differ.
///
/// ```
/// use candlelight::check;
/// // The distance of the means: 0 for samples that differ in their spread.
/// let means = |x: &[f64], y: &[f64]| {
///     (x.iter().sum::<f64>() / x.len() as f64 - y.iter().sum::<f64>() / y.len() as f64).abs()
/// };
/// let verdict = check::wasserstein::distance(means).to_string();
/// assert!(verdict.contains("from [-1.0, 1.0] to [0.0]: expected 1, got 0"), "{verdict}");
/// ```
pub fn distance(answer: impl Fn(&[f64], &[f64]) -> f64) -> Verdict {
    verdict("distance of two samples", |trials| {
        let mut rng = seeded(1);
        let mut cases = vec![
            (vec![3.0], vec![1.0]),
            (vec![-1.0, 1.0], vec![0.0]),
            // Already in place, in another order.
            (vec![2.0, 0.0, 1.0], vec![0.0, 1.0, 2.0]),
            // The same distribution from samples of two sizes.
            (vec![0.0, 1.0], vec![1.0, 0.0, 0.0, 1.0]),
            (vec![0.0, 0.0, 0.0, 4.0], vec![1.0, 1.0]),
        ];
        for (n, m) in [(5, 5), (3, 7), (10, 4)] {
            cases.push((draws(&mut rng, n, 3.0), draws(&mut rng, m, 3.0)));
        }
        for (x, y) in cases {
            trials.close(&format!("from {x:?} to {y:?}"), answer(&x, &y), between_quantiles(&x, &y), 1e-9)?;
        }
        Ok(())
    })
}

/// ∫₀¹ |F⁻¹(t) - G⁻¹(t)| dt, over the N M pieces on which both are constant.
fn between_quantiles(x: &[f64], y: &[f64]) -> f64 {
    let sorted = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        values
    };
    let (x, y) = (sorted(x), sorted(y));
    let pieces = x.len() * y.len();
    (0..pieces).map(|piece| (x[piece / y.len()] - y[piece / x.len()]).abs()).sum::<f64>() / pieces as f64
}

/// Exercise 2: the best lower bound of the distance that a function proves, given by its values at the places of both
/// distributions.
///
/// ```
/// use candlelight::check;
/// // Takes every function for 1-Lipschitz.
/// let undivided = |_: &[f64], p: &[f64], q: &[f64], f: &[f64]| {
///     f.iter().zip(p.iter().zip(q)).map(|(f, (p, q))| f * (p - q)).sum::<f64>().abs()
/// };
/// let verdict = check::wasserstein::lower_bound(undivided).to_string();
/// assert!(verdict.contains("f [0.0, 5.0]: expected 1, got 5"), "{verdict}");
/// ```
pub fn lower_bound(answer: impl Fn(&[f64], &[f64], &[f64], &[f64]) -> f64) -> Verdict {
    verdict("lower bound", |trials| {
        let mut rng = seeded(2);
        let mut cases = vec![
            (vec![0.0, 1.0], vec![1.0, 0.0], vec![0.0, 1.0], vec![1.0, 0.0]),
            (vec![0.0, 1.0], vec![1.0, 0.0], vec![0.0, 1.0], vec![0.0, 5.0]),
            // Falls from p to q, or rises: it proves the same.
            (vec![0.0, 2.0], vec![0.5, 0.5], vec![0.25, 0.75], vec![0.0, 2.0]),
            // Places out of order; the steepest piece lies between the second and the third.
            (vec![0.0, 4.0, 3.0], vec![0.5, 0.5, 0.0], vec![0.5, 0.0, 0.5], vec![0.0, 2.0, 0.0]),
            // A constant proves nothing.
            (vec![0.0, 1.0], vec![1.0, 0.0], vec![0.0, 1.0], vec![3.0, 3.0]),
        ];
        for n in [4, 6] {
            let mut places: Vec<f64> = (0..n).map(f64::from).collect();
            places.rotate_left(2);
            let mass = |values: Vec<f64>| {
                let sum: f64 = values.iter().map(|value| value.abs()).sum();
                values.into_iter().map(|value| value.abs() / sum).collect::<Vec<f64>>()
            };
            let n = n as usize;
            let (p, q) = (mass(draws(&mut rng, n, 1.0)), mass(draws(&mut rng, n, 1.0)));
            cases.push((places, p, q, draws(&mut rng, n, 2.0)));
        }
        for (places, p, q, f) in cases {
            let trial = format!("places {places:?}, p {p:?}, q {q:?}, f {f:?}");
            trials.close(&trial, answer(&places, &p, &q, &f), proven(&places, &p, &q, &f), 1e-9)?;
        }
        Ok(())
    })
}

fn proven(places: &[f64], p: &[f64], q: &[f64], f: &[f64]) -> f64 {
    let gained: f64 = f.iter().zip(p.iter().zip(q)).map(|(f, (p, q))| f * (p - q)).sum();
    let mut steepest: f64 = 0.0;
    for i in 0..places.len() {
        for j in 0..i {
            steepest = steepest.max(((f[i] - f[j]) / (places[i] - places[j])).abs());
        }
    }
    if steepest > 0.0 { gained.abs() / steepest } else { 0.0 }
}

/// Exercise 3: the two-sided gradient penalty, from the critic's gradient at each sample.
///
/// ```
/// use candlelight::check;
/// // One number at a time instead of the norm of a sample.
/// let by_number = |gradients: &[Vec<f64>], lambda: f64| {
///     let all: Vec<f64> = gradients.concat();
///     lambda * all.iter().map(|g| (g.abs() - 1.).powi(2)).sum::<f64>() / all.len() as f64
/// };
/// let verdict = check::wasserstein::penalty(by_number).to_string();
/// assert!(verdict.contains("gradients [[3.0, 4.0]], λ 10: expected 160, got 65"), "{verdict}");
/// ```
pub fn penalty(answer: impl Fn(&[Vec<f64>], f64) -> f64) -> Verdict {
    verdict("gradient penalty", |trials| {
        let mut rng = seeded(3);
        let mut cases = vec![
            (vec![vec![3.0, 4.0]], 10.0),
            // Steeper and flatter ones do not make up for one another.
            (vec![vec![2.0, 0.0], vec![0.0, 0.0]], 1.0),
            (vec![vec![0.5]], 2.0),
        ];
        for (n, d) in [(4, 2), (3, 5), (8, 1)] {
            cases.push(((0..n).map(|_| draws(&mut rng, d, 1.5)).collect(), 0.1));
        }
        for (gradients, lambda) in cases {
            let norm = |g: &Vec<f64>| g.iter().map(|g| g * g).sum::<f64>().sqrt();
            let mean = gradients.iter().map(|g| (norm(g) - 1.0).powi(2)).sum::<f64>() / gradients.len() as f64;
            let trial = format!("gradients {gradients:?}, λ {lambda}");
            trials.close(&trial, answer(&gradients, lambda), lambda * mean, 1e-9)?;
        }
        Ok(())
    })
}

/// Exercise 4: the distance of two clouds, one of which is the other moved, from what a critic with a penalty of weight λ says.
///
/// ```
/// use candlelight::check;
/// // Divides by the slope that would belong to the estimate.
/// let once = |estimate: f64, lambda: f64| estimate / (1. + estimate / (2. * lambda));
/// let verdict = check::wasserstein::undo(once).to_string();
/// assert!(verdict.contains("estimate 2.2, λ 10: expected 2, got 1.98"), "{verdict}");
/// ```
pub fn undo(answer: impl Fn(f64, f64) -> f64) -> Verdict {
    verdict("distance behind an estimate", |trials| {
        for (estimate, lambda) in [(2.2_f64, 10.0_f64), (0.0, 10.0), (1.0, 10.0), (4.8, 10.0), (3.0, 0.1), (12.0, 2.0)]
        {
            let expected = 2.0 * estimate / (1.0 + (1.0 + 2.0 * estimate / lambda).sqrt());
            let trial = format!("estimate {estimate}, λ {lambda}");
            trials.close(&trial, answer(estimate, lambda), expected, 1e-9)?;
        }
        Ok(())
    })
}
