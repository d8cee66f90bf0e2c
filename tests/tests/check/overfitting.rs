//! The checks of `15-overfitting`: right answers pass, stubs and usual mistakes do not.

use candlelight::check::overfitting::*;
use candlelight_tests::{accepts, rejects};

fn patient(losses: &[f64], patience: usize) -> (usize, usize) {
    let mut best = 0;
    for t in 0..losses.len() {
        if losses[t] < losses[best] {
            best = t;
        } else if t - best >= patience {
            return (t + 1, best + 1);
        }
    }
    (losses.len(), best + 1)
}

#[test]
fn patience_counts_epochs_without_improvement() {
    accepts(patience(patient));
    // Another right way: the crate's own rule.
    let by_crate = |losses: &[f64], patience: usize| {
        use candlelight::train::{Decision, EarlyStopping, StoppingRule};
        let mut rule = EarlyStopping::new(StoppingRule::Patience { patience, min_delta: 0.0 }).unwrap();
        for &loss in losses {
            if rule.observe(0.0, loss).unwrap() == Decision::Stop {
                break;
            }
        }
        (rule.epochs(), rule.best_epoch().unwrap())
    };
    accepts(patience(by_crate));
    rejects(patience(|_, _| todo!("count the epochs since the best")), "not written yet. count the epochs");
    // Counts rises against the epoch before, not against the best.
    let against_last = |losses: &[f64], patience: usize| {
        let (mut rises, (_, best)) = (0, patient(losses, losses.len()));
        for t in 1..losses.len() {
            rises = if losses[t] > losses[t - 1] { rises + 1 } else { 0 };
            if rises >= patience {
                return (t + 1, best);
            }
        }
        (losses.len(), best)
    };
    rejects(patience(against_last), "expected to stop after epoch");
    // Gives the stopping epoch as the best.
    rejects(
        patience(|losses, wait| (patient(losses, wait).0, patient(losses, wait).0)),
        "losses [3.0, 2.0, 2.5, 2.0], patience 1: expected to stop after epoch 3 with epoch 2 the best, got 3 and 3",
    );
    // Counts epochs from 0.
    rejects(patience(|losses, wait| (patient(losses, wait).0 - 1, patient(losses, wait).1 - 1)), "got 2 and 2");
}

#[test]
fn folds_hold_each_sample_once() {
    let strided = |n: usize, k: usize| (0..k).map(|fold| (fold..n).step_by(k).collect()).collect();
    accepts(folds(strided));
    let blocks = |n: usize, k: usize| (0..k).map(|fold| (fold * n / k..(fold + 1) * n / k).collect()).collect();
    accepts(folds(blocks));
    rejects(folds(|_, _| todo!("deal the samples like cards")), "not written yet. deal the samples");
    // The training samples instead of those held out.
    let others = |n: usize, k: usize| (0..k).map(|fold| (0..n).filter(|i| i % k != fold).collect()).collect();
    rejects(folds(others), "6 samples in 3 folds: expected sample 0 in one fold, found it in 2");
    // All that is left goes into the last fold.
    let heavy_last = |n: usize, k: usize| {
        (0..k).map(|fold| (fold * (n / k)..if fold + 1 == k { n } else { (fold + 1) * (n / k) }).collect()).collect()
    };
    rejects(folds(heavy_last), "11 samples in 4 folds: expected sizes that differ by at most one, got [2, 2, 2, 5]");
    rejects(folds(|n, _| vec![(0..n).collect()]), "expected 3 folds, got 1");
    rejects(folds(|n, k| vec![vec![n]; k]), "expected samples below 6, got 6");
}

#[test]
fn flips_mirror_every_row() {
    let by_rows = |image: &[f64], width: usize| image.chunks(width).flat_map(|row| row.iter().rev().copied()).collect();
    accepts(flip(by_rows));
    let by_index = |image: &[f64], width: usize| {
        (0..image.len()).map(|i| image[i / width * width + width - 1 - i % width]).collect()
    };
    accepts(flip(by_index));
    rejects(flip(|_, _| todo!("turn each row round")), "not written yet. turn each row round");
    rejects(flip(|image, _| image.to_vec()), "entry 0: expected 2, got 1");
    // Upside down.
    rejects(
        flip(|image, width| image.chunks(width).rev().flatten().copied().collect()),
        "image [1.0, 2.0, 3.0, 4.0], width 2, entry 0: expected 2, got 3",
    );
}

#[test]
fn ensembles_average_probabilities() {
    let softmax = |z: &Vec<f64>| -> Vec<f64> {
        let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let exp: Vec<f64> = z.iter().map(|z| (z - max).exp()).collect();
        exp.iter().map(|e| e / exp.iter().sum::<f64>()).collect()
    };
    let mean = |members: &[Vec<f64>]| -> Vec<f64> {
        (0..members[0].len()).map(|k| members.iter().map(|m| m[k]).sum::<f64>() / members.len() as f64).collect()
    };
    let right = |members: &[Vec<f64>]| mean(&members.iter().map(softmax).collect::<Vec<_>>());
    accepts(ensemble(right));
    rejects(ensemble(|_| todo!("softmax of each member first")), "not written yet. softmax of each member first");
    rejects(ensemble(|members| softmax(&mean(members))), "that is the softmax of the mean logits");
    rejects(ensemble(|members| right(&members[..1])), "expected 0.7410");
    let naive = |members: &[Vec<f64>]| {
        let exp = |z: &Vec<f64>| z.iter().map(|v| v.exp() / z.iter().map(|z| z.exp()).sum::<f64>()).collect();
        mean(&members.iter().map(exp).collect::<Vec<_>>())
    };
    rejects(ensemble(naive), "logits [[1000.0, 0.0], [0.0, 1000.0]], entry 0: expected 0.5, got NaN");
}
