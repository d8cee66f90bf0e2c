//! Checks of the exercises of `14-rnn-and-lstm`.

use super::{Trials, Verdict, draws, verdict};
use crate::rng::seeded;

/// Exercise 1: one step of a vanilla RNN, tanh(W_ih x + W_hh h + b); row i of a weight belongs to unit i.
///
/// ```
/// use candlelight::check;
/// // The columns of the weights taken for their rows.
/// let transposed = |x: &[f64], h: &[f64], ih: &[Vec<f64>], hh: &[Vec<f64>], b: &[f64]| {
///     let product = |w: &[Vec<f64>], v: &[f64], i: usize| -> f64 {
///         w.iter().zip(v).filter_map(|(w, v)| Some(w.get(i)? * v)).sum()
///     };
///     (0..b.len()).map(|i| (product(ih, x, i) + product(hh, h, i) + b[i]).tanh()).collect()
/// };
/// let verdict = check::recurrent::rnn_step(transposed).to_string();
/// let words = "W_hh [[0.0, 1.0], [0.0, 0.0]], h [1.0, 0.0], no input, entry 1: expected 0, got 0.76";
/// assert!(verdict.contains(words), "{verdict}");
/// ```
pub fn rnn_step(answer: impl Fn(&[f64], &[f64], &[Vec<f64>], &[Vec<f64>], &[f64]) -> Vec<f64>) -> Verdict {
    verdict("a step of an RNN", |trials| {
        let mut rng = seeded(1);
        let got = answer(&[1.0], &[0.0], &[vec![0.5]], &[vec![2.0]], &[0.25]);
        trials.all_close("x = 1, h = 0, W_ih = 0.5, W_hh = 2, b = 0.25", &got, &[0.75_f64.tanh()], 1e-12)?;
        let got = answer(&[1.0], &[-0.5], &[vec![0.5]], &[vec![2.0]], &[0.0]);
        trials.all_close("x = 1, h = -0.5, W_ih = 0.5, W_hh = 2, b = 0", &got, &[(-0.5_f64).tanh()], 1e-12)?;
        let (zero, shift) = ([vec![0.0], vec![0.0]], [vec![0.0, 1.0], vec![0.0, 0.0]]);
        let got = answer(&[0.0], &[1.0, 0.0], &zero, &shift, &[0.0, 0.0]);
        trials.all_close("W_hh [[0.0, 1.0], [0.0, 0.0]], h [1.0, 0.0], no input", &got, &[0.0, 0.0], 1e-12)?;
        for (inputs, hidden) in [(3, 3), (2, 5)] {
            let (x, h, b) = (draws(&mut rng, inputs, 1.0), draws(&mut rng, hidden, 1.0), draws(&mut rng, hidden, 1.0));
            let ih: Vec<Vec<f64>> = (0..hidden).map(|_| draws(&mut rng, inputs, 1.0)).collect();
            let hh: Vec<Vec<f64>> = (0..hidden).map(|_| draws(&mut rng, hidden, 1.0)).collect();
            let dot = |w: &[f64], v: &[f64]| w.iter().zip(v).map(|(w, v)| w * v).sum::<f64>();
            let expected: Vec<f64> = (0..hidden).map(|i| (dot(&ih[i], &x) + dot(&hh[i], &h) + b[i]).tanh()).collect();
            let trial = format!("{inputs} inputs, {hidden} units, x {x:?}, h {h:?}");
            trials.all_close(&trial, &answer(&x, &h, &ih, &hh, &b), &expected, 1e-12)?;
        }
        Ok(())
    })
}

/// Exercise 2: the gates of an LSTM. From the sums W_ih x + W_hh h + b, in four blocks i, f, g, o, and the old cell: (h, c).
///
/// ```
/// use candlelight::check;
/// // The blocks in the order i, f, o, g of other libraries.
/// let other = |sums: &[f64], c: &[f64]| {
///     let n = c.len();
///     let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
///     let cell: Vec<f64> = (0..n).map(|k| sigmoid(sums[n + k]) * c[k] + sigmoid(sums[k]) * sums[3 * n + k].tanh()).collect();
///     let h = (0..n).map(|k| sigmoid(sums[2 * n + k]) * cell[k].tanh()).collect();
///     (h, cell)
/// };
/// let verdict = check::recurrent::lstm_gates(other).to_string();
/// assert!(verdict.contains("input and forget gate open, candidate 1, old cell 0: c, entry 0: expected 1, got"), "{verdict}");
/// ```
pub fn lstm_gates(answer: impl Fn(&[f64], &[f64]) -> (Vec<f64>, Vec<f64>)) -> Verdict {
    verdict("the gates of an LSTM", |trials| {
        let mut rng = seeded(2);
        // ±50 opens and shuts a gate to rounding; tanh(50) is 1.
        let cases = [
            ("input and forget gate open, candidate 1, old cell 0", vec![50.0, 50.0, 50.0, 0.5], vec![0.0]),
            ("only the forget gate open: the cell is carried", vec![-50.0, 50.0, 1.0, 50.0], vec![0.7]),
            ("only the forget gate shut: the cell is replaced", vec![50.0, -50.0, 0.5, 50.0], vec![0.7]),
            ("output gate shut", vec![50.0, 50.0, 0.5, -50.0], vec![0.7]),
            ("sums 0, old cell 2", vec![0.0; 4], vec![2.0]),
        ];
        for (trial, sums, c) in cases {
            both(trials, trial, answer(&sums, &c), gates(&sums, &c))?;
        }
        for n in [2, 3] {
            let (sums, c) = (draws(&mut rng, 4 * n, 1.0), draws(&mut rng, n, 1.0));
            both(trials, &format!("sums {sums:?}, cell {c:?}"), answer(&sums, &c), gates(&sums, &c))?;
        }
        Ok(())
    })
}

/// Exercise 3: the forget bias b at which a cell keeps the share `keep` over `lag` steps, σ(b)^lag = keep.
///
/// ```
/// use candlelight::check;
/// let one = |_: usize, _: f64| 1.0;
/// let verdict = check::recurrent::forget_bias(one).to_string();
/// assert!(verdict.contains("half kept after 1 step: expected 0, got 1"), "{verdict}");
/// ```
pub fn forget_bias(answer: impl Fn(usize, f64) -> f64) -> Verdict {
    verdict("forget bias", |trials| {
        let cases = [
            ("half kept after 1 step", 1, 0.5),
            ("half kept after 100 steps", 100, 0.5),
            ("a tenth kept after 20 steps", 20, 0.1),
            ("a tenth kept after 1 step: a bias below 0", 1, 0.1),
            ("nine tenths kept after 1000 steps", 1000, 0.9),
        ];
        cases.into_iter().try_for_each(|(trial, lag, keep): (&str, usize, f64)| {
            let gate = keep.powf(1.0 / lag as f64);
            trials.close(trial, answer(lag, keep), (gate / (1.0 - gate)).ln(), 1e-6)
        })
    })
}

/// Exercise 4: dh_T/da of h_t = a h_{t-1} + x_t, h_0 = 0, when the gradient flows back through the last k steps only.
///
/// ```
/// use candlelight::check;
/// // The whole derivative, whatever k.
/// let whole = |a: f64, x: &[f64], _: usize| {
///     x.iter().fold((0.0, 0.0), |(h, d), x| (a * h + x, h + a * d)).1
/// };
/// let verdict = check::recurrent::truncated_gradient(whole).to_string();
/// assert!(verdict.contains("a = 0.5, x [1.0, 1.0, 1.0], k = 1: expected 1.5, got 2"), "{verdict}");
/// ```
pub fn truncated_gradient(answer: impl Fn(f64, &[f64], usize) -> f64) -> Verdict {
    verdict("truncated gradient", |trials| {
        let mut rng = seeded(4);
        let ones = vec![1.0; 3];
        let mut cases = vec![(0.5, ones.clone(), 3), (0.5, ones.clone(), 1), (0.5, ones.clone(), 2), (0.5, ones, 0)];
        cases.push((2.0, vec![1.0, 0.0, 0.0, 0.0], 4));
        cases.push((2.0, vec![1.0, 0.0, 0.0, 0.0], 100)); // longer than the sequence
        for k in [3, 7, 12] {
            cases.push((0.9, draws(&mut rng, 12, 1.0), k));
        }
        for (a, x, k) in cases {
            // The derivative starts at the detached state, as 0.
            let (mut h, mut derivative) = (0.0, 0.0);
            for (t, x) in x.iter().enumerate().map(|(t, value)| (x.len() - t, value)) {
                derivative = if t <= k { h + a * derivative } else { 0.0 };
                h = a * h + x;
            }
            trials.close(&format!("a = {a}, x {x:?}, k = {k}"), answer(a, &x, k), derivative, 1e-9)?;
        }
        Ok(())
    })
}

fn gates(sums: &[f64], c: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
    let blocks: Vec<&[f64]> = sums.chunks(c.len().max(1)).collect();
    let of = |block: usize, k: usize| blocks.get(block).and_then(|block| block.get(k)).copied().unwrap_or(f64::NAN);
    let cell: Vec<f64> =
        (0..).zip(c).map(|(k, c)| sigmoid(of(1, k)) * c + sigmoid(of(0, k)) * of(2, k).tanh()).collect();
    let h = (0..).zip(&cell).map(|(k, cell)| sigmoid(of(3, k)) * cell.tanh()).collect();
    (h, cell)
}

fn both(
    trials: &mut Trials,
    trial: &str,
    got: (Vec<f64>, Vec<f64>),
    expected: (Vec<f64>, Vec<f64>),
) -> Result<(), super::Difference> {
    trials.all_close(&format!("{trial}: c"), &got.1, &expected.1, 1e-12)?;
    trials.all_close(&format!("{trial}: h"), &got.0, &expected.0, 1e-12)
}
