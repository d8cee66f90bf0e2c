//! The checks of `16-synchronous-sgd`: right answers pass, stubs and usual mistakes do not.

use std::sync::Arc;

use candlelight::Result;
use candlelight::check::synchronous::*;
use candlelight::distributed::{Algorithm, Communicator, Reduction};
use candlelight_tests::{accepts, rejects};

/// Exchanges with the partner at each distance, and joins what comes by `join`.
fn doubling(
    comm: &Arc<dyn Communicator>,
    mut values: Vec<f64>,
    partner: fn(usize, usize, usize) -> usize,
    join: fn(f64, f64) -> f64,
) -> Result<Vec<f64>> {
    for k in 0..comm.size().ilog2() {
        let peer = partner(comm.rank(), 1 << k, comm.size());
        let theirs = comm.send_recv(&values, peer, values.len(), peer, k)?.values;
        values.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine = join(*mine, theirs));
    }
    Ok(values)
}

fn sum(a: f64, b: f64) -> f64 {
    a + b
}

#[test]
fn recursive_doubling_by_hand() {
    accepts(recursive_doubling(|comm, values| doubling(comm, values, |rank, distance, _| rank ^ distance, sum)));
    // From the largest distance down.
    accepts(recursive_doubling(|comm, values| {
        doubling(comm, values, |rank, distance, size| rank ^ (size / 2 / distance), sum)
    }));
    accepts(recursive_doubling(|comm, mut values| {
        comm.all_reduce_with(&mut values, Reduction::Sum, Algorithm::RecursiveDoubling)?;
        Ok(values)
    }));
    rejects(recursive_doubling(|_, _| todo!("who is the partner?")), "not written yet. who is the partner?");
    rejects(recursive_doubling(|_, values| Ok(values)), "2 ranks, 1 number each, rank 0, entry 0: expected");
    // Only the first distance: half of the ranks are missing.
    rejects(
        recursive_doubling(|comm, values| doubling(comm, values, |rank, _, _| rank ^ 1, sum)),
        "4 ranks, 5 numbers each, rank 0, entry 0: expected",
    );
    rejects(
        recursive_doubling(|comm, values| {
            doubling(comm, values, |rank, distance, _| rank ^ distance, |a, b| (a + b) / 2.0)
        }),
        "2 ranks, 1 number each, rank 0, entry 0: expected",
    );
    // Nobody sends before it has received.
    rejects(
        recursive_doubling(|comm, values| match comm.size() {
            1 => Ok(values),
            _ => Ok(comm.recv(values.len(), comm.rank() ^ 1, 0)?.values),
        }),
        "cannot go on in recv, for all ranks wait",
    );
    // Right, and too dear.
    for algorithm in [Algorithm::Ring, Algorithm::Tree, Algorithm::Rabenseifner] {
        let other = |comm: &Arc<dyn Communicator>, mut values: Vec<f64>| {
            comm.all_reduce_with(&mut values, Reduction::Sum, algorithm)?;
            Ok(values)
        };
        rejects(recursive_doubling(other), "2 ranks, 1 number each: expected 1 round, got 2 rounds");
    }
}

fn weighted(gradients: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    (0..gradients[0].len()).map(|i| gradients.iter().zip(weights).map(|(g, w)| g[i] * w).sum()).collect()
}

#[test]
fn unequal_batches() {
    accepts(average(|gradients, samples| {
        let all = samples.iter().sum::<usize>() as f64;
        weighted(gradients, &samples.iter().map(|&m| m as f64 / all).collect::<Vec<_>>())
    }));
    // Sums first, one division last.
    accepts(average(|gradients, samples| {
        let sums = weighted(gradients, &samples.iter().map(|&m| m as f64).collect::<Vec<_>>());
        sums.iter().map(|sum| sum / samples.iter().sum::<usize>() as f64).collect()
    }));
    rejects(average(|_, _| todo!("weights")), "not written yet. weights");
    let mean =
        |gradients: &[Vec<f64>], _: &[usize]| weighted(gradients, &vec![1.0 / gradients.len() as f64; gradients.len()]);
    rejects(average(mean), "[[1.0], [4.0]] of [2, 1] samples, entry 0: expected 2, got 2.5");
    let sum = |gradients: &[Vec<f64>], _: &[usize]| weighted(gradients, &vec![1.0; gradients.len()]);
    rejects(average(sum), "[[1.0], [3.0]] of [8, 8] samples, entry 0: expected 2, got 4");
    // Workers without samples left out, the others alike.
    let present = |gradients: &[Vec<f64>], samples: &[usize]| {
        let n = samples.iter().filter(|&&m| m > 0).count() as f64;
        weighted(gradients, &samples.iter().map(|&m| if m > 0 { 1.0 / n } else { 0.0 }).collect::<Vec<_>>())
    };
    rejects(average(present), "[[1.0], [4.0]] of [2, 1] samples, entry 0: expected 2, got 2.5");
}

fn seconds(compute: f64, latency: f64, transfer: f64, n: usize) -> f64 {
    let n = n as f64;
    compute / n + 2.0 * (n - 1.0) * (latency + transfer / n)
}

#[test]
fn the_best_number_of_workers() {
    let best = |of: fn(f64, f64, f64, usize) -> f64| {
        move |compute: f64, latency: f64, transfer: f64, most: usize| {
            let at = |&a: &usize, &b: &usize| {
                of(compute, latency, transfer, a).total_cmp(&of(compute, latency, transfer, b))
            };
            (1..=most).min_by(at).unwrap()
        }
    };
    accepts(best_workers(best(seconds)));
    rejects(best_workers(|_, _, _, _| todo!("try all")), "not written yet. try all");
    rejects(best_workers(|_, _, _, most| most), "expected 7, got 64");
    rejects(best_workers(|_, _, _, _| 0), "expected 64, got 0");
    // The latency alone, from the derivative.
    rejects(
        best_workers(|compute, latency, _, most| ((compute / (2.0 * latency)).sqrt().round() as usize).clamp(1, most)),
        "1 s, latency 0.001 s, transfer 0.1 s, up to 1000 workers: expected 20, got 22",
    );
    // All the gradients in every message, as in a tree.
    let whole =
        |compute, latency, transfer, n: usize| compute / n as f64 + 2.0 * (n as f64 - 1.0) * (latency + transfer);
    rejects(best_workers(best(whole)), "transfer 0.1 s, up to 1000 workers: expected 20, got 2");
    // Half of the rounds.
    let once = |compute: f64, latency, transfer, n: usize| {
        compute / n as f64 + (n as f64 - 1.0) * (latency + transfer / n as f64)
    };
    rejects(best_workers(best(once)), "0.1 s, latency 0.001 s, transfer 0 s, up to 64 workers: expected 7, got 10");
}

#[test]
fn the_slowest() {
    let by_ranks = |times: &[f64], n: usize| {
        let mut times = times.to_vec();
        times.sort_by(f64::total_cmp);
        let share = |k: usize| (k as f64 / times.len() as f64).powi(n as i32);
        (0..times.len()).map(|k| times[k] * (share(k + 1) - share(k))).sum::<f64>()
    };
    accepts(slowest(by_ranks));
    // One more worker at a time: the distribution of the largest so far.
    accepts(slowest(|times, n| {
        let m = times.len();
        let mut share = vec![1.0 / m as f64; m];
        for _ in 1..n {
            let mut next = vec![0.0; m];
            for (i, &of_largest) in share.iter().enumerate() {
                for j in 0..m {
                    next[if times[j] > times[i] { j } else { i }] += of_largest / m as f64;
                }
            }
            share = next;
        }
        times.iter().zip(share).map(|(time, share)| time * share).sum()
    }));
    rejects(slowest(|_, _| todo!("powers")), "not written yet. powers");
    let mean = |times: &[f64], _: usize| times.iter().sum::<f64>() / times.len() as f64;
    rejects(slowest(mean), "times [1.0, 2.0], 2 workers: expected 1.75, got 1.5");
    rejects(slowest(|times, _| times.iter().copied().fold(0.0, f64::max)), "1 worker: expected 1.5, got 2");
    // The sorting forgotten.
    let unsorted = |times: &[f64], n: usize| {
        let share = |k: usize| (k as f64 / times.len() as f64).powi(n as i32);
        (0..times.len()).map(|k| times[k] * (share(k + 1) - share(k))).sum::<f64>()
    };
    rejects(slowest(unsorted), "times [2.0, 1.0], 3 workers: expected 1.875, got 1.125");
    // The formula of exponential times.
    let harmonic = move |times: &[f64], n: usize| mean(times, n) * (1..=n).map(|k| 1.0 / k as f64).sum::<f64>();
    rejects(slowest(harmonic), "times [1.0, 2.0], 2 workers: expected 1.75, got 2.25");
}
