//! The checks of `17-asynchronous-sgd`: right answers pass, stubs and usual mistakes do not.

use candlelight::check::asynchronous::*;
use candlelight_tests::{accepts, rejects};

#[test]
fn the_age_of_gradients() {
    let by_versions = |order: &[usize]| {
        let mut read = [0; 16];
        let age = |(t, &worker): (usize, &usize)| {
            let age = t - read[worker];
            read[worker] = t + 1;
            age
        };
        order.iter().enumerate().map(age).collect()
    };
    accepts(staleness(by_versions));
    // The others' updates since the worker's own last one, counted.
    accepts(staleness(|order| {
        (0..order.len())
            .map(|t| order[..t].iter().rev().take_while(|worker| **worker != order[t]).count())
            .collect::<Vec<_>>()
    }));
    rejects(staleness(|_| todo!("a version for each worker")), "not written yet. a version for each worker");
    // Every worker N - 1, also at the start.
    rejects(
        staleness(|order| {
            let workers = order.iter().collect::<std::collections::BTreeSet<_>>().len();
            vec![workers.saturating_sub(1); order.len()]
        }),
        "order [1, 2, 3, 1, 2, 3]: expected [0, 1, 2, 2, 2, 2], got [2, 2, 2, 2, 2, 2]",
    );
    // The other workers that came in between, not their updates.
    rejects(
        staleness(|order| {
            let between = |t: usize| {
                let since: Vec<usize> =
                    order[..t].iter().rev().take_while(|worker| **worker != order[t]).copied().collect();
                since.into_iter().collect::<std::collections::BTreeSet<_>>().len()
            };
            (0..order.len()).map(between).collect()
        }),
        "order [1, 1, 1, 2, 1]: expected [0, 0, 0, 3, 1], got [0, 0, 0, 1, 1]",
    );
    // A worker that has not come yet counts from its first.
    rejects(
        staleness(|order| {
            let mut read = vec![None; 16];
            let age = |(t, &worker): (usize, &usize)| {
                let age = read[worker].map_or(0, |read: usize| t - read);
                read[worker] = Some(t + 1);
                age
            };
            order.iter().enumerate().map(age).collect()
        }),
        "order [1, 2, 3, 1, 2, 3]: expected [0, 1, 2",
    );
}

#[test]
fn delays_compensated() {
    let with = |f: fn(f64, f64, f64, f64) -> f64| {
        move |g: &[f64], w: &[f64], read: &[f64], lambda: f64| {
            (0..g.len()).map(|i| f(g[i], w[i], read[i], lambda)).collect()
        }
    };
    accepts(compensated(with(|g, w, read, lambda| g * (1.0 + lambda * g * (w - read)))));
    rejects(compensated(|_, _, _, _| todo!("entry by entry")), "not written yet. entry by entry");
    rejects(compensated(with(|g, w, read, lambda| g + lambda * g * (w - read))), "expected 4, got 3");
    // Its size, without the sign of the difference.
    rejects(compensated(with(|g, w, read, lambda| g + lambda * g * g * (w - read).abs())), "g = -3");
    rejects(compensated(with(|g, w, read, lambda| g + lambda * g * g.abs() * (w - read))), "g = -3");
    rejects(compensated(with(|g, w, read, _| g + g * g * (w - read))), "λ = 0, entry 0: expected 2, got 4");
}

#[test]
fn who_may_start() {
    accepts(may_start(|clocks, worker, ahead| clocks[worker] - clocks.iter().min().unwrap_or(&0) <= ahead));
    rejects(may_start(|_, _, _| todo!("the slowest")), "not written yet. the slowest");
    // Strictly less; the next gradient counted already.
    rejects(
        may_start(|clocks, worker, ahead| clocks[worker] - clocks.iter().min().unwrap_or(&0) < ahead),
        "sent [0, 0, 0], worker 1, at most 0 ahead: expected true, got false",
    );
    rejects(
        may_start(|clocks, worker, ahead| {
            let mean = clocks.iter().sum::<usize>() as f64 / clocks.len() as f64;
            clocks[worker] as f64 <= mean + ahead as f64
        }),
        "expected false, got true",
    );
    rejects(may_start(|_, _, _| true), "sent [1, 0], worker 0, at most 0 ahead: expected false, got true");
    // The slowest must wait for the fastest.
    rejects(
        may_start(|clocks, worker, ahead| clocks.iter().all(|clock| clock.abs_diff(clocks[worker]) <= ahead)),
        "sent [4, 1], worker 1, at most 2 ahead: expected true, got false",
    );
}

/// What travels, and the rest, by what is added up and what is left.
fn top(gradient: &[f64], memory: &mut [f64], k: usize, forgets: bool, keeps_sent: bool) -> Vec<f64> {
    let whole: Vec<f64> = gradient.iter().zip(&*memory).map(|(g, e)| g + e).collect();
    let mut sizes: Vec<(f64, usize)> = whole.iter().enumerate().map(|(i, x)| (x.abs(), i)).collect();
    sizes.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut sent = vec![0.0; whole.len()];
    for &(_, i) in &sizes[..k] {
        sent[i] = whole[i];
    }
    for i in 0..whole.len() {
        memory[i] = match (forgets, keeps_sent) {
            (true, _) => 0.0,
            (_, true) => whole[i],
            _ => whole[i] - sent[i],
        };
    }
    sent
}

#[test]
fn the_largest_travel() {
    accepts(compress(|gradient, memory, k| top(gradient, memory, k, false, false)));
    rejects(compress(|_, _, _| todo!("add, choose, keep the rest")), "not written yet. add, choose");
    rejects(
        compress(|gradient, memory, k| top(gradient, memory, k, true, false)),
        "k = 1: memory, entry 0: expected 1, got 0",
    );
    rejects(
        compress(|gradient, memory, k| top(gradient, memory, k, false, true)),
        "k = 1: memory, entry 1: expected 0, got -3",
    );
    // The rest of this gradient alone replaces the memory.
    rejects(
        compress(|gradient, memory, k| {
            let sent = top(gradient, memory, k, false, false);
            (0..sent.len()).for_each(|i| memory[i] = if sent[i] == 0.0 { gradient[i] } else { 0.0 });
            sent
        }),
        "gradient 2 of [[1.0, -3.0, 2.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]], k = 1: memory, entry 0: expected 1, got 0",
    );
    // The choice by the gradient alone.
    rejects(
        compress(|gradient, memory, k| {
            let sent = top(gradient, &mut vec![0.0; memory.len()], k, false, false);
            let whole: Vec<f64> = gradient.iter().zip(&*memory).map(|(g, e)| g + e).collect();
            let sent: Vec<f64> = sent.iter().zip(&whole).map(|(s, w)| if *s == 0.0 { 0.0 } else { *w }).collect();
            (0..sent.len()).for_each(|i| memory[i] = whole[i] - sent[i]);
            sent
        }),
        "gradient 2 of",
    );
}
