//! Checks of the exercises of `18-convolution`.

use rand::Rng as _;

use super::{Verdict, agree, draws, verdict};
use crate::rng::seeded;

/// Exercise 1: the gradient of the weight of a convolution without padding, from its input and the gradient of its output.
///
/// ```
/// use candlelight::check;
/// // The mean over the places: what each place would like, not what the loss does.
/// let mean = |x: &[f64], g: &[f64]| {
///     let k = x.len() + 1 - g.len();
///     (0..k).map(|u| (0..g.len()).map(|i| g[i] * x[i + u]).sum::<f64>() / g.len() as f64).collect()
/// };
/// let verdict = check::convolution::weight_gradient(mean).to_string();
/// assert!(verdict.contains("expected the sum over all places, got their mean"), "{verdict}");
/// ```
pub fn weight_gradient(answer: impl Fn(&[f64], &[f64]) -> Vec<f64>) -> Verdict {
    verdict("gradient of a shared weight", |trials| {
        let mut rng = seeded(1);
        let mut cases = vec![
            (vec![1.0, 2.0, 3.0], vec![1.0, 10.0]),
            (vec![1.0, 2.0, 3.0], vec![1.0, 0.0, 0.0]),
            (vec![2.0, 3.0], vec![5.0]),
        ];
        for (n, k) in [(9, 3), (7, 4), (12, 1)] {
            cases.push((draws(&mut rng, n, 3.0), draws(&mut rng, n + 1 - k, 3.0)));
        }
        for (x, g) in cases {
            let trial = format!("x {x:?}, gradient of y {g:?}");
            let k = x.len() + 1 - g.len();
            let expected: Vec<f64> = (0..k).map(|u| g.iter().zip(&x[u..]).map(|(g, x)| g * x).sum()).collect();
            let got = answer(&x, &g);
            let mean: Vec<f64> = expected.iter().map(|sum| sum / g.len() as f64).collect();
            trials.holds(&trial, agree(&mean, &expected) || !agree(&got, &mean), || {
                "expected the sum over all places, got their mean".into()
            })?;
            let turned: Vec<f64> = expected.iter().rev().copied().collect();
            trials.holds(&trial, agree(&turned, &expected) || !agree(&got, &turned), || {
                "expected the kernel as it is, got it turned round: a network's convolution does not flip".into()
            })?;
            trials.all_close(&trial, &got, &expected, 1e-9)?;
        }
        Ok(())
    })
}

/// Exercise 2: the frequency, in [0, 1/2] cycles a step, that a sine has once only every `stride`th number is kept.
///
/// ```
/// use candlelight::check;
/// // Forgets that 0.8 cycles a step forward look like 0.2 backward.
/// let not_folded = |frequency: f64, stride: usize| (frequency * stride as f64).fract();
/// let verdict = check::convolution::alias(not_folded).to_string();
/// assert!(verdict.contains("frequency 0.4, stride 2: expected 0.2, got 0.8"), "{verdict}");
/// ```
pub fn alias(answer: impl Fn(f64, usize) -> f64) -> Verdict {
    verdict("alias", |trials| {
        let mut rng = seeded(3);
        let mut cases = vec![(0.1, 2), (0.4, 2), (0.25, 2), (0.5, 2), (0.3, 1), (0.45, 3), (0.0, 5)];
        for stride in [2, 3, 4, 7] {
            cases.push((f64::from(rng.random_range(1..500_u32)) / 1000.0, stride));
        }
        for (frequency, stride) in cases {
            let seen = (frequency * f64::from(stride)).rem_euclid(1.0);
            let expected = seen.min(1.0 - seen);
            let trial = format!("frequency {frequency}, stride {stride}");
            let got = answer(frequency, stride as usize);
            let shown = (expected * 1e9).round() / 1e9;
            let near = (got - expected).abs() < 1e-9;
            trials.holds(&trial, near, || format!("expected {shown}, got {got}"))?;
        }
        Ok(())
    })
}

/// Exercise 3: the entries at even or at odd places, whichever have the larger sum of squares; of equal ones those at even
/// places. The length is even.
///
/// ```
/// use candlelight::check;
/// // Sums the numbers themselves, in which signs cancel.
/// let by_sum = |x: &[f64]| {
///     let part = |p: usize| x.iter().skip(p).step_by(2).copied().collect::<Vec<f64>>();
///     if part(1).iter().sum::<f64>() > part(0).iter().sum::<f64>() { part(1) } else { part(0) }
/// };
/// let verdict = check::convolution::polyphase(by_sum).to_string();
/// assert!(verdict.contains("x [1.0, 3.0, 1.0, -3.0]: expected [3.0, -3.0], got [1.0, 1.0]"), "{verdict}");
/// ```
pub fn polyphase(answer: impl Fn(&[f64]) -> Vec<f64>) -> Verdict {
    verdict("polyphase sampling", |trials| {
        let mut rng = seeded(4);
        let mut cases = vec![
            vec![1.0, 2.0],
            vec![2.0, 1.0],
            vec![1.0, 3.0, 1.0, -3.0],
            // Equal: the first.
            vec![1.0, -2.0, 2.0, 1.0],
            // One large number against several small ones.
            vec![2.0, 4.0, 2.0, 0.0, 2.0, 1.0],
            // The largest number against several.
            vec![3.0, 2.0, 0.0, 2.0, 0.0, 2.0],
        ];
        for n in [8, 10, 16] {
            cases.push(draws(&mut rng, n, 2.0));
        }
        let squares = |part: &[f64]| part.iter().map(|x| x * x).sum::<f64>();
        for x in cases {
            let part = |p: usize| x.iter().skip(p).step_by(2).copied().collect::<Vec<f64>>();
            let (even, odd) = (part(0), part(1));
            let expected = if squares(&odd) > squares(&even) { odd } else { even };
            let got = answer(&x);
            trials.holds(&format!("x {x:?}"), got == expected, || format!("expected {expected:?}, got {got:?}"))?;
            // What is shifted by one place must give the same numbers, in a circle.
            let mut moved = x.clone();
            moved.rotate_right(1);
            let (mut again, mut sorted) = (answer(&moved), got);
            again.sort_by(f64::total_cmp);
            sorted.sort_by(f64::total_cmp);
            let equal = squares(&part(0)) == squares(&part(1));
            trials.holds(&format!("x {moved:?}"), equal || again == sorted, || {
                format!("expected the numbers {sorted:?}, as before the shift by one place, got {again:?}")
            })?;
        }
        Ok(())
    })
}
