//! Checks of the exercises of `13-vanishing-gradients`.

use rand::Rng as _;

use super::{Verdict, draws, verdict};
use crate::rng::seeded;

/// Exercise 1: the standard deviation of weights at which the mean square of the gradient stays the same, 1/√(n E[φ'²]).
///
/// ```
/// use candlelight::check;
/// // The mean derivative instead of the mean square.
/// let mean = |derivatives: &[f64], units: usize| {
///     1.0 / ((units as f64).sqrt() * derivatives.iter().sum::<f64>() / derivatives.len() as f64)
/// };
/// let verdict = check::vanishing::critical_std(mean).to_string();
/// assert!(verdict.contains("ReLU, half of the units active, 50 units: expected 0.2, got 0.2828"), "{verdict}");
/// ```
pub fn critical_std(answer: impl Fn(&[f64], usize) -> f64) -> Verdict {
    verdict("weights that keep the gradient", |trials| {
        trials.close("a linear layer, 100 units", answer(&[1.0, 1.0, 1.0], 100), 0.1, 1e-9)?;
        trials.close("ReLU, half of the units active, 50 units", answer(&[1.0, 0.0, 0.0, 1.0], 50), 0.2, 1e-9)?;
        trials.close("sigmoid at 0, 64 units", answer(&[0.25; 5], 64), 0.5, 1e-9)?;
        let mut rng = seeded(2);
        for n in [7, 40] {
            let derivatives: Vec<f64> = (0..n).map(|_| (rng.random::<f64>() * 100.0).round() / 100.0).collect();
            let square = derivatives.iter().map(|d| d * d).sum::<f64>() / n as f64;
            let trial = format!("derivatives {}, 16 units", short(&derivatives));
            trials.close(&trial, answer(&derivatives, 16), 1.0 / (16.0 * square).sqrt(), 1e-9)?;
        }
        Ok(())
    })
}

/// Exercise 2: how many ReLU units are dead, that is at or below 0 before the ReLU for every sample (row).
///
/// ```
/// use candlelight::check;
/// // Zeros counted, instead of units that are zero for all samples.
/// let zeros = |z: &[Vec<f64>]| z.iter().flatten().filter(|z| **z <= 0.0).count();
/// let verdict = check::vanishing::dead_units(zeros).to_string();
/// assert!(verdict.contains("2 samples of 3 units, the last of them dead: expected 1, got 3"), "{verdict}");
/// ```
pub fn dead_units(answer: impl Fn(&[Vec<f64>]) -> usize) -> Verdict {
    verdict("dead units", |trials| {
        let mut rng = seeded(3);
        let mut cases = vec![
            ("2 samples of 3 units, the last of them dead", vec![vec![1.0, -1.0, -0.5], vec![2.0, 0.5, -3.0]], 1),
            ("2 samples of 2 units, none dead", vec![vec![1.0, -1.0], vec![-1.0, 1.0]], 0),
            ("exactly 0 passes no gradient either", vec![vec![0.0, 1.0], vec![0.0, 1.0]], 1),
            ("3 samples of one unit", vec![vec![-1.0], vec![-2.0], vec![-3.0]], 1),
        ];
        // Twenty units over fifty samples, every third of them shifted below 0.
        let rows = (0..50)
            .map(|_| (0..20).map(|unit| rng.random_range(-1.0..1.0) - if unit % 3 == 0 { 1.0 } else { 0.0 }).collect());
        cases.push(("50 samples of 20 units", rows.collect(), 7));
        cases.into_iter().try_for_each(|(trial, z, expected)| {
            let got = answer(&z);
            trials.holds(trial, got == expected, || format!("expected {expected}, got {got}"))
        })
    })
}

/// Exercise 3: ∂h_L/∂h_l for l = 0, …, L of a residual chain h_l = h_{l-1} + f_l(h_{l-1}), given the derivatives of the f_l.
///
/// ```
/// use candlelight::check;
/// // One shortcut around everything, instead of one around each layer.
/// let once = |slopes: &[f64]| (0..=slopes.len()).map(|l| match &slopes[l..] {
///     [] => 1.0,
///     rest => 1.0 + rest.iter().product::<f64>(),
/// }).collect();
/// let verdict = check::vanishing::residual_gradients(once).to_string();
/// assert!(verdict.contains("slopes [1.0, 2.0], entry 0: expected 6, got 3"), "{verdict}");
/// ```
pub fn residual_gradients(answer: impl Fn(&[f64]) -> Vec<f64>) -> Verdict {
    verdict("gradients of a residual chain", |trials| {
        let mut rng = seeded(4);
        let cases = [vec![0.5], vec![1.0, 2.0], vec![0.0; 4], vec![-1.0, 3.0], draws(&mut rng, 6, 1.0), vec![0.01; 30]];
        for slopes in cases {
            let mut expected = vec![1.0];
            for slope in slopes.iter().rev() {
                let above = expected.last().copied().unwrap_or(1.0);
                expected.push(above * (1.0 + slope));
            }
            expected.reverse();
            trials.all_close(&format!("slopes {}", short(&slopes)), &answer(&slopes), &expected, 1e-9)?;
        }
        Ok(())
    })
}

/// Exercise 4: the gradients of all layers, scaled by one factor so that their common norm is at most `max_norm`.
///
/// ```
/// use candlelight::check;
/// let each = |gradients: &[Vec<f64>], max_norm: f64| gradients.iter().map(|gradient| {
///     let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
///     gradient.iter().map(|g| g * (max_norm / norm).min(1.0)).collect()
/// }).collect();
/// let verdict = check::vanishing::clip_by_norm(each).to_string();
/// assert!(verdict.contains("norm 5 of two layers, limit 2.5, layer 0, entry 0: expected 1.5, got 2.5"), "{verdict}");
/// ```
pub fn clip_by_norm(answer: impl Fn(&[Vec<f64>], f64) -> Vec<Vec<f64>>) -> Verdict {
    verdict("clipping by norm", |trials| {
        let mut rng = seeded(5);
        let cases = [
            ("norm 5 of two layers, limit 2.5", vec![vec![3.0], vec![4.0]], 2.5),
            ("norm 5, limit 10: nothing to do", vec![vec![3.0, 0.0], vec![-4.0]], 10.0),
            ("zeros", vec![vec![0.0, 0.0], vec![0.0]], 1.0),
            ("limit 0", vec![vec![1.0], vec![2.0]], 0.0),
            ("three layers", [4, 1, 6].map(|n| draws(&mut rng, n, 100.0)).to_vec(), 2.0),
        ];
        for (trial, gradients, max_norm) in cases {
            let norm = gradients.iter().flatten().map(|g| g * g).sum::<f64>().sqrt();
            let factor = if norm > max_norm { max_norm / norm } else { 1.0 };
            let got = answer(&gradients, max_norm);
            trials.holds(trial, got.len() == gradients.len(), || {
                format!("expected {} layers, got {}", gradients.len(), got.len())
            })?;
            for (layer, (got, gradient)) in got.iter().zip(&gradients).enumerate() {
                let expected: Vec<f64> = gradient.iter().map(|g| g * factor).collect();
                // PyTorch divides by norm + 10⁻⁶, which is right too.
                trials.all_close(&format!("{trial}, layer {layer}"), got, &expected, 1e-6)?;
            }
        }
        Ok(())
    })
}

/// As many numbers as a verdict can show.
fn short(values: &[f64]) -> String {
    match values {
        [first, second, third, _, _, _, _, ..] => format!("[{first}, {second}, {third}, … {} in all]", values.len()),
        _ => format!("{values:?}"),
    }
}
