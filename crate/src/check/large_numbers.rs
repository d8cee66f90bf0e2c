//! Checks of the exercises of `02-law-of-large-numbers`.

use rand::Rng as _;

use super::{Verdict, draws, verdict};
use crate::rng::seeded;

/// Exercise 1: entry i is the mean of the first i + 1 values.
///
/// ```
/// use candlelight::check;
/// // The sum of the first i + 1 values.
/// let sums = |x: &[f64]| x.iter().scan(0.0, |sum, x| { *sum += x; Some(*sum) }).collect();
/// let verdict = check::large_numbers::running_means(sums).to_string();
/// assert!(verdict.contains("of [1.0, 0.0, 0.0, 1.0], entry 1: expected 0.5, got 1"));
/// ```
pub fn running_means(answer: impl Fn(&[f64]) -> Vec<f64>) -> Verdict {
    verdict("running means", |trials| {
        let mut rng = seeded(1);
        let many = draws(&mut rng, 200, 2.0);
        for (name, values) in [
            ("[1.0, 0.0, 0.0, 1.0]", vec![1.0, 0.0, 0.0, 1.0]),
            ("[-3.0]", vec![-3.0]),
            ("no values", vec![]),
            ("200 values", many),
        ] {
            let expected: Vec<f64> =
                (1..=values.len()).map(|n| values.iter().take(n).sum::<f64>() / n as f64).collect();
            trials.all_close(&format!("of {name}"), &answer(&values), &expected, 1e-9)?;
        }
        Ok(())
    })
}

/// Exercise 2: the mean of the values, in standard errors from the mean of their distribution.
///
/// ```
/// use candlelight::check;
/// // In standard deviations of a single value.
/// let single = |x: &[f64], mean: f64, std: f64| (x.iter().sum::<f64>() / x.len() as f64 - mean) / std;
/// let verdict = check::large_numbers::standardize(single).to_string();
/// assert!(verdict.contains("4.0] of a distribution with mean 3 and standard deviation 2: expected 1, got 0.5"));
/// ```
pub fn standardize(answer: impl Fn(&[f64], f64, f64) -> f64) -> Verdict {
    verdict("standardized mean", |trials| {
        let mut rng = seeded(2);
        let many = draws(&mut rng, 50, 2.0);
        for (values, mean, std) in
            [(vec![3.0, 5.0, 4.0, 4.0], 3.0, 2.0), (vec![1.0], 0.0, 0.5), (many.clone(), 0.0, 1.0), (many, -1.0, 3.0)]
        {
            let n = values.len() as f64;
            let expected = (values.iter().sum::<f64>() / n - mean) / (std / n.sqrt());
            let name = if n < 10.0 { format!("{values:?}") } else { format!("{n} values") };
            let trial = format!("{name} of a distribution with mean {mean} and standard deviation {std}");
            trials.close(&trial, answer(&values, mean, std), expected, 1e-9)?;
        }
        Ok(())
    })
}

/// Exercise 3: the largest gap between the share of values at or below a point and the probability of that.
///
/// ```
/// use candlelight::check;
/// // The gap just after each value alone.
/// let one_side = |x: &[f64], cumulative: fn(f64) -> f64| {
///     let mut x = x.to_vec();
///     x.sort_by(f64::total_cmp);
///     let share = |i: usize| (i + 1) as f64 / x.len() as f64;
///     (0..x.len()).map(|i| (share(i) - cumulative(x[i])).abs()).fold(0.0, f64::max)
/// };
/// let verdict = check::large_numbers::kolmogorov_smirnov(one_side).to_string();
/// assert!(verdict.contains("[0.6, 0.9] against the uniform distribution: expected 0.6, got 0.0999"));
/// ```
pub fn kolmogorov_smirnov(answer: impl Fn(&[f64], fn(f64) -> f64) -> f64) -> Verdict {
    verdict("Kolmogorov–Smirnov distance", |trials| {
        let mut rng = seeded(3);
        let uniform: fn(f64) -> f64 = |x| x.clamp(0.0, 1.0);
        let exponential: fn(f64) -> f64 = |x| if x < 0.0 { 0.0 } else { 1.0 - (-x).exp() };
        let many: Vec<f64> = (0..40).map(|_| rng.random::<f64>()).collect();
        for (name, values, distribution, cumulative) in [
            ("[0.5]", vec![0.5], "uniform", uniform),
            ("[0.6, 0.9]", vec![0.6, 0.9], "uniform", uniform),
            ("[0.2, 0.1], in this order,", vec![0.2, 0.1], "uniform", uniform),
            ("40 draws", many.clone(), "uniform", uniform),
            ("40 draws", many, "exponential", exponential),
        ] {
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let n = sorted.len() as f64;
            let gap = |(i, x): (usize, &f64)| {
                (cumulative(*x) - i as f64 / n).abs().max(((i + 1) as f64 / n - cumulative(*x)).abs())
            };
            let expected = sorted.iter().enumerate().map(gap).fold(0.0, f64::max);
            let trial = format!("{name} against the {distribution} distribution");
            trials.close(&trial, answer(&values, cumulative), expected, 1e-9)?;
        }
        Ok(())
    })
}

/// Exercise 4: how many draws it takes until z standard errors of their mean are at most the margin.
///
/// ```
/// use candlelight::check;
/// let linear = |std: f64, margin: f64, z: f64| (z * std / margin).ceil() as usize;
/// let verdict = check::large_numbers::sample_size(linear).to_string();
/// assert!(verdict.contains("standard deviation 0.5, margin 0.03, z = 1.96: expected 1068, got 33"));
/// ```
pub fn sample_size(answer: impl Fn(f64, f64, f64) -> usize) -> Verdict {
    verdict("how many draws", |trials| {
        // None of these is near a whole number, where rounding would decide.
        for (std, margin, z, expected) in
            [(0.5, 0.03, 1.96, 1068), (0.5, 0.003, 1.96, 106_712), (2.0, 0.7, 2.58, 55), (1.0, 5.0, 1.96, 1)]
        {
            let got = answer(std, margin, z);
            trials.holds(&format!("standard deviation {std}, margin {margin}, z = {z}"), got == expected, || {
                format!("expected {expected}, got {got}")
            })?;
        }
        Ok(())
    })
}
