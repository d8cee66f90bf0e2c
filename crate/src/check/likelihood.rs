//! Checks of the exercises of `01-likelihood`.

use rand::Rng as _;

use super::{Verdict, verdict};
use crate::rng::{Rng, seeded};

/// Exercise 1: the logarithm of the probability of x successes in n trials.
///
/// ```
/// use candlelight::check;
/// // Without the number of orders in which they can come.
/// let one_order = |n: u64, x: u64, theta: f64| x as f64 * theta.ln() + (n - x) as f64 * (1.0 - theta).ln();
/// let verdict = check::likelihood::log_binomial(one_order).to_string();
/// assert!(verdict.contains("n = 2, x = 1, θ = 0.5: expected -0.693147"));
/// ```
pub fn log_binomial(answer: impl Fn(u64, u64, f64) -> f64) -> Verdict {
    verdict("log-probability of x successes", |trials| {
        let cases = [
            (2, 1, 0.5),
            (10, 7, 0.3),
            (10, 0, 0.25),
            (100, 52, 0.52),
            // C(5000, 2600) is beyond f64, and so are the powers.
            (5000, 2600, 0.52),
            (5000, 4999, 0.001),
            // 0 ln 0 = 0: what cannot happen did not happen.
            (6, 6, 1.0),
            (6, 0, 0.0),
            (6, 2, 0.0),
        ];
        for (n, x, theta) in cases {
            let orders: f64 = (1..=x).map(|i| ((n - x + i) as f64 / i as f64).ln()).sum();
            let times = |count: u64, p: f64| if count == 0 { 0.0 } else { count as f64 * p.ln() };
            let expected = orders + times(x, theta) + times(n - x, 1.0 - theta);
            trials.close(&format!("n = {n}, x = {x}, θ = {theta}"), answer(n, x, theta), expected, 1e-9)?;
        }
        Ok(())
    })
}

/// Exercise 2: mean and variance of the normal distribution under which the values are most likely.
///
/// ```
/// use candlelight::check;
/// let unbiased = |x: &[f64]| {
///     let mean = x.iter().sum::<f64>() / x.len() as f64;
///     (mean, x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (x.len() - 1) as f64)
/// };
/// let verdict = check::likelihood::gaussian(unbiased).to_string();
/// assert!(verdict.contains("variance of [1.0, 3.0]: expected 1, got 2"));
/// ```
pub fn gaussian(answer: impl Fn(&[f64]) -> (f64, f64)) -> Verdict {
    verdict("normal distribution of greatest likelihood", |trials| {
        let mut rng = seeded(1);
        let mut cases: Vec<(String, Vec<f64>)> = vec![("[1.0, 3.0]".into(), vec![1.0, 3.0])];
        cases.push(("[-2.0, 0.0, 5.0]".into(), vec![-2.0, 0.0, 5.0]));
        cases.push(("30 values around 0".into(), uniform(&mut rng, 30, -2.0, 2.0)));
        // The difference of the mean square and the squared mean has lost its digits here.
        cases.push(("30 values around 10⁷".into(), uniform(&mut rng, 30, 1e7 - 2.0, 1e7 + 2.0)));
        for (name, values) in cases {
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            let got = answer(&values);
            trials.close(&format!("mean of {name}"), got.0, mean, 1e-12)?;
            trials.close(&format!("variance of {name}"), got.1, variance, 1e-6)?;
        }
        Ok(())
    })
}

/// Exercise 3: rate of the exponential distribution under which the waiting times are most likely, and its standard
/// error.
///
/// ```
/// use candlelight::check;
/// // The mean waiting time, which is 1/λ.
/// let mean = |x: &[f64]| (x.iter().sum::<f64>() / x.len() as f64, 0.0);
/// let verdict = check::likelihood::exponential(mean).to_string();
/// assert!(verdict.contains("rate for [0.25, 0.75]: expected 2, got 0.5"));
/// ```
pub fn exponential(answer: impl Fn(&[f64]) -> (f64, f64)) -> Verdict {
    verdict("rate of greatest likelihood", |trials| {
        let mut rng = seeded(2);
        let cases = [vec![0.25, 0.75], vec![4.0], vec![1.0, 2.0, 3.0, 10.0], uniform(&mut rng, 50, 0.01, 0.5)];
        for values in cases {
            let n = values.len() as f64;
            let rate = n / values.iter().sum::<f64>();
            let name = if n < 10.0 { format!("{values:?}") } else { format!("{n} times") };
            let got = answer(&values);
            trials.close(&format!("rate for {name}"), got.0, rate, 1e-9)?;
            trials.close(&format!("standard error for {name}"), got.1, rate / n.sqrt(), 1e-9)?;
        }
        Ok(())
    })
}

/// Exercise 4: the share of bag A after one step of expectation–maximization, given the likelihoods of each handful.
///
/// ```
/// use candlelight::check;
/// // Each handful wholly to the likelier bag.
/// let hard = |w: f64, a: &[f64], b: &[f64]| {
///     let in_a = a.iter().zip(b).filter(|(a, b)| w * *a > (1.0 - w) * *b).count();
///     in_a as f64 / a.len() as f64
/// };
/// let verdict = check::likelihood::em_step(hard).to_string();
/// assert!(verdict.contains("w = 0.5, a [0.3, 0.1], b [0.1, 0.1]: expected 0.625, got 0.5"));
/// ```
pub fn em_step(answer: impl Fn(f64, &[f64], &[f64]) -> f64) -> Verdict {
    verdict("one step for the share of bag A", |trials| {
        let cases = [
            (0.5, vec![0.3, 0.1], vec![0.1, 0.1]),
            (0.25, vec![0.3, 0.1], vec![0.1, 0.1]),
            (0.9, vec![1e-6, 0.02, 0.4], vec![0.3, 0.02, 1e-9]),
            (1.0, vec![0.2], vec![0.7]),
        ];
        for (w, a, b) in cases {
            let share = |(a, b): (&f64, &f64)| w * a / (w * a + (1.0 - w) * b);
            let expected = a.iter().zip(&b).map(share).sum::<f64>() / a.len() as f64;
            trials.close(&format!("w = {w}, a {a:?}, b {b:?}"), answer(w, &a, &b), expected, 1e-9)?;
        }
        Ok(())
    })
}

/// Exercise 5: variance of the mean of n consecutive draws of a chain with the covariances φ^|t - s|.
///
/// ```
/// use candlelight::check;
/// let limit = |n: usize, phi: f64| (1.0 + phi) / (1.0 - phi) / n as f64;
/// let verdict = check::likelihood::variance_of_mean(limit).to_string();
/// assert!(verdict.contains("n = 1, φ = 0.5: expected 1, got 3"));
/// ```
pub fn variance_of_mean(answer: impl Fn(usize, f64) -> f64) -> Verdict {
    verdict("variance of a mean of dependent draws", |trials| {
        for (n, phi) in [(1, 0.5), (2, 0.5), (4, 0.0), (5, -0.5), (50, 0.9), (40, -0.99)] {
            let covariance = |s: usize, t: usize| f64::powi(phi, s.abs_diff(t) as i32);
            let sum: f64 = (0..n).flat_map(|s| (0..n).map(move |t| covariance(s, t))).sum();
            trials.close(&format!("n = {n}, φ = {phi}"), answer(n, phi), sum / (n * n) as f64, 1e-9)?;
        }
        Ok(())
    })
}

fn uniform(rng: &mut Rng, n: usize, low: f64, high: f64) -> Vec<f64> {
    (0..n).map(|_| rng.random_range(low..high)).collect()
}
