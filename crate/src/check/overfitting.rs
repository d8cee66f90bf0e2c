//! Checks of the exercises of `15-overfitting`.

use rand::Rng as _;

use super::{Verdict, draws, softmax, verdict};
use crate::rng::seeded;

/// Exercise 1: after which epoch patience stops, and which epoch was best, both counted from 1.
///
/// ```
/// use candlelight::check;
/// // Stops at the first rise, whatever the patience.
/// let first_rise = |validation: &[f64], _: usize| {
///     let rise = (1..validation.len()).find(|&t| validation[t] > validation[t - 1]);
///     (rise.map_or(validation.len(), |t| t + 1), rise.unwrap_or(validation.len()))
/// };
/// let verdict = check::overfitting::patience(first_rise).to_string();
/// assert!(verdict.contains("losses [3.0, 2.0, 2.5, 1.0, 1.5, 1.2], patience 2: expected to stop after epoch 6"));
/// ```
pub fn patience(answer: impl Fn(&[f64], usize) -> (usize, usize)) -> Verdict {
    verdict("patience", |trials| {
        let mut rng = seeded(1);
        let mut cases = vec![
            (vec![3.0, 2.0, 1.0], 1),
            (vec![3.0, 2.0, 2.5, 2.0], 1),
            // A single bad epoch is forgiven, two in a row are not.
            (vec![3.0, 2.0, 2.5, 1.0, 1.5, 1.2], 2),
            // An equal loss is no improvement.
            (vec![2.0, 2.0, 2.0, 1.0], 2),
            (vec![1.0, 2.0, 1.9, 1.8], 3),
        ];
        for patience in [1, 3, 10] {
            cases.push(((0..30).map(|_| rounded(rng.random_range(1.0..2.0))).collect(), patience));
        }
        for (losses, patience) in cases {
            let expected = stopped(&losses, patience);
            let got = answer(&losses, patience);
            trials.holds(&format!("losses {losses:?}, patience {patience}"), got == expected, || {
                format!(
                    "expected to stop after epoch {} with epoch {} the best, got {} and {}",
                    expected.0, expected.1, got.0, got.1
                )
            })?;
        }
        Ok(())
    })
}

fn stopped(losses: &[f64], patience: usize) -> (usize, usize) {
    let (mut best, mut least) = (0, f64::INFINITY);
    for (epoch, &loss) in (1..).zip(losses) {
        if loss < least {
            (best, least) = (epoch, loss);
        } else if epoch - best >= patience {
            return (epoch, best);
        }
    }
    (losses.len(), best)
}

/// Exercise 2: the samples that each of k folds validates on. Any split will do in which each sample is in one fold, and sizes
/// differ by at most one.
///
/// ```
/// use candlelight::check;
/// // Forgets what is left when k does not divide n.
/// let short = |n: usize, k: usize| (0..k).map(|fold| (fold * (n / k)..(fold + 1) * (n / k)).collect()).collect();
/// let verdict = check::overfitting::folds(short).to_string();
/// assert!(verdict.contains("10 samples in 3 folds: expected sample 9 in one fold, found it in 0"));
/// ```
pub fn folds(answer: impl Fn(usize, usize) -> Vec<Vec<usize>>) -> Verdict {
    verdict("k folds", |trials| {
        for (n, k) in [(6, 3), (10, 3), (7, 7), (11, 4), (1000, 5)] {
            let trial = format!("{n} samples in {k} folds");
            let folds = answer(n, k);
            trials.holds(&trial, folds.len() == k, || format!("expected {k} folds, got {}", folds.len()))?;
            let mut times = vec![0; n];
            for &sample in folds.iter().flatten() {
                trials.holds(&trial, sample < n, || format!("expected samples below {n}, got {sample}"))?;
                times[sample] += 1;
            }
            if let Some(sample) = times.iter().position(|&times| times != 1) {
                trials.holds(&trial, false, || {
                    format!("expected sample {sample} in one fold, found it in {}", times[sample])
                })?;
            }
            let sizes: Vec<usize> = folds.iter().map(Vec::len).collect();
            let even = sizes.iter().all(|&size| size == n / k || size == n.div_ceil(k));
            trials.holds(&trial, even, || format!("expected sizes that differ by at most one, got {sizes:?}"))?;
        }
        Ok(())
    })
}

/// Exercise 3: an image, given row by row, mirrored left to right.
///
/// ```
/// use candlelight::check;
/// // Turns the image by 180°.
/// let turned = |image: &[f64], _: usize| image.iter().rev().copied().collect();
/// let verdict = check::overfitting::flip(turned).to_string();
/// assert!(verdict.contains("image [1.0, 2.0, 3.0, 4.0], width 2, entry 0: expected 2, got 4"));
/// ```
pub fn flip(answer: impl Fn(&[f64], usize) -> Vec<f64>) -> Verdict {
    verdict("horizontal flip", |trials| {
        let mut rng = seeded(3);
        let mut cases = vec![(vec![1.0, 2.0, 3.0, 4.0], 2), (vec![1.0, 2.0, 3.0], 1), (vec![1.0, 2.0, 3.0], 3)];
        for (height, width) in [(3, 4), (4, 3), (5, 7)] {
            cases.push(((0..height * width).map(|_| rounded(rng.random())).collect(), width));
        }
        for (image, width) in cases {
            let expected: Vec<f64> = image.chunks(width).flat_map(|row| row.iter().rev().copied()).collect();
            let trial = format!("image {image:?}, width {width}");
            trials.all_close(&trial, &answer(&image, width), &expected, 0.0)?;
        }
        Ok(())
    })
}

/// Exercise 4: the mean of the members' probabilities, from their logits.
///
/// ```
/// use candlelight::check;
/// // The softmax of the mean logits: the geometric mean.
/// let geometric = |members: &[Vec<f64>]| {
///     let mean: Vec<f64> = (0..members[0].len())
///         .map(|k| members.iter().map(|z| z[k]).sum::<f64>() / members.len() as f64)
///         .collect();
///     let sum: f64 = mean.iter().map(|z| z.exp()).sum();
///     mean.iter().map(|z| z.exp() / sum).collect()
/// };
/// let verdict = check::overfitting::ensemble(geometric).to_string();
/// assert!(verdict.contains("that is the softmax of the mean logits"), "{verdict}");
/// ```
pub fn ensemble(answer: impl Fn(&[Vec<f64>]) -> Vec<f64>) -> Verdict {
    verdict("ensemble", |trials| {
        let mut rng = seeded(4);
        let mut cases = vec![
            vec![vec![0.0, 0.0]],
            vec![vec![4.0, 0.0], vec![0.0, 0.0]],
            vec![vec![1000.0, 0.0], vec![0.0, 1000.0]],
        ];
        cases.push((0..5).map(|_| draws(&mut rng, 10, 3.0)).collect());
        for members in cases {
            let mean = |rows: &[Vec<f64>]| -> Vec<f64> {
                (0..rows[0].len()).map(|k| rows.iter().map(|row| row[k]).sum::<f64>() / rows.len() as f64).collect()
            };
            let expected = mean(&members.iter().map(|z| softmax(z)).collect::<Vec<_>>());
            let geometric = softmax(&mean(&members));
            let trial = format!("logits {members:?}");
            let got = answer(&members);
            let differ = expected.iter().zip(&geometric).any(|(a, b)| (a - b).abs() > 1e-6);
            let is_geometric =
                got.len() == geometric.len() && got.iter().zip(&geometric).all(|(a, b)| (a - b).abs() < 1e-9);
            trials.holds(&trial, !(differ && is_geometric), || {
                format!("expected {expected:?}, got {got:?}: that is the softmax of the mean logits")
            })?;
            trials.all_close(&trial, &got, &expected, 1e-12)?;
        }
        Ok(())
    })
}

/// To two decimals, so that a verdict can name it.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
