//! Checks of the exercises of `12-newton`.

use rand::Rng as _;

use super::{Verdict, verdict};
use crate::rng::seeded;

/// Exercise 1: the step -(H + τ1)⁻¹ g with the least τ ≥ 0 that makes the least eigenvalue of H + τ1 at least `floor`.
///
/// ```
/// use candlelight::check;
/// // No damping: the direction of a saddle is not repaired.
/// let plain = |h: [[f64; 2]; 2], g: [f64; 2], _: f64| {
///     let det = h[0][0] * h[1][1] - h[0][1] * h[1][0];
///     [(h[0][1] * g[1] - h[1][1] * g[0]) / det, (h[1][0] * g[0] - h[0][0] * g[1]) / det]
/// };
/// let verdict = check::newton::damped_step(plain).to_string();
/// assert!(verdict.contains("floor 0.5, entry 1: expected -2, got 0.5: the step climbs"), "{verdict}");
/// ```
pub fn damped_step(answer: impl Fn([[f64; 2]; 2], [f64; 2], f64) -> [f64; 2]) -> Verdict {
    verdict("damped step", |trials| {
        let mut rng = seeded(12);
        let mut cases = vec![
            ([[4.0, 0.0], [0.0, 2.0]], [4.0, 4.0], 0.5),
            // A saddle: eigenvalues 4 and -2.
            ([[4.0, 0.0], [0.0, -2.0]], [0.0, 1.0], 0.5),
            ([[0.0, 3.0], [3.0, 0.0]], [1.0, -1.0], 1.0),
            ([[-3.0, 0.0], [0.0, -3.0]], [1.0, 2.0], 0.1),
        ];
        for _ in 0..4 {
            let mut draw = || (rng.random_range(-3.0..3.0) * 100.0_f64).round() / 100.0;
            let (a, b, c) = (draw(), draw(), draw());
            cases.push(([[a, b], [b, c]], [draw(), draw()], 0.2));
        }
        cases.into_iter().try_for_each(|(h, g, floor)| {
            let [[a, b], [_, c]] = h;
            let least = (a + c) / 2.0 - ((a - c) / 2.0).hypot(b);
            let tau = (floor - least).max(0.0);
            let (a, c) = (a + tau, c + tau);
            let det = a * c - b * b;
            let expected = [(b * g[1] - c * g[0]) / det, (b * g[0] - a * g[1]) / det];
            let got = answer(h, g, floor);
            let trial = format!("H {h:?}, g {g:?}, floor {floor}");
            let climbs = g[0] * got[0] + g[1] * got[1] > 0.0;
            for i in 0..2 {
                let near = (got[i] - expected[i]).abs() <= 1e-9 * expected[i].abs().max(1.0);
                trials.holds(&format!("{trial}, entry {i}"), near, || {
                    let why = if climbs { ": the step climbs" } else { "" };
                    format!("expected {:.6}, got {:.6}{why}", Short(expected[i]), Short(got[i]))
                })?;
            }
            Ok(())
        })
    })
}

/// A number without the zeros behind its last digit.
struct Short(f64);

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{:.*}", f.precision().unwrap_or(6), self.0);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// Exercise 2: the greatest number of parameters whose Hessian, in F64, takes at most `bytes`, and whose Cholesky
/// factorization, at P³/3 operations, at most `seconds` on a machine of `speed` operations a second.
///
/// ```
/// use candlelight::check;
/// let memory_only = |bytes: f64, _: f64, _: f64| (bytes / 8.).sqrt().floor();
/// let verdict = check::newton::most_parameters(memory_only).to_string();
/// assert!(verdict.contains("800 bytes, 10 operations: expected 3, got 10"), "{verdict}");
/// ```
pub fn most_parameters(answer: impl Fn(f64, f64, f64) -> f64) -> Verdict {
    // Chosen so that rounding does not decide: the limits lie well between two whole numbers, or are exactly one.
    let cases = [
        ("800 bytes, 10 operations", 800.0, 10.0, 1.0, 3.0),
        ("808 bytes, plenty of time", 808.0, 1e9, 1e9, 10.0),
        ("16 GB, an hour at 10¹² operations a second", 16e9, 3600.0, 1e12, 44_721.0),
        ("16 GB, one second at 10⁹ operations a second", 16e9, 1.0, 1e9, 1442.0),
        ("80 GB, a day at 10¹³ operations a second", 80e9, 86_400.0, 1e13, 100_000.0),
    ];
    verdict("the largest Newton step", |trials| {
        cases.into_iter().try_for_each(|(trial, bytes, seconds, speed, expected)| {
            let got = answer(bytes, seconds, speed);
            trials.holds(trial, got == expected, || format!("expected {expected}, got {got}"))
        })
    })
}

/// Exercise 3: the mean of 1/H over all batches of two, where a sample has each of the curvatures with equal probability and
/// the same one may be drawn twice; H is the mean curvature of the batch.
///
/// ```
/// use candlelight::check;
/// let unbiased = |h: &[f64]| h.len() as f64 / h.iter().sum::<f64>();
/// let verdict = check::newton::mean_inverse(unbiased).to_string();
/// assert!(verdict.contains("curvatures [1.0, 3.0]: expected 0.58333"), "{verdict}");
/// assert!(verdict.contains("got 0.5: that is 1/E[H]"), "{verdict}");
/// ```
pub fn mean_inverse(answer: impl Fn(&[f64]) -> f64) -> Verdict {
    verdict("mean inverse curvature", |trials| {
        for h in [vec![1.0, 3.0], vec![2.0], vec![0.5, 1.0, 4.0], vec![1.0, 1.0, 1.0, 9.0]] {
            let pairs = h.iter().flat_map(|a| h.iter().map(move |b| 2.0 / (a + b)));
            let n = h.len() as f64;
            let expected = pairs.sum::<f64>() / (n * n);
            let got = answer(&h);
            let trial = format!("curvatures {h:?}");
            let plain = n / h.iter().sum::<f64>();
            let is_plain = (got - plain).abs() < 1e-12 && (expected - plain).abs() > 1e-12;
            trials.holds(&trial, !is_plain, || format!("expected {expected}, got {got}: that is 1/E[H]"))?;
            trials.close(&trial, got, expected, 1e-12)?;
        }
        Ok(())
    })
}

/// Exercise 4: the jackknife estimate of 1/H from the curvatures of one batch.
///
/// ```
/// use candlelight::check;
/// let plain = |h: &[f64]| h.len() as f64 / h.iter().sum::<f64>();
/// let verdict = check::newton::jackknife(plain).to_string();
/// assert!(verdict.contains("curvatures [1.0, 3.0]: expected 0.333333"), "{verdict}");
/// ```
pub fn jackknife(answer: impl Fn(&[f64]) -> f64) -> Verdict {
    verdict("jackknife", |trials| {
        let mut rng = seeded(13);
        let mut cases = vec![vec![1.0, 3.0], vec![2.0; 5], vec![1.0, 1.0, 4.0]];
        for n in [6, 20] {
            cases.push((0..n).map(|_| (rng.random_range(0.5..4.0) * 100.0_f64).round() / 100.0).collect());
        }
        for h in cases {
            let (n, sum) = (h.len() as f64, h.iter().sum::<f64>());
            let without: f64 = h.iter().map(|h| (n - 1.0) / (sum - h)).sum::<f64>() / n;
            let expected = n * n / sum - (n - 1.0) * without;
            trials.close(&format!("curvatures {h:?}"), answer(&h), expected, 1e-9)?;
        }
        Ok(())
    })
}
