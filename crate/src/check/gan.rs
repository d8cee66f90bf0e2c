//! Checks of `20-gan`.

use rand::Rng as _;

use super::{Verdict, draws, softmax, verdict};
use crate::data::Modes;
use crate::rng::seeded;

/// Exercise 1: the best discriminator where the targets are `1 - alpha` for real samples and `beta` for generated ones, at
/// points where the densities are p and q.
///
/// ```
/// use candlelight::check;
/// // Smooths the targets of the real samples only.
/// let one_sided = |p: f64, q: f64, alpha: f64, _beta: f64| (1.0 - alpha) * p / (p + q);
/// let verdict = check::gan::smoothed(one_sided).to_string();
/// assert!(verdict.contains("p = 1, q = 1, alpha = 0, beta = 0.5: expected 0.75, got 0.5"), "{verdict}");
/// ```
pub fn smoothed(answer: impl Fn(f64, f64, f64, f64) -> f64) -> Verdict {
    verdict("smoothed targets", |trials| {
        let mut rng = seeded(1);
        let mut cases = vec![
            [3.0, 1.0, 0.0, 0.0],
            [1.0, 3.0, 0.1, 0.0],
            [1.0, 1.0, 0.0, 0.5],
            [0.0, 2.0, 0.1, 0.2],
            [2.0, 0.0, 0.1, 0.2],
            [1e-200, 3e-200, 0.2, 0.1],
        ];
        cases.extend((0..10).map(|_| [0, 1, 2, 3].map(|_| (rng.random::<f64>() * 100.0).round() / 100.0 + 0.01)));
        for [p, q, alpha, beta] in cases {
            let expected = (1.0 - alpha) * (p / (p + q)) + beta * (q / (p + q));
            let trial = format!("p = {p}, q = {q}, alpha = {alpha}, beta = {beta}");
            trials.close(&trial, answer(p, q, alpha, beta), expected, 1e-12)?;
        }
        Ok(())
    })
}

/// Exercise 2: the share of each sample of a batch in the pull on it, |slope| / sum of |slopes| with respect to the logits of the
/// discriminator, by the minimax and by the non-saturating loss of the generator.
///
/// ```
/// use candlelight::check;
/// // Divides D by its sum, both of which underflow.
/// let sigmoid = |d: f64| 1.0 / (1.0 + (-d).exp());
/// let naive = |logits: &[f64]| {
///     let of = |sign: f64| -> Vec<f64> {
///         let pull: Vec<f64> = logits.iter().map(|d| sigmoid(sign * d)).collect();
///         pull.iter().map(|one| one / pull.iter().sum::<f64>()).collect()
///     };
///     (of(1.), of(-1.))
/// };
/// let verdict = check::gan::shares(naive).to_string();
/// assert!(verdict.contains("minimax, logits [-1000.0, -1001.0], entry 0: expected 0.73"), "{verdict}");
/// ```
pub fn shares(answer: impl Fn(&[f64]) -> (Vec<f64>, Vec<f64>)) -> Verdict {
    verdict("shares in the pull", |trials| {
        let mut rng = seeded(2);
        let cases = vec![
            vec![0.5],
            vec![-2.0, 1.0],
            vec![-1000.0, -1001.0],
            vec![1000.0, 1002.0, 1000.0],
            vec![-1000.0, 1000.0],
            draws(&mut rng, 7, 5.0),
        ];
        for logits in cases {
            let (minimax, other) = answer(&logits);
            for (name, got, of) in [("minimax", minimax, 1.0), ("non-saturating", other, -1.0)] {
                let trial = format!("{name}, logits {logits:?}");
                // ln σ(d) = -ln(1 + e^-d), and the softmax of the logarithms.
                let log_sigmoid = |d: f64| d.min(0.0) - (-d.abs()).exp().ln_1p();
                let expected = softmax(&logits.iter().map(|&d| log_sigmoid(of * d)).collect::<Vec<f64>>());
                trials.all_close(&trial, &got, &expected, 1e-12)?;
            }
        }
        Ok(())
    })
}

/// Exercise 3: how many modes are covered, and which share of the samples is good: within three standard deviations of a mode.
///
/// ```
/// use candlelight::check;
/// // Asks each coordinate by itself: a square in place of a disk.
/// let square = |samples: &[[f64; 2]], modes: &[[f64; 2]], std: f64| {
///     let good = |x: &[f64; 2], c: &[f64; 2]| (0..2).all(|axis| (x[axis] - c[axis]).abs() < 3. * std);
///     let covered = modes.iter().filter(|c| samples.iter().any(|x| good(x, c))).count();
///     let share = samples.iter().filter(|x| modes.iter().any(|c| good(x, c))).count() as f64;
///     (covered, share / samples.len() as f64)
/// };
/// let verdict = check::gan::coverage(square).to_string();
/// assert!(verdict.contains("a sample 2.5 standard deviations away along both axes: expected 0 modes"), "{verdict}");
/// ```
pub fn coverage(answer: impl Fn(&[[f64; 2]], &[[f64; 2]], f64) -> (usize, f64)) -> Verdict {
    verdict("mode coverage", |trials| {
        let mut rng = seeded(3);
        let corners = vec![[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]];
        let grid = Modes::grid();
        let noise = (0..400).map(|_| [(); 2].map(|()| rng.random_range(-5.0..5.0))).collect();
        let cases = [
            ("one sample at a mode", vec![[10.0, 10.0]], corners.clone(), 1.0),
            ("three samples at one mode", vec![[0.0, 0.1], [0.1, 0.0], [0.0, 0.0]], corners.clone(), 1.0),
            ("a sample 2.5 standard deviations away along both axes", vec![[2.5, 2.5]], corners.clone(), 1.0),
            ("samples at two modes, and between them", vec![[0.0, 0.0], [10.0, 1.0], [5.0, 5.0]], corners.clone(), 1.0),
            ("a standard deviation of 0.1, samples 0.2 and 0.4 away", vec![[0.2, 0.0], [10.4, 0.0]], corners, 0.1),
            ("modes that overlap", vec![[0.5, 0.0], [9.0, 9.0]], vec![[0.0, 0.0], [1.0, 0.0]], 1.0),
            ("400 samples of noise on the grid of 25", noise, grid.centers().to_vec(), grid.std() * 4.0),
        ];
        for (trial, samples, modes, std) in cases {
            let expected = covered(&samples, &modes, std);
            let got = answer(&samples, &modes, std);
            let same = got.0 == expected.0 && (got.1 - expected.1).abs() < 1e-12;
            trials.holds(trial, same, || {
                format!(
                    "expected {} modes and a share of {:.4}, got {} and {:.4}",
                    expected.0, expected.1, got.0, got.1
                )
            })?;
        }
        Ok(())
    })
}

/// A good sample belongs to the closest mode alone.
fn covered(samples: &[[f64; 2]], modes: &[[f64; 2]], std: f64) -> (usize, f64) {
    let mut found = vec![false; modes.len()];
    let mut good = 0;
    for x in samples {
        let distance = |k: usize| (x[0] - modes[k][0]).hypot(x[1] - modes[k][1]);
        let closest = (0..modes.len()).min_by(|&a, &b| distance(a).total_cmp(&distance(b)));
        if let Some(mode) = closest.filter(|&mode| distance(mode) < 3.0 * std) {
            found[mode] = true;
            good += 1;
        }
    }
    (found.iter().filter(|found| **found).count(), good as f64 / samples.len() as f64)
}

/// Exercise 4: samples in packs of `m`, one after the other in a row; what is left over is dropped.
///
/// ```
/// use candlelight::check;
/// // Every m neighbours, so that a sample is in several packs.
/// let windows = |samples: &[Vec<f64>], m: usize| samples.windows(m).map(|pack| pack.concat()).collect();
/// let verdict = check::gan::pack(windows).to_string();
/// assert!(verdict.contains("4 samples of 1 number, packs of 2: expected 2 packs, got 3"), "{verdict}");
/// ```
pub fn pack(answer: impl Fn(&[Vec<f64>], usize) -> Vec<Vec<f64>>) -> Verdict {
    verdict("packing", |trials| {
        for (n, d, m) in [(4, 1, 2), (6, 2, 3), (5, 2, 2), (3, 4, 1), (2, 3, 3), (12, 2, 4)] {
            let samples: Vec<Vec<f64>> =
                (0..n).map(|i| (0..d).map(|k| (10 * i + k) as f64).collect::<Vec<f64>>()).collect();
            let numbers = if d == 1 { "number" } else { "numbers" };
            let trial = format!("{n} samples of {d} {numbers}, packs of {m}");
            let got = answer(&samples, m);
            let expected: Vec<Vec<f64>> = samples.chunks_exact(m).map(<[Vec<f64>]>::concat).collect();
            trials.holds(&trial, got.len() == expected.len(), || {
                format!("expected {} packs, got {}", expected.len(), got.len())
            })?;
            let whole = got.iter().all(|pack| pack.len() == m * d);
            trials.holds(&trial, whole, || format!("expected {} numbers in each pack, got {got:?}", m * d))?;
            // Any order will do in which each sample is whole, and in one pack.
            let mut taken: Vec<Vec<f64>> = got.iter().flat_map(|pack| pack.chunks(d).map(<[f64]>::to_vec)).collect();
            taken.sort_by(|a, b| a[0].total_cmp(&b[0]));
            let mixed = taken.iter().find(|sample| !samples.contains(sample));
            trials.holds(&trial, mixed.is_none(), || {
                format!("expected whole samples, got {mixed:?} among them, of {samples:?}")
            })?;
            let twice = taken.windows(2).find(|pair| pair[0] == pair[1]);
            trials.holds(&trial, twice.is_none(), || format!("expected each sample once, got {twice:?} twice"))?;
        }
        Ok(())
    })
}
