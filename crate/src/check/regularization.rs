//! Checks of the exercises of `06-l2-regularization`.

use super::{Verdict, draws, verdict};
use crate::rng::seeded;

/// Exercise 1: the gradient of loss + λ‖w‖², given the gradient of the loss.
///
/// ```
/// use candlelight::check;
/// // The line in the notes, without λ.
/// let notes = |gradient: &[f64], w: &[f64], _: f64| gradient.iter().zip(w).map(|(g, w)| g + 2.0 * w).collect();
/// let verdict = check::regularization::l2_gradient(notes).to_string();
/// assert!(verdict.contains("gradient [1.0, 1.0], w [3.0, -2.0], λ = 0.5, entry 0: expected 4, got 7"));
/// ```
pub fn l2_gradient(answer: impl Fn(&[f64], &[f64], f64) -> Vec<f64>) -> Verdict {
    verdict("gradient with L2", |trials| {
        let mut rng = seeded(1);
        let mut cases = vec![(vec![1.0, 1.0], vec![3.0, -2.0], 0.5), (vec![2.5, -4.0], vec![7.0, 9.0], 0.0)];
        for (n, lambda) in [(5, 0.1), (20, 3.0)] {
            cases.push((draws(&mut rng, n, 2.0), draws(&mut rng, n, 2.0), lambda));
        }
        for (gradient, w, lambda) in cases {
            let expected: Vec<f64> = gradient.iter().zip(&w).map(|(g, w)| g + 2.0 * lambda * w).collect();
            let trial = format!("gradient {gradient:?}, w {w:?}, λ = {lambda}");
            trials.all_close(&trial, &answer(&gradient, &w, lambda), &expected, 1e-12)?;
        }
        Ok(())
    })
}

/// Exercise 2: every weight moved towards 0 by `threshold`, and to exactly 0 where it would pass it.
///
/// ```
/// use candlelight::check;
/// let hard = |w: &[f64], t: f64| w.iter().map(|&w| if w.abs() <= t { 0.0 } else { w }).collect();
/// let verdict = check::regularization::soft_threshold(hard).to_string();
/// assert!(verdict.contains("w [3.0, -2.0, 0.5, -0.25, 0.0], threshold 0.5, entry 0: expected 2.5, got 3"));
/// ```
pub fn soft_threshold(answer: impl Fn(&[f64], f64) -> Vec<f64>) -> Verdict {
    verdict("soft threshold", |trials| {
        let mut rng = seeded(2);
        let mut cases = vec![(vec![3.0, -2.0, 0.5, -0.25, 0.0], 0.5), (vec![1.0, -1.0, 0.0], 0.0)];
        for (n, threshold) in [(8, 1.0), (30, 0.3)] {
            cases.push((draws(&mut rng, n, 2.0), threshold));
        }
        for (w, threshold) in cases {
            let expected: Vec<f64> = w
                .iter()
                .map(|&w| {
                    if w > threshold {
                        w - threshold
                    } else if w < -threshold {
                        w + threshold
                    } else {
                        0.0
                    }
                })
                .collect();
            let trial = format!("w {w:?}, threshold {threshold}");
            let got = answer(&w, threshold);
            trials.all_close(&trial, &got, &expected, 1e-12)?;
            let zeros = |values: &[f64]| values.iter().filter(|value| **value == 0.0).count();
            trials.holds(&trial, zeros(&got) == zeros(&expected), || {
                format!("expected {} exact zeros, got {}", zeros(&expected), zeros(&got))
            })?;
        }
        Ok(())
    })
}

/// Exercise 3: the weights after each step of AdamW on one weight, with β = (0.9, 0.999) and ε = 1e-8.
///
/// ```
/// use candlelight::check;
/// // Decoupled decay of plain gradient descent: no moments.
/// let sgdw = |w: f64, gradients: &[f64], lr: f64, decay: f64| {
///     gradients.iter().scan(w, |w, g| { *w = *w * (1.0 - lr * decay) - lr * g; Some(*w) }).collect()
/// };
/// let verdict = check::regularization::adamw(sgdw).to_string();
/// assert!(verdict.contains("w = 1, gradients [2.0], lr 0.1, decay 0.5, entry 0: expected 0.85"));
/// ```
pub fn adamw(answer: impl Fn(f64, &[f64], f64, f64) -> Vec<f64>) -> Verdict {
    verdict("decoupled decay", |trials| {
        let mut rng = seeded(3);
        let mut cases =
            vec![(1.0, vec![2.0], 0.1, 0.5), (-2.0, vec![0.0; 3], 0.1, 1.0), (1.0, vec![3.0, -3.0], 0.1, 0.0)];
        for (n, spread, decay) in [(6, 1.0, 0.1), (40, 100.0, 2.0)] {
            cases.push((1.5, draws(&mut rng, n, spread), 0.01, decay));
        }
        for (w, gradients, lr, decay) in cases {
            let expected = adam(w, &gradients, lr, decay, true);
            let got = answer(w, &gradients, lr, decay);
            let trial = format!("w = {w}, gradients {gradients:?}, lr {lr}, decay {decay}");
            let coupled = adam(w, &gradients, lr, decay, false);
            let is_coupled = decay != 0.0
                && got.len() == coupled.len()
                && got.iter().zip(&coupled).all(|(got, coupled)| (got - coupled).abs() < 1e-9);
            trials.holds(&trial, !is_coupled, || {
                format!(
                    "expected {}, got {}: the decay went through the moments, that is L2 in the loss",
                    last(&expected),
                    last(&got)
                )
            })?;
            trials.all_close(&trial, &got, &expected, 1e-9)?;
        }
        Ok(())
    })
}

/// Exercise 4: the w that minimizes the mean of (w xᵢ - yᵢ)² plus λw².
///
/// ```
/// use candlelight::check;
/// // The penalty beside the sum of squares, not their mean.
/// let sum = |x: &[f64], y: &[f64], lambda: f64| {
///     let xy: f64 = x.iter().zip(y).map(|(x, y)| x * y).sum();
///     xy / (x.iter().map(|x| x * x).sum::<f64>() + lambda)
/// };
/// let verdict = check::regularization::ridge(sum).to_string();
/// assert!(verdict.contains("x [1.0, 2.0], y [2.0, 4.0], λ = 2.5: expected 1, got 1.33333"));
/// ```
pub fn ridge(answer: impl Fn(&[f64], &[f64], f64) -> f64) -> Verdict {
    verdict("ridge regression in one dimension", |trials| {
        let mut rng = seeded(4);
        let mut cases = vec![
            (vec![1.0, 2.0], vec![2.0, 4.0], 2.5),
            (vec![1.0, 2.0], vec![2.0, 4.0], 0.0),
            // All inputs 0: the data say nothing, the penalty says 0.
            (vec![0.0, 0.0, 0.0], vec![1.0, 2.0, 3.0], 0.1),
        ];
        for lambda in [1e-3, 10.0] {
            cases.push((draws(&mut rng, 12, 3.0), draws(&mut rng, 12, 3.0), lambda));
        }
        for (x, y, lambda) in cases {
            let n = x.len() as f64;
            let xy: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
            let expected = xy / (x.iter().map(|x| x * x).sum::<f64>() + n * lambda);
            trials.close(&format!("x {x:?}, y {y:?}, λ = {lambda}"), answer(&x, &y, lambda), expected, 1e-9)?;
        }
        Ok(())
    })
}

/// Exercise 5: the largest λ whose mean validation error is within one standard error of the least.
///
/// ```
/// use candlelight::check;
/// let least = |lambdas: &[f64], errors: &[Vec<f64>]| {
///     let mean = |i: usize| errors[i].iter().sum::<f64>() / errors[i].len() as f64;
///     (0..lambdas.len()).min_by(|&i, &j| mean(i).total_cmp(&mean(j))).map_or(0.0, |i| lambdas[i])
/// };
/// let verdict = check::regularization::choose_lambda(least).to_string();
/// assert!(verdict.contains("0.1 is within one standard error of the least: expected λ = 0.1, got 0.01"));
/// ```
pub fn choose_lambda(answer: impl Fn(&[f64], &[Vec<f64>]) -> f64) -> Verdict {
    verdict("choice of λ", |trials| {
        // Each λ has its mean, and four folds at ± spread around it. Their standard error is 0.58 spread (0.5 spread if the
        // deviation is divided by n), which must decide about the distance 0.1 from the least mean to the next.
        let means = [2.0, 1.0, 1.1, 3.0];
        let folds = |spread: f64, order: &[usize]| -> Vec<Vec<f64>> {
            let fold = |&i: &usize| [-spread, spread, -spread, spread].map(|offset: f64| means[i] + offset).to_vec();
            order.iter().map(fold).collect()
        };
        let lambdas = |order: &[usize]| -> Vec<f64> { order.iter().map(|&i| [0.001, 0.01, 0.1, 1.0][i]).collect() };
        let cases = [
            ("0.01 is best by more than a standard error", 0.1, [0, 1, 2, 3], 0.01),
            ("0.1 is within one standard error of the least", 0.3, [0, 1, 2, 3], 0.1),
            ("the same, in another order", 0.3, [2, 3, 0, 1], 0.1),
            ("the same, from the largest λ down", 0.1, [3, 2, 1, 0], 0.01),
            ("0.1 is within the deviation of the folds, not within their standard error", 0.17, [0, 1, 2, 3], 0.01),
        ];
        cases.into_iter().try_for_each(|(trial, spread, order, expected)| {
            let got = answer(&lambdas(&order), &folds(spread, &order));
            trials.holds(trial, got == expected, || format!("expected λ = {expected}, got {got}"))
        })
    })
}

/// The weights after each step of Adam, with the decay apart from the moments or through them.
fn adam(mut w: f64, gradients: &[f64], lr: f64, decay: f64, decoupled: bool) -> Vec<f64> {
    let (mut m, mut v, mut t) = (0.0, 0.0, 0);
    gradients
        .iter()
        .map(|&gradient| {
            let gradient = if decoupled { gradient } else { gradient + decay * w };
            t += 1;
            m = 0.9 * m + 0.1 * gradient;
            v = 0.999 * v + 0.001 * gradient * gradient;
            if decoupled {
                w *= 1.0 - lr * decay;
            }
            w -= lr * (m / (1.0 - 0.9_f64.powi(t))) / ((v / (1.0 - 0.999_f64.powi(t))).sqrt() + 1e-8);
            w
        })
        .collect()
}

fn last(values: &[f64]) -> f64 {
    values.last().copied().unwrap_or(f64::NAN)
}
