//! The checks of `07-dropout`: right answers pass, stubs and usual mistakes do not.

use candlelight::check::dropout::*;
use candlelight::rand::Rng as _;
use candlelight::rng::Rng;
use candlelight_tests::{accepts, rejects};

#[test]
fn inverted_dropout_of_a_slice() {
    let right = |x: &[f64], p: f64, rng: &mut Rng| -> Vec<f64> {
        x.iter().map(|x| if rng.random_bool(p) { 0.0 } else { x / (1.0 - p) }).collect()
    };
    accepts(inverted_dropout(right));
    // Another right way: by a uniform number and a factor.
    let by_factor = |x: &[f64], p: f64, rng: &mut Rng| -> Vec<f64> {
        x.iter().map(|x| x * f64::from(u8::from(rng.random::<f64>() >= p)) * (1.0 - p).recip()).collect()
    };
    accepts(inverted_dropout(by_factor));
    rejects(inverted_dropout(|_, _, _| todo!("keep each")), "not written yet. keep each");
    // p taken for the probability to keep.
    let swapped = |x: &[f64], p: f64, rng: &mut Rng| -> Vec<f64> {
        x.iter().map(|x| if rng.random_bool(p) { x / p } else { 0.0 }).collect()
    };
    rejects(inverted_dropout(swapped), "an entry of 3 should become 0 or 4, it became 12");
    let rate = |x: &[f64], p: f64, rng: &mut Rng| -> Vec<f64> {
        x.iter().map(|x| if rng.random_bool(p) { x / (1.0 - p) } else { 0.0 }).collect()
    };
    rejects(inverted_dropout(rate), "expected a share of 0.25 dropped, give or take 0.014, got 0.7");
    let fixed = |x: &[f64], p: f64, _: &mut Rng| right(x, p, &mut candlelight::rng::seeded(3));
    rejects(inverted_dropout(fixed), "expected a new mask at the second call, got the same");
    rejects(inverted_dropout(|_, _, _| Vec::new()), "expected 20000 entries, got 0");
    // One coin for all entries: the share is 0 or 1.
    let together = |x: &[f64], p: f64, rng: &mut Rng| -> Vec<f64> {
        let factor = if rng.random_bool(p) { 0.0 } else { 1.0 / (1.0 - p) };
        x.iter().map(|x| x * factor).collect()
    };
    rejects(inverted_dropout(together), "expected a share of 0.25 dropped");
}

fn recursive(x: &[f64], p: f64, f: fn(&[f64]) -> f64) -> f64 {
    fn from(done: &[f64], rest: &[f64], p: f64, f: fn(&[f64]) -> f64) -> f64 {
        let Some((first, rest)) = rest.split_first() else { return f(done) };
        let with = |value: f64| from(&[done, &[value]].concat(), rest, p, f);
        p * with(0.0) + (1.0 - p) * with(first / (1.0 - p))
    }
    from(&[], x, p, f)
}

fn by_masks(x: &[f64], p: f64, f: fn(&[f64]) -> f64, weight: fn(i32, i32, f64) -> f64) -> f64 {
    let n = x.len() as i32;
    (0_u32..1 << n)
        .map(|mask| {
            let masked: Vec<f64> =
                x.iter().enumerate().map(|(i, x)| if mask >> i & 1 == 1 { x / (1.0 - p) } else { 0.0 }).collect();
            weight(mask.count_ones() as i32, n, p) * f(&masked)
        })
        .sum()
}

#[test]
fn mean_of_the_exact_ensemble() {
    let weighted = |x: &[f64], p: f64, f: fn(&[f64]) -> f64| {
        by_masks(x, p, f, |kept, n, p| (1.0 - p).powi(kept) * p.powi(n - kept))
    };
    accepts(ensemble_mean(weighted));
    accepts(ensemble_mean(recursive));
    rejects(ensemble_mean(|_, _, _| todo!("2ⁿ masks")), "not written yet. 2ⁿ masks");
    // Every mask alike: right at p = 1/2 only.
    let alike = |x: &[f64], p: f64, f: fn(&[f64]) -> f64| by_masks(x, p, f, |_, n, _| 0.5_f64.powi(n));
    rejects(ensemble_mean(alike), "the largest of [3.0, 6.0], p = 0.25: expected 6.75, got 5");
    // Each mask by the probability to drop what it keeps.
    let swapped = |x: &[f64], p: f64, f: fn(&[f64]) -> f64| {
        by_masks(x, p, f, |kept, n, p| p.powi(kept) * (1.0 - p).powi(n - kept))
    };
    rejects(ensemble_mean(swapped), "the largest of [3.0, 6.0], p = 0.25: expected 6.75");
    rejects(ensemble_mean(|x, p, f| f(&x.iter().map(|x| x * (1.0 - p)).collect::<Vec<_>>())), "the sum of");
}

#[test]
fn geometric_mean_of_distributions() {
    let in_logarithms = |members: &[Vec<f64>], weights: &[f64]| -> Vec<f64> {
        let logs: Vec<f64> =
            (0..members[0].len()).map(|k| members.iter().zip(weights).map(|(p, w)| w * p[k].ln()).sum()).collect();
        let sum: f64 = logs.iter().map(|l| l.exp()).sum();
        logs.iter().map(|l| l.exp() / sum).collect()
    };
    accepts(geometric_mean(in_logarithms));
    let by_powers = |members: &[Vec<f64>], weights: &[f64]| -> Vec<f64> {
        let means: Vec<f64> =
            (0..members[0].len()).map(|k| members.iter().zip(weights).map(|(p, w)| p[k].powf(*w)).product()).collect();
        means.iter().map(|m| m / means.iter().sum::<f64>()).collect()
    };
    accepts(geometric_mean(by_powers));
    rejects(geometric_mean(|_, _| todo!("logarithms")), "not written yet. logarithms");
    let unnormalised = |members: &[Vec<f64>], weights: &[f64]| -> Vec<f64> {
        (0..members[0].len()).map(|k| members.iter().zip(weights).map(|(p, w)| p[k].powf(*w)).product()).collect()
    };
    rejects(geometric_mean(unnormalised), "weights 0.5, entry 0: expected 0.666");
    let root_of_product = |members: &[Vec<f64>], _: &[f64]| -> Vec<f64> {
        let n = members.len() as f64;
        let means: Vec<f64> =
            (0..members[0].len()).map(|k| members.iter().map(|p| p[k]).product::<f64>().powf(1.0 / n)).collect();
        means.iter().map(|m| m / means.iter().sum::<f64>()).collect()
    };
    rejects(geometric_mean(root_of_product), "the same, weights 0.25 and 0.75, entry 0");
}

#[test]
fn monte_carlo_with_its_standard_error() {
    let two_passes = |pass: &mut dyn FnMut() -> f64, n: usize| {
        let y: Vec<f64> = (0..n).map(|_| pass()).collect();
        let mean = y.iter().sum::<f64>() / n as f64;
        let variance = y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
        (mean, (variance / n as f64).sqrt())
    };
    accepts(monte_carlo(two_passes));
    let welford = |pass: &mut dyn FnMut() -> f64, n: usize| {
        let (mut mean, mut squares) = (0.0, 0.0);
        for count in 1..=n {
            let y = pass();
            let step = y - mean;
            mean += step / count as f64;
            squares += step * (y - mean);
        }
        (mean, (squares / (n - 1) as f64 / n as f64).sqrt())
    };
    accepts(monte_carlo(welford));
    rejects(monte_carlo(|_, _| todo!("n passes")), "not written yet. n passes");
    let cancelling = |pass: &mut dyn FnMut() -> f64, n: usize| {
        let y: Vec<f64> = (0..n).map(|_| pass()).collect();
        let (mean, square) = (y.iter().sum::<f64>() / n as f64, y.iter().map(|y| y * y).sum::<f64>() / n as f64);
        (mean, ((square - mean * mean) / (n - 1) as f64).sqrt())
    };
    rejects(monte_carlo(cancelling), "where a difference of squares cancels: standard error");
    rejects(monte_carlo(|pass, _| (pass(), 0.0)), "expected 4 passes, got 1");
    let biased = |pass: &mut dyn FnMut() -> f64, n: usize| {
        let (mean, error) = two_passes(pass, n);
        (mean, error * ((n - 1) as f64 / n as f64).sqrt())
    };
    rejects(monte_carlo(biased), "passes 1, 3, 1, 3: standard error: expected 0.577");
}
