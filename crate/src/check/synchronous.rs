//! Checks of the exercises of `16-synchronous-sgd`.

use std::sync::Arc;

use rand::Rng as _;

use super::{Difference, Trials, Verdict, draws, verdict};
use crate::distributed::{ClusterRun, Communicator, cluster};
use crate::rng::seeded;
use crate::{CommunicationError, Error, Result};

/// Exercise 1: the sum over all ranks, on all ranks, by recursive doubling; a power of two of them.
///
/// ```
/// use candlelight::{check, distributed::{Algorithm, Reduction}};
/// // The right sums, by another algorithm.
/// let verdict = check::synchronous::recursive_doubling(|comm, mut values| {
///     comm.all_reduce_with(&mut values, Reduction::Sum, Algorithm::Ring)?;
///     Ok(values)
/// });
/// assert!(verdict.to_string().contains("2 ranks, 1 number each: expected 1 round, got 2 rounds"), "{verdict}");
/// ```
pub fn recursive_doubling(answer: impl Fn(&Arc<dyn Communicator>, Vec<f64>) -> Result<Vec<f64>> + Sync) -> Verdict {
    verdict("recursive doubling", |trials| {
        for (size, len) in [(1, 3), (2, 1), (4, 5), (8, 6)] {
            // Sums of whole numbers are exact in any order.
            let numbers = |rank: usize| (0..len).map(|i| ((rank + 2) * (i + 3) % 11) as f64).collect::<Vec<f64>>();
            let sums: Vec<f64> = (0..len).map(|i| (0..size).map(|rank| numbers(rank)[i]).sum()).collect();
            let many = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
            let trial = format!("{}, {} each", many(size, "rank"), many(len, "number"));
            let run = ran(trials, &trial, cluster(size, |comm| answer(comm, numbers(comm.rank()))))?;
            for (rank, result) in run.results.iter().enumerate() {
                trials.all_close(&format!("{trial}, rank {rank}"), result, &sums, 0.0)?;
            }
            let log = size.ilog2() as usize;
            let (rounds, words) = (run.rounds(), |n| many(n, "round"));
            trials.holds(&trial, rounds == log, || format!("expected {}, got {}", words(log), words(rounds)))?;
            let (bytes, right) = (run.bytes(), 8 * size * log * len);
            trials.holds(&trial, bytes == right, || format!("expected {right} bytes in all, got {bytes}"))?;
        }
        Ok(())
    })
}

/// What the ranks returned. A panic of one goes on here, so that `todo!` is told from a mistake.
fn ran<T>(trials: &mut Trials, trial: &str, run: Result<ClusterRun<T>>) -> Result<ClusterRun<T>, Difference> {
    if let Err(Error::Communication(CommunicationError::Gone { reason, .. })) = &run
        && let Some(words) = reason.strip_prefix("it panicked: ")
    {
        std::panic::panic_any(words.to_owned());
    }
    let words = run.as_ref().map_or_else(ToString::to_string, |_| String::new());
    trials.holds(trial, run.is_ok(), || words)?;
    run.map_err(|error| Difference { trial: trial.to_owned(), difference: error.to_string() })
}

/// Exercise 2: the gradient over the samples of all workers, from the mean gradient of each over its own.
///
/// ```
/// use candlelight::check;
/// // The mean of the means, whatever they are means of.
/// let means = |gradients: &[Vec<f64>], _: &[usize]| {
///     let n = gradients.len() as f64;
///     (0..gradients[0].len()).map(|i| gradients.iter().map(|g| g[i]).sum::<f64>() / n).collect()
/// };
/// let verdict = check::synchronous::average(means).to_string();
/// assert!(verdict.contains("[[1.0], [4.0]] of [2, 1] samples, entry 0: expected 2, got 2.5"), "{verdict}");
/// ```
pub fn average(answer: impl Fn(&[Vec<f64>], &[usize]) -> Vec<f64>) -> Verdict {
    verdict("average of unequal batches", |trials| {
        let mut rng = seeded(2);
        let mut cases = vec![
            (vec![vec![1.0], vec![3.0]], vec![8, 8]),
            (vec![vec![1.0], vec![4.0]], vec![2, 1]),
            // The last batch of an epoch did not reach all workers.
            (vec![vec![1.0, -2.0], vec![0.0, 0.0], vec![4.0, 1.0]], vec![3, 0, 1]),
            (vec![vec![0.5, 0.25]], vec![7]),
        ];
        for workers in [3, 5] {
            let gradients = (0..workers).map(|_| draws(&mut rng, 4, 1.0)).collect();
            cases.push((gradients, (0..workers).map(|_| rng.random_range(1..40)).collect()));
        }
        cases.into_iter().try_for_each(|(gradients, samples)| {
            let all = samples.iter().sum::<usize>() as f64;
            let of = |i: usize| gradients.iter().zip(&samples).map(|(g, &m)| g[i] * m as f64).sum::<f64>() / all;
            let expected: Vec<f64> = (0..gradients[0].len()).map(of).collect();
            let trial = format!("{gradients:?} of {samples:?} samples");
            trials.all_close(&trial, &answer(&gradients, &samples), &expected, 1e-12)
        })
    })
}

/// Exercise 3: how many workers make a step shortest, of at most `most`, whose batch takes one worker `compute` seconds and is
/// shared evenly among them, with a ring whose messages take `latency` seconds and all gradients `transfer`.
///
/// ```
/// use candlelight::check;
/// // More is always better.
/// let verdict = check::synchronous::best_workers(|_, _, _, most| most).to_string();
/// assert!(verdict.contains("expected 7, got 64: a step takes 0.026 s with 7 and 0.128 s with 64"), "{verdict}");
/// ```
pub fn best_workers(answer: impl Fn(f64, f64, f64, usize) -> usize) -> Verdict {
    verdict("best number of workers", |trials| {
        let cases = [
            (1.0, 1e-4, 0.0, 64),   // by the latency alone: √(1/2 · 10⁴) = 70.7, more than there are
            (0.1, 1e-3, 0.0, 64),   // 7.07
            (1.0, 1e-3, 0.0, 1000), // 22.4
            (1.0, 1e-3, 0.1, 1000), // the bytes of a ring hardly grow with its ranks
            (0.01, 1e-2, 0.0, 64),  // communication costs more than it saves
            (0.06, 1e-4, 0.1, 64),  // so it does here, by its bytes
            (0.4, 1e-4, 0.1, 2),
        ];
        cases.into_iter().try_for_each(|(compute, latency, transfer, most)| {
            let seconds = |n: usize| {
                let ranks = n as f64;
                compute / ranks + 2.0 * (ranks - 1.0) * (latency + transfer / ranks)
            };
            let expected = (1..=most).min_by(|&a, &b| seconds(a).total_cmp(&seconds(b))).unwrap_or(1);
            let trial = format!("{compute} s, latency {latency} s, transfer {transfer} s, up to {most} workers");
            let got = answer(compute, latency, transfer, most);
            trials.holds(&trial, got == expected, || match got {
                0 => format!("expected {expected}, got 0"),
                _ => {
                    let (with, without) = (seconds(expected), seconds(got));
                    format!("expected {expected}, got {got}: a step takes {with:.3} s with {expected} and {without:.3} s with {got}")
                }
            })
        })
    })
}

/// Exercise 4: how long a step of `workers` takes in the mean, if each takes one of `times`, all equally likely.
///
/// ```
/// use candlelight::check;
/// let worst = |times: &[f64], _: usize| times.iter().copied().fold(0.0, f64::max);
/// let verdict = check::synchronous::slowest(worst).to_string();
/// assert!(verdict.contains("times [1.0, 2.0], 1 worker: expected 1.5, got 2"), "{verdict}");
/// ```
pub fn slowest(answer: impl Fn(&[f64], usize) -> f64) -> Verdict {
    verdict("the slowest of several", |trials| {
        let mut rng = seeded(4);
        let mut cases = vec![
            (vec![1.0, 2.0], 1),
            (vec![1.0, 2.0], 2),
            (vec![2.0, 1.0], 3), // not sorted
            (vec![1.0, 1.0, 1.0, 5.0], 2),
            (vec![1.0, 1.0, 5.0, 5.0], 10),
        ];
        for workers in [4, 50] {
            cases.push((draws(&mut rng, 7, 1.0).iter().map(|time| time + 2.0).collect(), workers));
        }
        cases.into_iter().try_for_each(|(times, workers)| {
            let mut sorted = times.clone();
            sorted.sort_by(f64::total_cmp);
            // That all are among the `rank` shortest.
            let below = |rank: usize| (rank as f64 / times.len() as f64).powi(workers as i32);
            let expected: f64 = (1..).zip(&sorted).map(|(rank, time)| time * (below(rank) - below(rank - 1))).sum();
            let plural = if workers == 1 { "" } else { "s" };
            let trial = format!("times {times:?}, {workers} worker{plural}");
            trials.close(&trial, answer(&times, workers), expected, 1e-9)
        })
    })
}
