//! Checks of the exercises of `03-softmax-and-cross-entropy`.

use rand::Rng as _;

use super::{Difference, Trials, Verdict, draws, softmax, verdict};
use crate::rng::seeded;

/// Exercise 1: softmax of a slice, finite for logits of any size.
///
/// ```
/// use candlelight::check;
/// let naive = |z: &[f64]| {
///     let sum: f64 = z.iter().map(|z| z.exp()).sum();
///     z.iter().map(|z| z.exp() / sum).collect()
/// };
/// let verdict = check::softmax::stable(naive).to_string();
/// assert!(verdict.contains("softmax of [1000.0, 1001.0, 999.0], entry 0: expected 0.2447"));
/// ```
pub fn stable(answer: impl Fn(&[f64]) -> Vec<f64>) -> Verdict {
    verdict("stable softmax", |trials| {
        let mut rng = seeded(1);
        let mut cases = vec![vec![0.5], vec![0.0, 0.0], draws(&mut rng, 3, 2.0), draws(&mut rng, 10, 5.0)];
        cases.push(vec![1000.0, 1001.0, 999.0]);
        cases.push(vec![-1000.0, -1002.0]);
        cases.push(vec![-2000.0, 0.0, 2000.0]);
        for z in cases {
            trials.all_close(&format!("softmax of {z:?}"), &answer(&z), &softmax(&z), 1e-12)?;
        }
        Ok(())
    })
}

/// Exercise 2: the gradient of -log softmax(z)\[label\] with respect to the logits z.
///
/// ```
/// use candlelight::check;
/// // The gradient with the wrong sign.
/// let climbing = |z: &[f64], label: usize| {
///     let sum: f64 = z.iter().map(|z| z.exp()).sum();
///     z.iter().enumerate().map(|(k, z)| f64::from(u8::from(k == label)) - z.exp() / sum).collect()
/// };
/// let verdict = check::softmax::gradient(climbing).to_string();
/// assert!(verdict.contains("gradient at logits [0.0, 0.0], label 0, entry 0: expected -0.5, got 0.5"));
/// ```
pub fn gradient(answer: impl Fn(&[f64], usize) -> Vec<f64>) -> Verdict {
    verdict("gradient of cross-entropy", |trials| {
        let mut rng = seeded(2);
        let mut cases = vec![(vec![0.0, 0.0], 0), (draws(&mut rng, 3, 2.0), 1), (draws(&mut rng, 10, 5.0), 9)];
        cases.push((vec![1000.0, 0.0, -1000.0], 2));
        for (z, label) in cases {
            let mut expected = softmax(&z);
            expected[label] -= 1.0;
            let trial = format!("gradient at logits {z:?}, label {label}");
            trials.all_close(&trial, &answer(&z, label), &expected, 1e-12)?;
        }
        Ok(())
    })
}

/// Exercise 3: the negative log-likelihood of labels under logits, averaged over a batch.
///
/// ```
/// use candlelight::check;
/// let verdict = check::softmax::mean_nll(|_, _| 10f64.ln()).to_string();
/// assert!(verdict.contains("one sample, logits [0.0, 0.0], label 1: expected 0.6931471805599453, got 2.30258"));
/// ```
pub fn mean_nll(answer: impl Fn(&[Vec<f64>], &[usize]) -> f64) -> Verdict {
    verdict("mean negative log-likelihood", |trials| {
        let mut rng = seeded(3);
        let mut try_batch = |trial: &str, batch: &[Vec<f64>], labels: &[usize]| {
            let losses = batch.iter().zip(labels).map(|(z, &label)| logsumexp(z) - z[label]);
            let expected = losses.sum::<f64>() / labels.len() as f64;
            trials.close(trial, answer(batch, labels), expected, 1e-12)
        };
        try_batch("one sample, logits [0.0, 0.0], label 1", &[vec![0.0, 0.0]], &[1])?;
        try_batch("two samples, one sure and right, one sure and wrong", &[vec![9.0, 0.0], vec![9.0, 0.0]], &[0, 1])?;
        let batch: Vec<Vec<f64>> = (0..32).map(|_| draws(&mut rng, 5, 3.0)).collect();
        let labels: Vec<usize> = (0..32).map(|_| rng.random_range(0..5)).collect();
        try_batch("32 samples of five classes", &batch, &labels)?;
        try_batch("logits of 1000, label at the largest", &[vec![1000.0, 0.0, 1000.0]], &[2])?;
        // The probability of the label is 0 in floating point, its logarithm is not infinite.
        try_batch("logits of 1000, label at the smallest", &[vec![1000.0, 0.0, 1000.0]], &[1])
    })
}

/// Exercise 4: the temperature at which the largest probability of softmax(z / T) is `target`, to 1e-6.
///
/// ```
/// use candlelight::check;
/// let verdict = check::softmax::temperature(|_, _| 1.0).to_string();
/// assert!(verdict.contains("T = 1: the largest probability should be 0.9, it is 0.665"));
/// ```
pub fn temperature(answer: impl Fn(&[f64], f64) -> f64) -> Verdict {
    verdict("temperature for a probability", |trials| {
        let cases = [
            (vec![1.0, 2.0, 3.0], 0.9),
            (vec![1.0, 2.0, 3.0], 0.4),
            (vec![0.5, 0.49, -0.5, 0.1, 0.2], 0.99),
            (vec![-50.0, 40.0, 0.0], 0.5),
            (vec![1000.0, 980.0], 0.75),
        ];
        cases.into_iter().try_for_each(|(z, target)| reaches(trials, &z, target, answer(&z, target)))
    })
}

fn reaches(trials: &mut Trials, z: &[f64], target: f64, t: f64) -> Result<(), Difference> {
    let trial = format!("logits {z:?}, T = {t}");
    trials.holds(&trial, t.is_finite() && t > 0.0, || "a temperature is above 0 and finite".into())?;
    let scaled: Vec<f64> = z.iter().map(|z| z / t).collect();
    let largest = softmax(&scaled).into_iter().fold(0.0, f64::max);
    trials.holds(&trial, (largest - target).abs() <= 1e-6, || {
        format!("the largest probability should be {target}, it is {largest}")
    })
}

fn logsumexp(z: &[f64]) -> f64 {
    let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    max + z.iter().map(|z| (z - max).exp()).sum::<f64>().ln()
}
