//! The checks of `20-gan`: right answers pass, stubs and usual mistakes do not.

use candlelight::check::gan::*;
use candlelight_tests::{accepts, rejects};

#[test]
fn smoothed_targets_move_the_best_discriminator() {
    accepts(smoothed(|p, q, alpha, beta| ((1.0 - alpha) * p + beta * q) / (p + q)));
    // As a mean of the two targets, by the probability that the sample is real.
    accepts(smoothed(|p, q, alpha, beta| {
        let real = 1.0 / (1.0 + q / p);
        real * (1.0 - alpha) + (1.0 - real) * beta
    }));
    rejects(smoothed(|_, _, _, _| todo!("set the derivative to 0")), "not written yet. set the derivative to 0");
    rejects(smoothed(|p, q, _, _| p / (p + q)), "p = 1, q = 3, alpha = 0.1, beta = 0: expected 0.225");
    rejects(smoothed(|p, q, alpha, _| (1.0 - alpha) * p / (p + q)), "beta = 0.5: expected 0.75, got 0.5");
    // Real and generated exchanged.
    rejects(smoothed(|p, q, alpha, beta| ((1.0 - alpha) * q + beta * p) / (p + q)), "expected 0.75, got 0.25");
    // The densities weighted as if the denominator changed too.
    rejects(
        smoothed(|p, q, alpha, beta| (1.0 - alpha) * p / ((1.0 - alpha) * p + (1.0 - beta) * q)),
        "p = 1, q = 3, alpha = 0.1",
    );
    rejects(smoothed(|p, q, alpha, beta| (1.0 - alpha) * p / (p + q) - beta * q / (p + q)), "got 0.25");
}

fn sigmoid(d: f64) -> f64 {
    1.0 / (1.0 + (-d).exp())
}

#[test]
fn slopes_are_those_of_both_losses() {
    accepts(slopes(|logits| {
        let n = logits.len() as f64;
        logits.iter().map(|&d| (-sigmoid(d) / n, -sigmoid(-d) / n)).unzip()
    }));
    // By the crate's own losses.
    accepts(slopes(|logits| {
        use candlelight::gan::AdversarialLoss;
        use candlelight::prelude::*;
        let d = Var::new(logits, &Device::Cpu).unwrap();
        let slope = |loss: AdversarialLoss| {
            let gradients = loss.generator(&d).unwrap().backward().unwrap();
            gradients.get(&d).unwrap().to_vec1::<f64>().unwrap()
        };
        (slope(AdversarialLoss::Minimax), slope(AdversarialLoss::NonSaturating))
    }));
    rejects(slopes(|_| todo!("chain rule")), "not written yet. chain rule");
    rejects(
        slopes(|logits| logits.iter().map(|&d| (-sigmoid(d), -sigmoid(-d))).unzip()),
        "minimax, logits [-2.0, 1.0]: expected [-0.0596",
    );
    let with = |f: fn(f64) -> (f64, f64)| {
        slopes(move |logits| {
            let n = logits.len() as f64;
            logits.iter().map(|&d| (f(d).0 / n, f(d).1 / n)).unzip()
        })
    };
    accepts(with(|d| (-sigmoid(d), sigmoid(d) - 1.0)));
    // Exchanged, and without the sign.
    rejects(with(|d| (-sigmoid(-d), -sigmoid(d))), "minimax, logits [-2.0, 1.0], entry 0: expected -0.0596");
    rejects(with(|d| (sigmoid(d), sigmoid(-d))), "minimax, logits [0.0], entry 0: expected -0.5, got 0.5");
    // With respect to D, not to its logit.
    rejects(with(|d| (-1.0 / (1.0 - sigmoid(d)), -1.0 / sigmoid(d))), "expected -0.5, got -2");
    // Overflows: e^1000 / (1 + e^1000).
    rejects(with(|d| (-d.exp() / (1.0 + d.exp()), -1.0 / (1.0 + d.exp()))), "expected -0.5, got NaN");
}

#[test]
fn coverage_counts_good_samples() {
    let distance = |x: &[f64; 2], c: &[f64; 2]| ((x[0] - c[0]).powi(2) + (x[1] - c[1]).powi(2)).sqrt();
    let nearest = |x: &[f64; 2], modes: &[[f64; 2]]| {
        (0..modes.len()).min_by(|&a, &b| distance(x, &modes[a]).total_cmp(&distance(x, &modes[b]))).unwrap()
    };
    let right = |samples: &[[f64; 2]], modes: &[[f64; 2]], std: f64| {
        let mut counts = vec![0; modes.len()];
        for x in samples {
            let mode = nearest(x, modes);
            counts[mode] += usize::from(distance(x, &modes[mode]) < 3.0 * std);
        }
        let good: usize = counts.iter().sum();
        (counts.iter().filter(|&&count| count > 0).count(), good as f64 / samples.len() as f64)
    };
    accepts(coverage(right));
    // By the crate.
    accepts(coverage(|samples, modes, std| {
        use candlelight::{data::Modes, metrics::generative::ModeCoverage, prelude::*};
        let samples = Tensor::from_vec(samples.concat(), (samples.len(), 2), &Device::Cpu).unwrap();
        let coverage = ModeCoverage::new(&samples, &Modes::new(modes.to_vec(), std).unwrap()).unwrap();
        (coverage.covered(), coverage.good_share())
    }));
    rejects(coverage(|_, _, _| todo!("the closest mode first")), "not written yet. the closest mode first");
    // Counts the closest mode as covered, however far.
    rejects(
        coverage(|samples, modes, _| {
            let mut found: Vec<usize> = samples.iter().map(|x| nearest(x, modes)).collect();
            found.sort_unstable();
            found.dedup();
            (found.len(), 1.0)
        }),
        "2.5 standard deviations away along both axes: expected 0 modes and a share of 0.0000, got 1 and 1.0000",
    );
    // Counts good samples as modes.
    rejects(
        coverage(|samples, modes, std| {
            let (_, share) = right(samples, modes, std);
            ((share * samples.len() as f64).round() as usize, share)
        }),
        "three samples at one mode: expected 1 modes and a share of 1.0000, got 3 and 1.0000",
    );
    // Three, not three standard deviations; and one standard deviation.
    rejects(coverage(|samples, modes, _| right(samples, modes, 1.0)), "a standard deviation of 0.1");
    rejects(coverage(|samples, modes, std| right(samples, modes, std / 3.0)), "expected");
    // Every mode that is near enough, not the closest.
    rejects(
        coverage(|samples, modes, std| {
            let near = |c: &&[f64; 2]| samples.iter().any(|x| distance(x, c) < 3.0 * std);
            (modes.iter().filter(near).count(), right(samples, modes, std).1)
        }),
        "modes that overlap: expected 1 modes",
    );
    // Share of the modes, not of the samples.
    rejects(
        coverage(|samples, modes, std| {
            let (found, _) = right(samples, modes, std);
            (found, found as f64 / modes.len() as f64)
        }),
        "one sample at a mode: expected 1 modes and a share of 1.0000, got 1 and 0.2500",
    );
}

#[test]
fn packs_hold_whole_samples_once() {
    accepts(pack(|samples, m| samples.chunks_exact(m).map(<[Vec<f64>]>::concat).collect()));
    // Another right way: the i-th of each of m parts.
    accepts(pack(|samples, m| {
        let packs = samples.len() / m;
        (0..packs).map(|i| (0..m).flat_map(|part| samples[part * packs + i].clone()).collect()).collect()
    }));
    rejects(pack(|_, _| todo!("chunks of m")), "not written yet. chunks of m");
    rejects(pack(|samples, m| samples.windows(m).map(<[Vec<f64>]>::concat).collect()), "expected 2 packs, got 3");
    // Keeps what is left over.
    rejects(
        pack(|samples, m| samples.chunks(m).map(<[Vec<f64>]>::concat).collect()),
        "5 samples of 2 numbers, packs of 2: expected 2 packs, got 3",
    );
    // The same sample m times.
    rejects(
        pack(|samples, m| samples.iter().take(samples.len() / m).map(|x| x.repeat(m)).collect()),
        "4 samples of 1 number, packs of 2: expected each sample once",
    );
    // Number by number instead of sample by sample.
    rejects(
        pack(|samples, m| {
            let d = samples[0].len();
            samples.chunks_exact(m).map(|p| (0..d).flat_map(|k| p.iter().map(move |x| x[k])).collect()).collect()
        }),
        "6 samples of 2 numbers, packs of 3: expected whole samples",
    );
    // A mean of the pack.
    rejects(
        pack(|samples, m| samples.chunks_exact(m).map(|p| vec![p[0].iter().sum::<f64>()]).collect()),
        "expected 2 numbers in each pack",
    );
}
