//! Checks of the exercises of `04-activations-and-losses`.

use rand::Rng as _;

use super::{Verdict, draws, verdict};
use crate::rng::seeded;

/// Exercise 1: the gradient with respect to x, given y = tanh(x) and the gradient with respect to y.
///
/// ```
/// use candlelight::check;
/// // The derivative alone, without the chain rule.
/// let alone = |y: &[f64], _: &[f64]| y.iter().map(|y| 1.0 - y * y).collect();
/// let verdict = check::activations::tanh_backward(alone).to_string();
/// assert!(verdict.contains("y [0.0, 0.5], gradient [2.0, 4.0], entry 0: expected 2, got 1"));
/// ```
pub fn tanh_backward(answer: impl Fn(&[f64], &[f64]) -> Vec<f64>) -> Verdict {
    verdict("backward pass of tanh", |trials| {
        let mut rng = seeded(1);
        let cases = [
            (vec![0.0, 0.5], vec![2.0, 4.0]),
            (vec![-0.5, 1.0, -1.0], vec![1.0, 7.0, -3.0]),
            (draws(&mut rng, 20, 1.0), draws(&mut rng, 20, 5.0)),
        ];
        for (y, gradient) in cases {
            let expected: Vec<f64> = y.iter().zip(&gradient).map(|(y, g)| g * (1.0 - y * y)).collect();
            let trial = format!("y {y:?}, gradient {gradient:?}");
            trials.all_close(&trial, &answer(&y, &gradient), &expected, 1e-12)?;
        }
        Ok(())
    })
}

/// Exercise 2: the mean binary cross-entropy of targets in [0, 1], from logits of any size.
///
/// ```
/// use candlelight::check;
/// let through_sigmoid = |z: &[f64], y: &[f64]| {
///     let p = |z: f64| 1.0 / (1.0 + (-z).exp());
///     let loss = |(z, y): (&f64, &f64)| -y * p(*z).ln() - (1.0 - y) * (1.0 - p(*z)).ln();
///     z.iter().zip(y).map(loss).sum::<f64>() / z.len() as f64
/// };
/// let verdict = check::activations::binary_cross_entropy(through_sigmoid).to_string();
/// assert!(verdict.contains("logits [100.0, -100.0], targets [0.0, 1.0]: expected 100, got inf"));
/// ```
pub fn binary_cross_entropy(answer: impl Fn(&[f64], &[f64]) -> f64) -> Verdict {
    verdict("binary cross-entropy", |trials| {
        let mut rng = seeded(2);
        let cases = [
            (vec![0.0], vec![1.0]),
            (vec![2.0, -1.0, 0.5], vec![1.0, 0.0, 0.0]),
            (vec![1.5, -0.5], vec![0.25, 0.5]),
            (draws(&mut rng, 12, 4.0), (0..12).map(|i| f64::from(i % 2)).collect()),
            (vec![100.0, -100.0], vec![0.0, 1.0]),
            (vec![1000.0, -1000.0], vec![1.0, 0.0]),
            (vec![-1000.0, 1000.0], vec![1.0, 1.0]),
        ];
        for (z, y) in cases {
            let loss = |(z, y): (&f64, &f64)| z.max(0.0) - y * z + (-z.abs()).exp().ln_1p();
            let expected = z.iter().zip(&y).map(loss).sum::<f64>() / z.len() as f64;
            trials.close(&format!("logits {z:?}, targets {y:?}"), answer(&z, &y), expected, 1e-12)?;
        }
        Ok(())
    })
}

/// Exercise 3: the share of all samples' labels that are wrong, where a label is given if its probability exceeds ½.
///
/// ```
/// use candlelight::check;
/// // The threshold of probabilities, applied to logits.
/// let half = |z: &[Vec<f64>], y: &[Vec<bool>]| {
///     let wrong = |(z, y): (&Vec<f64>, &Vec<bool>)| z.iter().zip(y).filter(|(z, y)| (**z > 0.5) != **y).count();
///     z.iter().zip(y).map(wrong).sum::<usize>() as f64 / (z.len() * z[0].len()) as f64
/// };
/// let verdict = check::activations::hamming_loss(half).to_string();
/// assert!(verdict.contains("logits [[0.3, 0.2, -4.0]], labels [[true, true, false]]: expected 0, got 0.66666"));
/// ```
pub fn hamming_loss(answer: impl Fn(&[Vec<f64>], &[Vec<bool>]) -> f64) -> Verdict {
    verdict("Hamming loss", |trials| {
        let mut rng = seeded(3);
        let logits: Vec<Vec<f64>> = (0..30).map(|_| draws(&mut rng, 5, 2.0)).collect();
        let labels: Vec<Vec<bool>> = (0..30).map(|_| (0..5).map(|_| rng.random()).collect()).collect();
        let cases = [
            (vec![vec![0.3, 0.2, -4.0]], vec![vec![true, true, false]]),
            (vec![vec![3.0, 1.0], vec![-1.0, -2.0]], vec![vec![true, false], vec![false, false]]),
            (vec![vec![-5.0; 4]; 3], vec![vec![false; 4]; 3]),
            (logits, labels),
        ];
        for (z, y) in cases {
            let wrong: usize = z.iter().flatten().zip(y.iter().flatten()).filter(|(z, y)| (**z > 0.0) != **y).count();
            let count = z.iter().map(Vec::len).sum::<usize>();
            let name = if z.len() < 10 { format!("logits {z:?}, labels {y:?}") } else { "30 samples".into() };
            trials.close(&name, answer(&z, &y), wrong as f64 / count as f64, 1e-12)?;
        }
        Ok(())
    })
}

/// Exercise 4: the RMSE of a whole set, given RMSE and size of each batch.
///
/// ```
/// use candlelight::check;
/// let mean = |batches: &[(f64, usize)]| batches.iter().map(|(rmse, _)| rmse).sum::<f64>() / batches.len() as f64;
/// let verdict = check::activations::rmse_of_set(mean).to_string();
/// assert!(verdict.contains("batches [(3.0, 8), (4.0, 8)]: expected 3.5355339059327378, got 3.5"));
/// ```
pub fn rmse_of_set(answer: impl Fn(&[(f64, usize)]) -> f64) -> Verdict {
    verdict("RMSE from batches", |trials| {
        for batches in
            [vec![(2.0, 5)], vec![(3.0, 8), (4.0, 8)], vec![(1.0, 64), (1.0, 64), (5.0, 2)], vec![(0.0, 10), (10.0, 1)]]
        {
            let squares: f64 = batches.iter().map(|(rmse, n)| rmse * rmse * *n as f64).sum();
            let n: usize = batches.iter().map(|(_, n)| n).sum();
            trials.close(&format!("batches {batches:?}"), answer(&batches), (squares / n as f64).sqrt(), 1e-12)?;
        }
        Ok(())
    })
}

/// Exercise 5: the mean over the classes of the share of their samples that was found; rows are the true classes.
///
/// ```
/// use candlelight::check;
/// // Plain accuracy, which the larger class decides.
/// let plain = |counts: &[Vec<u64>]| {
///     let right: u64 = (0..counts.len()).map(|k| counts[k][k]).sum();
///     right as f64 / counts.iter().flatten().sum::<u64>() as f64
/// };
/// let verdict = check::activations::balanced_accuracy(plain).to_string();
/// assert!(verdict.contains("counts [[95, 0], [5, 0]]: expected 0.5, got 0.95"));
/// ```
pub fn balanced_accuracy(answer: impl Fn(&[Vec<u64>]) -> f64) -> Verdict {
    verdict("balanced accuracy", |trials| {
        let cases = [
            vec![vec![95, 0], vec![5, 0]],
            vec![vec![3, 1], vec![0, 12]],
            vec![vec![10, 0, 0], vec![2, 5, 3], vec![0, 1, 0]],
            // A class without samples has no share; it does not count.
            vec![vec![4, 0, 0], vec![0, 0, 0], vec![1, 1, 2]],
        ];
        for counts in cases {
            let shares: Vec<f64> = counts
                .iter()
                .enumerate()
                .filter(|(_, row)| row.iter().any(|count| *count > 0))
                .map(|(k, row)| row.get(k).map_or(0.0, |found| *found as f64) / row.iter().sum::<u64>() as f64)
                .collect();
            let expected = shares.iter().sum::<f64>() / shares.len() as f64;
            trials.close(&format!("counts {counts:?}"), answer(&counts), expected, 1e-12)?;
        }
        Ok(())
    })
}
