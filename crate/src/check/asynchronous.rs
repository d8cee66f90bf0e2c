//! Checks of the exercises of `17-asynchronous-sgd`.

use rand::Rng as _;

use super::{Verdict, draws, verdict};
use crate::rng::seeded;

/// Exercise 1: the staleness of each update, from the workers in the order in which their gradients were used. All have read the
/// parameters before the first update.
///
/// ```
/// use candlelight::check;
/// // Counts the worker's own update too.
/// let own = |order: &[usize]| {
///     let last = |t: usize| order[..t].iter().rposition(|worker| *worker == order[t]);
///     (0..order.len()).map(|t| last(t).map_or(t, |last| t - last)).collect()
/// };
/// let verdict = check::asynchronous::staleness(own).to_string();
/// assert!(verdict.contains("order [1, 1, 1]: expected [0, 0, 0], got [0, 1, 1]"), "{verdict}");
/// ```
pub fn staleness(answer: impl Fn(&[usize]) -> Vec<usize>) -> Verdict {
    verdict("staleness", |trials| {
        let mut rng = seeded(1);
        let mut cases =
            vec![vec![1, 1, 1], vec![1, 2, 3, 1, 2, 3], vec![1, 1, 1, 2, 1], vec![2, 2, 4, 4, 2], vec![], vec![3]];
        for workers in [2, 5, 9] {
            cases.push((0..20).map(|_| rng.random_range(1..=workers)).collect());
        }
        for order in cases {
            let (expected, got) = (ages(&order), answer(&order));
            trials.holds(&format!("order {order:?}"), got == expected, || {
                format!("expected {expected:?}, got {got:?}")
            })?;
        }
        Ok(())
    })
}

fn ages(order: &[usize]) -> Vec<usize> {
    // A worker reads again right after its own update.
    let read = |t: usize| order[..t].iter().rposition(|worker| *worker == order[t]).map_or(0, |last| last + 1);
    (0..order.len()).map(|t| t - read(t)).collect()
}

/// Exercise 2: a gradient with its delay compensated, g + λ g ⊙ g ⊙ (w - w'), from (g, w, w', λ).
///
/// ```
/// use candlelight::check;
/// // The difference the wrong way round.
/// let turned = |g: &[f64], w: &[f64], read: &[f64], lambda: f64| {
///     (0..g.len()).map(|i| g[i] + lambda * g[i] * g[i] * (read[i] - w[i])).collect()
/// };
/// let verdict = check::asynchronous::compensated(turned).to_string();
/// assert!(verdict.contains("g = 2, w = 1.5, w' = 1, λ = 1, entry 0: expected 4, got 0"), "{verdict}");
/// ```
pub fn compensated(answer: impl Fn(&[f64], &[f64], &[f64], f64) -> Vec<f64>) -> Verdict {
    verdict("delay compensation", |trials| {
        let mut rng = seeded(2);
        let right = |g: &[f64], w: &[f64], read: &[f64], lambda: f64| -> Vec<f64> {
            (0..g.len()).map(|i| g[i] + lambda * g[i].powi(2) * (w[i] - read[i])).collect()
        };
        let small = [
            ("g = 2, w = w' = 1, λ = 1", 2.0, 1.0, 1.0, 1.0),
            ("g = 2, w = 1.5, w' = 1, λ = 1", 2.0, 1.5, 1.0, 1.0),
            ("g = 2, w = 1.5, w' = 1, λ = 0", 2.0, 1.5, 1.0, 0.0),
            ("g = -3, w = 1, w' = 2, λ = 0.5", -3.0, 1.0, 2.0, 0.5),
        ];
        for (trial, g, w, read, lambda) in small {
            trials.all_close(
                trial,
                &answer(&[g], &[w], &[read], lambda),
                &right(&[g], &[w], &[read], lambda),
                1e-12,
            )?;
        }
        for _ in 0..3 {
            let [g, w, read] = [(); 3].map(|()| draws(&mut rng, 4, 2.0));
            let trial = format!("g {g:?}, w {w:?}, w' {read:?}, λ = 0.3");
            trials.all_close(&trial, &answer(&g, &w, &read, 0.3), &right(&g, &w, &read, 0.3), 1e-12)?;
        }
        Ok(())
    })
}

/// Exercise 3: whether a worker may start its next gradient, from how many each worker has sent, the worker's place in that list,
/// and by how many it may be ahead of the slowest.
///
/// ```
/// use candlelight::check;
/// // Compares with the fastest.
/// let fastest = |clocks: &[usize], worker: usize, ahead: usize| clocks[worker] + ahead >= *clocks.iter().max().unwrap();
/// let verdict = check::asynchronous::may_start(fastest).to_string();
/// assert!(verdict.contains("sent [1, 0], worker 0, at most 0 ahead: expected false, got true"), "{verdict}");
/// ```
pub fn may_start(answer: impl Fn(&[usize], usize, usize) -> bool) -> Verdict {
    verdict("bounded staleness", |trials| {
        let mut rng = seeded(3);
        let mut cases = vec![
            (vec![0, 0, 0], 1, 0),
            (vec![1, 0], 0, 0),
            (vec![3, 1], 0, 2),
            (vec![4, 1], 0, 2),
            (vec![4, 1], 1, 2),
            (vec![2, 9, 9], 0, 1),
            (vec![7, 9, 5], 0, 2),
            (vec![7, 9, 4], 0, 2),
            (vec![5], 0, 0),
        ];
        for _ in 0..20 {
            let clocks: Vec<usize> = (0..4).map(|_| rng.random_range(0..6)).collect();
            cases.push((clocks, rng.random_range(0..4), rng.random_range(0..4)));
        }
        for (clocks, worker, ahead) in cases {
            let expected = clocks.iter().all(|clock| clocks[worker] <= clock + ahead);
            let got = answer(&clocks, worker, ahead);
            trials.holds(
                &format!("sent {clocks:?}, worker {worker}, at most {ahead} ahead"),
                got == expected,
                || format!("expected {expected}, got {got}"),
            )?;
        }
        Ok(())
    })
}

/// Exercise 4: the k entries that travel, of the gradient and what the memory holds, the others 0; the memory is left with the
/// rest.
///
/// ```
/// use candlelight::check;
/// // Forgets that large negative numbers are large too.
/// let signed = |gradient: &[f64], memory: &mut [f64], k: usize| {
///     let whole: Vec<f64> = gradient.iter().zip(&*memory).map(|(g, e)| g + e).collect();
///     let mut order: Vec<usize> = (0..whole.len()).collect();
///     order.sort_by(|&a, &b| whole[b].total_cmp(&whole[a]));
///     let mut sent = vec![0.; whole.len()];
///     order[..k].iter().for_each(|&i| sent[i] = whole[i]);
///     (0..whole.len()).for_each(|i| memory[i] = whole[i] - sent[i]);
///     sent
/// };
/// let verdict = check::asynchronous::compress(signed).to_string();
/// assert!(verdict.contains("gradient 1 of [[1.0, -3.0, 2.0]], k = 1: sent, entry 1: expected -3, got 0"), "{verdict}");
/// ```
pub fn compress(answer: impl Fn(&[f64], &mut [f64], usize) -> Vec<f64>) -> Verdict {
    verdict("top-k with memory", |trials| {
        let mut rng = seeded(4);
        let mut cases = vec![
            (vec![vec![1.0, -3.0, 2.0]], 1),
            // What was kept back travels later; what travelled does not travel again.
            (vec![vec![1.0, -3.0, 2.0], vec![0.0, 0.0, 0.0], vec![0.0, 0.0, 0.0]], 1),
            // The small one adds up until it is the largest.
            (vec![vec![1.0, 0.4]; 4], 1),
            (vec![vec![1.0, 2.0]; 2], 2),
        ];
        for k in [1, 3] {
            cases.push(((0..6).map(|_| draws(&mut rng, 7, 2.0)).collect(), k));
        }
        for (gradients, k) in cases {
            let n = gradients[0].len();
            let (mut memory, mut theirs) = (vec![0.0; n], vec![0.0; n]);
            for (number, gradient) in (1..).zip(&gradients) {
                let whole: Vec<f64> = gradient.iter().zip(&memory).map(|(g, e)| g + e).collect();
                let mut order: Vec<usize> = (0..n).collect();
                order.sort_by(|&a, &b| whole[b].abs().total_cmp(&whole[a].abs()));
                let mut sent = vec![0.0; n];
                order[..k].iter().for_each(|&i| sent[i] = whole[i]);
                memory = whole.iter().zip(&sent).map(|(whole, sent)| whole - sent).collect();
                let got = answer(gradient, &mut theirs, k);
                let trial = format!("gradient {number} of {gradients:?}, k = {k}");
                trials.all_close(&format!("{trial}: sent"), &got, &sent, 1e-9)?;
                trials.all_close(&format!("{trial}: memory"), &theirs, &memory, 1e-9)?;
            }
        }
        Ok(())
    })
}
