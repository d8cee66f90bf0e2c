//! The checks of `02-law-of-large-numbers`: right answers pass, stubs and usual mistakes do not.

use candlelight::check::large_numbers::*;
use candlelight_tests::{accepts, rejects};

use crate::mean;

#[test]
fn means_of_the_first_values() {
    let each = |x: &[f64]| (1..=x.len()).map(|n| mean(&x[..n])).collect();
    accepts(running_means(each));
    // Another right way: the last mean moves by a part of the difference.
    let moving = |x: &[f64]| {
        let mut mean = 0.0;
        (1..)
            .zip(x)
            .map(|(n, x)| {
                mean += (x - mean) / f64::from(n);
                mean
            })
            .collect()
    };
    accepts(running_means(moving));
    rejects(running_means(|_| todo!("a sum that grows")), "not written yet. a sum that grows");
    rejects(running_means(|x| vec![mean(x); x.len()]), "of [1.0, 0.0, 0.0, 1.0], entry 0: expected 1, got 0.5");
    let late = |x: &[f64]| (0..x.len()).map(|n| mean(&x[..n])).collect();
    rejects(running_means(late), "entry 0: expected 1, got NaN");
}

#[test]
fn means_in_standard_errors() {
    let right = |x: &[f64], mu: f64, std: f64| (mean(x) - mu) * (x.len() as f64).sqrt() / std;
    accepts(standardize(right));
    let by_sum = |x: &[f64], mu: f64, std: f64| {
        let n = x.len() as f64;
        (x.iter().sum::<f64>() - n * mu) / (std * n.sqrt())
    };
    accepts(standardize(by_sum));
    rejects(standardize(|_, _, _| todo!("σ/√n")), "not written yet");
    rejects(standardize(|x, mu, std| (mean(x) - mu) / std), "expected 1, got 0.5");
    rejects(standardize(|x, mu, std| (mean(x) - mu) * x.len() as f64 / std), "expected 1, got 2");
}

#[test]
fn distance_to_a_distribution() {
    let right = |x: &[f64], cumulative: fn(f64) -> f64| {
        let mut x = x.to_vec();
        x.sort_by(f64::total_cmp);
        let n = x.len() as f64;
        (0..x.len())
            .map(|i| (cumulative(x[i]) - i as f64 / n).max((i + 1) as f64 / n - cumulative(x[i])))
            .fold(0.0, f64::max)
    };
    accepts(kolmogorov_smirnov(right));
    // Another right way: count, without sorting.
    let counting = |x: &[f64], cumulative: fn(f64) -> f64| {
        let share = |count: usize| count as f64 / x.len() as f64;
        let gap = |at: &f64| {
            let below = share(x.iter().filter(|x| *x < at).count());
            let up_to = share(x.iter().filter(|x| *x <= at).count());
            (cumulative(*at) - below).abs().max((up_to - cumulative(*at)).abs())
        };
        x.iter().map(gap).fold(0.0, f64::max)
    };
    accepts(kolmogorov_smirnov(counting));
    rejects(kolmogorov_smirnov(|_, _| todo!("sort")), "not written yet");
    let unsorted = |x: &[f64], cumulative: fn(f64) -> f64| {
        let n = x.len() as f64;
        (0..x.len())
            .map(|i| (cumulative(x[i]) - i as f64 / n).max((i + 1) as f64 / n - cumulative(x[i])))
            .fold(0.0, f64::max)
    };
    rejects(
        kolmogorov_smirnov(unsorted),
        "[0.2, 0.1], in this order, against the uniform distribution: expected 0.8, got 0.9",
    );
    let middle = |x: &[f64], cumulative: fn(f64) -> f64| {
        let mut x = x.to_vec();
        x.sort_by(f64::total_cmp);
        (0..x.len()).map(|i| (cumulative(x[i]) - (i as f64 + 0.5) / x.len() as f64).abs()).fold(0.0, f64::max)
    };
    rejects(kolmogorov_smirnov(middle), "[0.5] against the uniform distribution: expected 0.5, got 0");
}

#[test]
fn draws_for_a_margin() {
    let right = |std: f64, margin: f64, z: f64| (z * std / margin).powi(2).ceil() as usize;
    accepts(sample_size(right));
    let searched = |std: f64, margin: f64, z: f64| (1..).find(|n| z * std / (*n as f64).sqrt() <= margin).unwrap();
    accepts(sample_size(searched));
    rejects(sample_size(|_, _, _| todo!("z σ/√n ≤ margin")), "not written yet");
    rejects(sample_size(|std, margin, z| (z * std / margin).ceil() as usize), "expected 1068, got 33");
    rejects(sample_size(|std, margin, z| (z * std / margin).powi(2).floor() as usize), "expected 1068, got 1067");
}
