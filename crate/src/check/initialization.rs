//! Checks of the exercises of `08-initialization`.

use super::{Verdict, verdict};
use crate::rng::{Rng, seeded};

/// Exercise 1: (fan_in, fan_out) of a weight of a shape [out, in, ...].
///
/// ```
/// use candlelight::check;
/// // What follows the channels is forgotten.
/// let verdict = check::initialization::fans(|shape| (shape[1], shape[0])).to_string();
/// assert!(verdict.contains("a convolution [16, 3, 5, 5]: expected (75, 400), got (3, 16)"));
/// ```
pub fn fans(answer: impl Fn(&[usize]) -> (usize, usize)) -> Verdict {
    verdict("fan_in and fan_out", |trials| {
        let cases: [(&str, &[usize]); 4] = [
            ("a linear layer", &[10, 784]),
            ("a convolution", &[16, 3, 5, 5]),
            ("a convolution", &[8, 8, 1, 1]),
            ("a 1-d convolution", &[4, 2, 7]),
        ];
        cases.into_iter().try_for_each(|(name, shape)| {
            let field: usize = shape.iter().skip(2).product();
            let expected = (shape[1] * field, shape[0] * field);
            let got = answer(shape);
            trials
                .holds(&format!("{name} {shape:?}"), got == expected, || format!("expected {expected:?}, got {got:?}"))
        })
    })
}

/// Exercise 2: the expected mean square of the last layer's z, for an input of mean square 1.
///
/// ```
/// use candlelight::check;
/// // The outputs of a layer in the place of its inputs.
/// let outputs = |widths: &[usize], variance: fn(f64, f64) -> f64, relu: bool| {
///     widths.windows(2).enumerate().fold(1.0, |square, (l, w)| {
///         let half = if relu && l > 0 { 0.5 } else { 1.0 };
///         square * half * w[1] as f64 * variance(w[0] as f64, w[1] as f64)
///     })
/// };
/// let verdict = check::initialization::forward_mean_square(outputs).to_string();
/// assert!(verdict.contains("Var(W) = 1 / fan_in, widths [10, 40], linear: expected 1, got 4"));
/// ```
pub fn forward_mean_square(answer: impl Fn(&[usize], fn(f64, f64) -> f64, bool) -> f64) -> Verdict {
    type Rule = fn(f64, f64) -> f64;
    const FAN_IN: Rule = |fan_in, _| 1.0 / fan_in;
    const GLOROT: Rule = |fan_in, fan_out| 2.0 / (fan_in + fan_out);
    const HE: Rule = |fan_in, _| 2.0 / fan_in;
    const UNIT: Rule = |_, _| 1.0;
    verdict("mean square through a net", |trials| {
        let cases: [(&str, Rule, &[usize], bool); 7] = [
            ("1 / fan_in", FAN_IN, &[10, 40], false),
            ("1", UNIT, &[3, 4, 5], false),
            ("2 / (fan_in + fan_out)", GLOROT, &[100, 400, 100, 400], false),
            ("2 / fan_in", HE, &[50, 60], true),
            ("2 / fan_in", HE, &[50, 60, 70, 10], true),
            ("1 / fan_in", FAN_IN, &[64, 64, 64, 64, 64], true),
            ("2 / (fan_in + fan_out)", GLOROT, &[784, 256, 64, 10], true),
        ];
        cases.into_iter().try_for_each(|(name, rule, widths, relu)| {
            let mut expected = 1.0;
            for (layer, pair) in widths.windows(2).enumerate() {
                let (fan_in, fan_out) = (pair[0] as f64, pair[1] as f64);
                // The input has no ReLU before it.
                let passed = if relu && layer > 0 { 0.5 } else { 1.0 };
                expected *= fan_in * rule(fan_in, fan_out) * passed;
            }
            let kind = if relu { "ReLU" } else { "linear" };
            let trial = format!("Var(W) = {name}, widths {widths:?}, {kind}");
            trials.close(&trial, answer(widths, rule, relu), expected, 1e-9)
        })
    })
}

/// Exercise 3: n weights, uniform about 0, of variance 2 / fan_in.
///
/// ```
/// use candlelight::{check, rng::Rng};
/// use rand::Rng as _;
/// // The deviation as the bound: a third of the variance.
/// let narrow = |fan_in: usize, n: usize, rng: &mut Rng| {
///     let bound = (2.0 / fan_in as f64).sqrt();
///     (0..n).map(|_| rng.random_range(-bound..bound)).collect()
/// };
/// let verdict = check::initialization::he_uniform(narrow).to_string();
/// assert!(verdict.contains("fan_in 50: the variance should be 0.0400, it is 0.013"));
/// ```
pub fn he_uniform(answer: impl Fn(usize, usize, &mut Rng) -> Vec<f64>) -> Verdict {
    verdict("He's uniform distribution", |trials| {
        let mut rng = seeded(3);
        for fan_in in [50, 6, 784] {
            let (trial, n) = (format!("fan_in {fan_in}"), 20_000);
            let weights = answer(fan_in, n, &mut rng);
            trials.holds(&trial, weights.len() == n, || format!("expected {n} weights, got {}", weights.len()))?;
            let variance = 2.0 / fan_in as f64;
            let (mean, square) = weights.iter().fold((0.0, 0.0), |(m, s), w| (m + w / n as f64, s + w * w / n as f64));
            trials.holds(&trial, mean.abs() < 5.0 * (variance / n as f64).sqrt(), || {
                format!("the mean should be near 0, it is {mean:.4}")
            })?;
            // The square of a uniform number has a relative deviation of √0.8.
            let measured = square - mean * mean;
            trials.holds(&trial, (measured / variance - 1.0).abs() < 5.0 * (0.8 / n as f64).sqrt(), || {
                format!("the variance should be {variance:.4}, it is {measured:.4}")
            })?;
            let bound = (3.0 * variance).sqrt();
            let largest = weights.iter().fold(0.0_f64, |largest, w| largest.max(w.abs()));
            trials.holds(&trial, largest <= bound * (1.0 + 1e-9) && largest > 0.99 * bound, || {
                format!(
                    "a uniform distribution of this variance ends at {bound:.4}; the largest weight is {largest:.4}"
                )
            })?;
            trials.holds(&trial, weights != answer(fan_in, n, &mut rng), || {
                "expected new weights at the second call, got the same".into()
            })?;
        }
        Ok(())
    })
}

/// Exercise 4: the gain of any activation: the deviation of W√n for which a mean square of 1 stays 1.
///
/// ```
/// use candlelight::check;
/// // The inverse of the mean square, without the root.
/// let unrooted = |f: fn(f64) -> f64| {
///     let z = (-800..=800).map(|k| f64::from(k) / 100.0);
///     1.0 / z.map(|z| f(z).powi(2) * (-z * z / 2.0).exp() / 100.0 / (2.0 * std::f64::consts::PI).sqrt()).sum::<f64>()
/// };
/// let verdict = check::initialization::gain(unrooted).to_string();
/// assert!(verdict.contains("ReLU: expected 1.41421"));
/// ```
pub fn gain(answer: impl Fn(fn(f64) -> f64) -> f64) -> Verdict {
    type Function = fn(f64) -> f64;
    verdict("gain of an activation", |trials| {
        let cases: [(&str, Function); 6] = [
            ("the identity", |z| z),
            ("ReLU", |z| z.max(0.0)),
            ("leaky ReLU of slope 0.2", |z| if z > 0.0 { z } else { 0.2 * z }),
            ("tanh", f64::tanh),
            ("2 tanh", |z| 2.0 * z.tanh()),
            ("SiLU", |z| z / (1.0 + (-z).exp())),
        ];
        cases.into_iter().try_for_each(|(name, f)| {
            // Simpson's rule; the corner of ReLU is on the grid.
            let n = 4000;
            let density = |z: f64| (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let sum: f64 = (0..=n)
                .map(|k| {
                    let z = -10.0 + 20.0 * f64::from(k) / f64::from(n);
                    let weight = if k == 0 || k == n {
                        1.0
                    } else if k % 2 == 1 {
                        4.0
                    } else {
                        2.0
                    };
                    weight * f(z).powi(2) * density(z)
                })
                .sum();
            let expected = (sum * 20.0 / f64::from(n) / 3.0).sqrt().recip();
            trials.close(name, answer(f), expected, 2e-3)
        })
    })
}
