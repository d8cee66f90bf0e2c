//! The checks of `12-newton`: right answers pass, stubs and usual mistakes do not.

use candlelight::check::newton::*;
use candlelight_tests::{accepts, rejects};

fn solve([[a, b], [c, d]]: [[f64; 2]; 2], g: [f64; 2]) -> [f64; 2] {
    let det = a * d - b * c;
    [(b * g[1] - d * g[0]) / det, (c * g[0] - a * g[1]) / det]
}

fn least([[a, b], [_, d]]: [[f64; 2]; 2]) -> f64 {
    (a + d - ((a - d).powi(2) + 4.0 * b * b).sqrt()) / 2.0
}

#[test]
fn damped_steps() {
    let shifted = |h: [[f64; 2]; 2], tau: f64| [[h[0][0] + tau, h[0][1]], [h[1][0], h[1][1] + tau]];
    let right = move |h: [[f64; 2]; 2], g: [f64; 2], floor: f64| {
        let tau = (floor - least(h)).max(0.0);
        solve(shifted(h, tau), g)
    };
    accepts(damped_step(right));
    rejects(damped_step(|_, _, _| todo!("the least eigenvalue")), "not written yet. the least eigenvalue");
    rejects(damped_step(|h, g, _| solve(h, g)), "entry 1: expected -2, got 0.5: the step climbs");
    // Damps even where nothing is to be repaired.
    rejects(damped_step(move |h, g, floor| solve(shifted(h, floor), g)), "entry 0: expected -1, got -0.888889");
    // Uphill.
    let uphill = move |h: [[f64; 2]; 2], g: [f64; 2], floor: f64| right(h, g, floor).map(|p| -p);
    rejects(damped_step(uphill), "entry 0: expected -1, got 1: the step climbs");
}

#[test]
fn limits_of_memory_and_time() {
    let right = |bytes: f64, seconds: f64, speed: f64| {
        let (memory, time) = ((bytes / 8.0).sqrt(), (3.0 * seconds * speed).cbrt());
        memory.min(time).floor()
    };
    accepts(most_parameters(right));
    let counting = |bytes: f64, seconds: f64, speed: f64| {
        let mut p = 0.0;
        while 8.0 * (p + 1.0) * (p + 1.0) <= bytes && (p + 1.0) * (p + 1.0) * (p + 1.0) / 3.0 <= seconds * speed {
            p += 1.0;
        }
        p
    };
    accepts(most_parameters(counting));
    rejects(most_parameters(|_, _, _| todo!("two limits")), "not written yet. two limits");
    rejects(
        most_parameters(|bytes, _, _| (bytes / 8.0).sqrt().floor()),
        "800 bytes, 10 operations: expected 3, got 10",
    );
    rejects(most_parameters(|_, seconds, speed| (3.0 * seconds * speed).cbrt().floor()), "plenty of time: expected 10");
    // Bytes of numbers in F32.
    rejects(most_parameters(|bytes, s, v| right(2.0 * bytes, s, v)), "plenty of time: expected 10, got 14");
}

#[test]
fn means_of_inverses() {
    let right = |h: &[f64]| {
        let mut sum = 0.0;
        for a in h {
            for b in h {
                sum += 1.0 / ((a + b) / 2.0);
            }
        }
        sum / (h.len() * h.len()) as f64
    };
    accepts(mean_inverse(right));
    rejects(mean_inverse(|_| todo!("all pairs")), "not written yet. all pairs");
    let inverse_of_mean = |h: &[f64]| h.len() as f64 / h.iter().sum::<f64>();
    rejects(mean_inverse(inverse_of_mean), "got 0.5: that is 1/E[H]");
    // A batch of one.
    rejects(mean_inverse(|h| h.iter().map(|h| 1.0 / h).sum::<f64>() / h.len() as f64), "expected 0.58333");
    // Without the pairs of equals.
    let without = |h: &[f64]| {
        let n = h.len();
        let pairs = (0..n).flat_map(|i| (0..n).filter(move |j| *j != i).map(move |j| 2.0 / (h[i] + h[j])));
        pairs.sum::<f64>() / (n * (n - 1)) as f64
    };
    rejects(mean_inverse(without), "curvatures [1.0, 3.0]: expected 0.58333");
}

#[test]
fn jackknives() {
    let right = |h: &[f64]| {
        let n = h.len();
        let inverse = |skip: Option<usize>| {
            let kept: Vec<f64> = (0..n).filter(|i| Some(*i) != skip).map(|i| h[i]).collect();
            kept.len() as f64 / kept.iter().sum::<f64>()
        };
        let without = (0..n).map(|i| inverse(Some(i))).sum::<f64>() / n as f64;
        n as f64 * inverse(None) - (n as f64 - 1.0) * without
    };
    accepts(jackknife(right));
    rejects(jackknife(|_| todo!("leave one out")), "not written yet. leave one out");
    rejects(jackknife(|h| h.len() as f64 / h.iter().sum::<f64>()), "curvatures [1.0, 3.0]: expected 0.333333");
    // The mean of the estimates without one sample: more bias instead of less.
    let without = |h: &[f64]| {
        let sum: f64 = h.iter().sum();
        h.iter().map(|x| (h.len() as f64 - 1.0) / (sum - x)).sum::<f64>() / h.len() as f64
    };
    rejects(jackknife(without), "got 0.6666");
}
