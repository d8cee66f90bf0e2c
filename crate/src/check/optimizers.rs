//! Checks of the exercises of `11-optimizers`.

use std::f64::consts::PI;

use super::{Difference, Trials, Verdict, draws, verdict};
use crate::rng::seeded;

/// Exercise 1: the weights after each step of RMSprop, with ε = 1e-8 outside the root.
///
/// ```
/// use candlelight::check;
/// // Adagrad: all squares so far, none forgotten.
/// let adagrad = |mut w: f64, gradients: &[f64], lr: f64, _: f64| {
///     let mut sum = 0.0;
///     gradients.iter().map(|g| { sum += g * g; w -= lr * g / (f64::sqrt(sum) + 1e-8); w }).collect()
/// };
/// let verdict = check::optimizers::rmsprop(adagrad).to_string();
/// assert!(verdict.contains("w = 1, gradients [3.0], lr 0.1, α = 0.99, entry 0: expected 0.0000"));
/// ```
pub fn rmsprop(answer: impl Fn(f64, &[f64], f64, f64) -> Vec<f64>) -> Verdict {
    verdict("RMSprop", |trials| {
        let reference = |w: f64, gradients: &[f64], lr: f64, alpha: f64, inside: f64| {
            let mut v = 0.0;
            walk(w, gradients, |_, g| {
                v = alpha * v + (1.0 - alpha) * g * g;
                lr * g / (f64::sqrt(v + inside) + 1e-8 - inside)
            })
        };
        for (w, gradients, lr, alpha) in cases(0.99) {
            let expected = reference(w, &gradients, lr, alpha, 0.0);
            let trial = format!("w = {w}, gradients {gradients:?}, lr {lr}, α = {alpha}");
            let answer = answer(w, &gradients, lr, alpha);
            let swapped = reference(w, &gradients, lr, 1.0 - alpha, 0.0);
            let inside = reference(w, &gradients, lr, alpha, 1e-8);
            not_this(trials, &trial, &answer, &expected, &swapped, "α is the share of the old v that is kept")?;
            not_this(trials, &trial, &answer, &expected, &inside, "ε is added outside the root")?;
            trials.all_close(&trial, &answer, &expected, 1e-9)?;
        }
        Ok(())
    })
}

/// Exercise 2: the weights after each step of Adam, with β = (0.9, 0.999) and ε = 1e-8.
///
/// ```
/// use candlelight::check;
/// let uncorrected = |mut w: f64, gradients: &[f64], lr: f64| {
///     let (mut m, mut v) = (0.0, 0.0);
///     gradients.iter().map(|g| {
///         (m, v) = (0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g);
///         w -= lr * m / (f64::sqrt(v) + 1e-8);
///         w
///     }).collect()
/// };
/// let verdict = check::optimizers::adam(uncorrected).to_string();
/// assert!(verdict.contains("the moments start from 0 and are not corrected for it"));
/// ```
pub fn adam(answer: impl Fn(f64, &[f64], f64) -> Vec<f64>) -> Verdict {
    verdict("Adam", |trials| {
        let reference = |w: f64, gradients: &[f64], lr: f64, correct: bool| {
            let (mut m, mut v) = (0.0, 0.0);
            walk(w, gradients, |t, g| {
                m = 0.9 * m + 0.1 * g;
                v = 0.999 * v + 0.001 * g * g;
                let share = |beta: f64| if correct { 1.0 - beta.powi(t) } else { 1.0 };
                lr * (m / share(0.9)) / (f64::sqrt(v / share(0.999)) + 1e-8)
            })
        };
        for (w, gradients, lr, _) in cases(0.99) {
            let expected = reference(w, &gradients, lr, true);
            let trial = format!("w = {w}, gradients {gradients:?}, lr {lr}");
            let answer = answer(w, &gradients, lr);
            let uncorrected = reference(w, &gradients, lr, false);
            not_this(
                trials,
                &trial,
                &answer,
                &expected,
                &uncorrected,
                "the moments start from 0 and are not corrected for it",
            )?;
            trials.all_close(&trial, &answer, &expected, 1e-9)?;
        }
        Ok(())
    })
}

/// Exercise 3: the rate at a step, rising along a line to `peak` at step `warmup`, then half a cosine down to 0 at `total`.
///
/// ```
/// use candlelight::check;
/// // The cosine starts at step 0, as if there were no warm-up.
/// let early = |step: u64, warmup: u64, total: u64, peak: f64| {
///     let share = step as f64 / total as f64;
///     if step < warmup { peak * step as f64 / warmup as f64 }
///     else { peak * (1.0 + (std::f64::consts::PI * share).cos()) / 2.0 }
/// };
/// let verdict = check::optimizers::warmup_cosine(early).to_string();
/// assert!(verdict.contains("step 10 of 110, warm-up 10, peak 0.5: expected 0.5, got 0.489"));
/// ```
pub fn warmup_cosine(answer: impl Fn(u64, u64, u64, f64) -> f64) -> Verdict {
    verdict("warm-up and cosine", |trials| {
        for (warmup, total, peak) in [(10, 110, 0.5), (1, 4, 2.0), (0, 20, 0.1)] {
            for step in [0, 1, 5, 10, 15, 60, 110].into_iter().filter(|step| *step <= total) {
                let expected = if step < warmup {
                    peak * step as f64 / warmup as f64
                } else {
                    let share = (step - warmup) as f64 / (total - warmup) as f64;
                    peak * (1.0 + (PI * share).cos()) / 2.0
                };
                let trial = format!("step {step} of {total}, warm-up {warmup}, peak {peak}");
                trials.close(&trial, answer(step, warmup, total, peak), expected, 1e-9)?;
            }
        }
        Ok(())
    })
}

/// Exercise 4: the rate each epoch trains with under StepLR, where `scheduler.step()` ends an epoch or begins it.
///
/// ```
/// use candlelight::check;
/// // As if the order made no difference.
/// let same = |lr: f64, size: usize, gamma: f64, epochs: usize, _: bool| {
///     (0..epochs).map(|epoch| lr * gamma.powi((epoch / size) as i32)).collect()
/// };
/// let verdict = check::optimizers::step_lr_rates(same).to_string();
/// assert!(verdict.contains("step() first, entry 2: expected 0.5, got 1"));
/// ```
pub fn step_lr_rates(answer: impl Fn(f64, usize, f64, usize, bool) -> Vec<f64>) -> Verdict {
    verdict("StepLR", |trials| {
        for (lr, size, gamma, epochs) in [(1.0, 3, 0.5_f64, 8), (0.1, 5, 0.1, 12), (0.3, 1, 0.9, 4)] {
            for first in [false, true] {
                let shift = usize::from(first);
                let expected: Vec<f64> =
                    (0..epochs).map(|epoch| lr * gamma.powi(((epoch + shift) / size) as i32)).collect();
                let order = if first { "step() first" } else { "step() last" };
                let trial = format!("lr {lr}, step_size {size}, γ = {gamma}, {order}");
                trials.all_close(&trial, &answer(lr, size, gamma, epochs, first), &expected, 1e-9)?;
            }
        }
        Ok(())
    })
}

/// Weights, gradients, rates, and a decay: short ones to read, a long one, and gradients so small that ε counts.
fn cases(alpha: f64) -> Vec<(f64, Vec<f64>, f64, f64)> {
    let mut rng = seeded(11);
    let draws = draws(&mut rng, 40, 5.0);
    vec![
        (1.0, vec![3.0], 0.1, alpha),
        (1.0, vec![3.0, -3.0, 0.5], 0.1, 0.9),
        (-2.0, vec![1e-8, 2e-8], 0.1, 0.9),
        (0.5, draws, 0.01, 0.95),
    ]
}

/// Subtracts what `step` makes of each gradient, and of its number counted from 1.
fn walk(mut w: f64, gradients: &[f64], mut step: impl FnMut(i32, f64) -> f64) -> Vec<f64> {
    (1..)
        .zip(gradients)
        .map(|(t, &g)| {
            w -= step(t, g);
            w
        })
        .collect()
}

/// The answer must not be that of a known mistake, which `reason` names.
fn not_this(
    trials: &mut Trials,
    trial: &str,
    answer: &[f64],
    expected: &[f64],
    mistaken: &[f64],
    reason: &str,
) -> Result<(), Difference> {
    let near = |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9);
    trials.holds(trial, !near(answer, mistaken) || near(answer, expected), || {
        let last = |values: &[f64]| values.last().copied().unwrap_or(f64::NAN);
        format!("expected {} in the end, got {}: {reason}", last(expected), last(answer))
    })
}
