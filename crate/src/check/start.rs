//! Checks of the exercises of `00-start-here`.

use super::{Verdict, verdict};

/// Exercise 1: the central difference (f(x + h) − f(x − h)) / 2h, whose error shrinks with h².
///
/// ```
/// use candlelight::check;
/// // A forward difference: its error shrinks with h alone.
/// let forward = |f: fn(f64) -> f64, x: f64, h: f64| (f(x + h) - f(x)) / h;
/// let verdict = check::start::central_difference(forward).to_string();
/// assert!(verdict.contains("x² at x = 3 with h = 0.5: expected 6, got 6.5"));
/// ```
pub fn central_difference(answer: impl Fn(fn(f64) -> f64, f64, f64) -> f64) -> Verdict {
    verdict("central difference", |trials| {
        trials.close("x² at x = 3 with h = 0.5", answer(|x| x * x, 3.0, 0.5), 6.0, 1e-9)?;
        trials.close("x³ at x = 2 with h = 1", answer(|x| x.powi(3), 2.0, 1.0), 13.0, 1e-9)?;
        trials.close("e^x at x = 0 with h = 1e-5", answer(f64::exp, 0.0, 1e-5), 1.0, 1e-8)?;
        trials.close("tanh at x = -1 with h = 1e-5", answer(f64::tanh, -1.0, 1e-5), 1.0 - 1f64.tanh().powi(2), 1e-8)
    })
}

/// Exercise 2: one step of gradient descent, w − η g.
///
/// ```
/// use candlelight::check;
/// let uphill = |w: &[f64], g: &[f64], lr: f64| w.iter().zip(g).map(|(w, g)| w + lr * g).collect();
/// let verdict = check::start::gradient_step(uphill).to_string();
/// assert!(verdict.contains("w = [1, -2], gradient [0.5, 4], learning rate 0.1, entry 0: expected 0.95, got 1.05"));
/// ```
pub fn gradient_step(answer: impl Fn(&[f64], &[f64], f64) -> Vec<f64>) -> Verdict {
    verdict("gradient step", |trials| {
        let first = answer(&[1.0, -2.0], &[0.5, 4.0], 0.1);
        trials.all_close("w = [1, -2], gradient [0.5, 4], learning rate 0.1", &first, &[0.95, -2.4], 1e-12)?;
        let large = answer(&[3.0], &[-2.0], 2.0);
        trials.all_close("w = [3], gradient [-2], learning rate 2", &large, &[7.0], 1e-12)?;
        trials.all_close("no parameters", &answer(&[], &[], 0.1), &[], 0.0)
    })
}

/// Exercise 3: the share of predictions that equal their labels.
///
/// ```
/// use candlelight::check;
/// let count = |p: &[u32], y: &[u32]| p.iter().zip(y).filter(|(p, y)| p == y).count() as f64;
/// let verdict = check::start::accuracy(count).to_string();
/// assert!(verdict.contains("predictions [1, 2, 3, 4], labels [1, 2, 0, 0]: expected 0.5, got 2"));
/// ```
pub fn accuracy(answer: impl Fn(&[u32], &[u32]) -> f64) -> Verdict {
    verdict("accuracy", |trials| {
        let half = answer(&[1, 2, 3, 4], &[1, 2, 0, 0]);
        trials.close("predictions [1, 2, 3, 4], labels [1, 2, 0, 0]", half, 0.5, 1e-12)?;
        trials.close("predictions [7], labels [7]", answer(&[7], &[7]), 1.0, 1e-12)?;
        trials.close("predictions [7, 7, 7], labels [0, 1, 7]", answer(&[7, 7, 7], &[0, 1, 7]), 1.0 / 3.0, 1e-12)?;
        trials.close("predictions [0, 0], labels [1, 1]", answer(&[0, 0], &[1, 1]), 0.0, 1e-12)
    })
}
