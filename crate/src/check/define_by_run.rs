//! Checks of the exercises of `05-define-by-run`.

use super::{Verdict, verdict};

/// A recorded computation: `('x', _, _)` is an input, `('+', i, j)` and `('*', i, j)` read the values of steps i and j.
type Tape = [(char, usize, usize)];

/// Exercise 1: the derivative of the last value of a tape with respect to each of its values.
///
/// ```
/// use candlelight::check;
/// // Assigns where it should add: wrong wherever a value is read twice.
/// let assigning = |tape: &[(char, usize, usize)], values: &[f64]| {
///     let mut gradients = vec![0.; tape.len()];
///     gradients[tape.len() - 1] = 1.;
///     for (k, &(op, i, j)) in tape.iter().enumerate().rev() {
///         match op {
///             '+' => (gradients[i], gradients[j]) = (gradients[k], gradients[k]),
///             '*' => (gradients[i], gradients[j]) = (gradients[k] * values[j], gradients[k] * values[i]),
///             _ => {}
///         }
///     }
///     gradients
/// };
/// let verdict = check::define_by_run::backward(assigning).to_string();
/// assert!(verdict.contains("x², entry 0: expected 6, got 3"), "{verdict}");
/// ```
pub fn backward(answer: impl Fn(&Tape, &[f64]) -> Vec<f64>) -> Verdict {
    const X: (char, usize, usize) = ('x', 0, 0);
    let cases: [(&str, &Tape, &[f64]); 6] = [
        ("x y", &[X, X, ('*', 0, 1)], &[2.0, 5.0]),
        ("x²", &[X, ('*', 0, 0)], &[3.0]),
        ("x + x", &[X, ('+', 0, 0)], &[3.0]),
        ("a value that the last does not need", &[X, X, ('*', 0, 0), ('+', 1, 1)], &[4.0, -1.0]),
        ("x (x + y) + (x + y)²", &[X, X, ('+', 0, 1), ('*', 0, 2), ('*', 2, 2), ('+', 3, 4)], &[1.5, -0.5]),
        ("((x²)²)²", &[X, ('*', 0, 0), ('*', 1, 1), ('*', 2, 2)], &[1.1]),
    ];
    verdict("backward over a tape", |trials| {
        cases.into_iter().try_for_each(|(trial, tape, inputs)| {
            let mut inputs = inputs.iter();
            let mut values: Vec<f64> = Vec::new();
            for &(op, i, j) in tape {
                values.push(match op {
                    '+' => values[i] + values[j],
                    '*' => values[i] * values[j],
                    _ => inputs.next().copied().unwrap_or(f64::NAN),
                });
            }
            let mut expected = vec![0.0; tape.len()];
            expected[tape.len() - 1] = 1.0;
            for (k, &(op, i, j)) in tape.iter().enumerate().rev() {
                let gradient = expected[k];
                match op {
                    '+' => {
                        expected[i] += gradient;
                        expected[j] += gradient;
                    }
                    '*' => {
                        expected[i] += gradient * values[j];
                        expected[j] += gradient * values[i];
                    }
                    _ => {}
                }
            }
            trials.all_close(trial, &answer(tape, &values), &expected, 1e-12)
        })
    })
}

/// Exercise 2: which nodes of a graph some output needs; `inputs[k]` lists the nodes that node k reads, all before it.
///
/// ```
/// use candlelight::check;
/// // Stops after one step back.
/// let near = |inputs: &[Vec<usize>], outputs: &[usize]| {
///     let read = |k: usize| outputs.iter().any(|&output| output == k || inputs[output].contains(&k));
///     (0..inputs.len()).map(read).collect()
/// };
/// let verdict = check::define_by_run::live(near).to_string();
/// assert!(verdict.contains("a chain 0 → 1 → 2 → 3: expected node 0 to be needed"), "{verdict}");
/// ```
pub fn live(answer: impl Fn(&[Vec<usize>], &[usize]) -> Vec<bool>) -> Verdict {
    let chain = vec![vec![], vec![0], vec![1], vec![2]];
    let fork = vec![vec![], vec![], vec![0, 1], vec![1], vec![2], vec![3, 3]];
    type Case<'a> = (&'a str, &'a [Vec<usize>], &'a [usize], &'a [bool]);
    let cases: [Case; 5] = [
        ("a chain 0 → 1 → 2 → 3", &chain, &[3], &[true; 4]),
        ("the same chain, output 1", &chain, &[1], &[true, true, false, false]),
        ("a fork, output 4", &fork, &[4], &[true, true, true, false, true, false]),
        ("a fork, output 5", &fork, &[5], &[false, true, false, true, false, true]),
        ("a fork, both outputs", &fork, &[5, 4], &[true; 6]),
    ];
    verdict("dead-node removal", |trials| {
        cases.into_iter().try_for_each(|(trial, inputs, outputs, expected)| {
            let got = answer(inputs, outputs);
            trials.holds(trial, got.len() == expected.len(), || {
                format!("expected {} answers, got {}", expected.len(), got.len())
            })?;
            for (k, (got, expected)) in got.iter().zip(expected).enumerate() {
                trials.holds(trial, got == expected, || {
                    format!("expected node {k} {}to be needed", if *expected { "" } else { "not " })
                })?;
            }
            Ok(())
        })
    })
}

/// Exercise 3: ∂h_T/∂x_{T-τ} for τ = 0 … T-1 in h_t = tanh(w h_{t-1} + x_t), given w and h₁ … h_T, where the state is
/// detached before it is read `cut` steps before the last one: h_{T-cut} is a constant.
///
/// ```
/// use candlelight::check;
/// let without_cut = |w: f64, states: &[f64], _: usize| {
///     let slopes = states.iter().rev().map(|h| 1. - h * h);
///     slopes.scan(1. / w, |product, slope| { *product *= w * slope; Some(*product) }).collect()
/// };
/// let verdict = check::define_by_run::truncated(without_cut).to_string();
/// assert!(verdict.contains("3 states, cut 2, entry 2: expected 0, got 0.442"), "{verdict}");
/// ```
pub fn truncated(answer: impl Fn(f64, &[f64], usize) -> Vec<f64>) -> Verdict {
    verdict("truncated backpropagation", |trials| {
        let states = |n: u32| -> Vec<f64> { (1..=n).map(|t| f64::from((7 * t) % 11) / 10.0 - 0.5).collect() };
        for (w, n, cut) in [(0.8, 3, 2), (0.8, 3, 1), (0.8, 3, 3), (-1.3, 8, 5), (0.5, 6, 10), (2.0, 10, 4)] {
            let states = states(n);
            let slopes = states.iter().rev().map(|h| 1.0 - h * h).enumerate();
            let expected: Vec<f64> = slopes
                .scan(1.0, |product, (tau, slope)| {
                    *product *= if tau == 0 { slope } else { w * slope };
                    Some(if tau < cut { *product } else { 0.0 })
                })
                .collect();
            let got = answer(w, &states, cut);
            let trial = format!("w = {w}, {n} states, cut {cut}");
            trials.all_close(&trial, &got, &expected, 1e-12)?;
            let exact = got.iter().skip(cut).all(|gradient| *gradient == 0.0);
            trials.holds(&trial, exact, || "expected exactly 0 past the cut".into())?;
        }
        Ok(())
    })
}

/// Exercise 4: the greatest number of values that are needed at once: a value is made when its node runs, and freed after the
/// last node that reads it (while that one runs, both are there). The last node's value is the result, and stays.
///
/// ```
/// use candlelight::check;
/// let all = |inputs: &[Vec<usize>]| inputs.len();
/// let verdict = check::define_by_run::most_alive(all).to_string();
/// assert!(verdict.contains("a chain of 4: expected 2, got 4"), "{verdict}");
/// ```
pub fn most_alive(answer: impl Fn(&[Vec<usize>]) -> usize) -> Verdict {
    let chain =
        |n: usize| -> Vec<Vec<usize>> { (0..n).map(|k: usize| k.checked_sub(1).into_iter().collect()).collect() };
    let cases = [
        ("a chain of 4", chain(4), 2),
        ("a chain of 20", chain(20), 2),
        ("one node", chain(1), 1),
        ("a chain whose first value is read again at the end", vec![vec![], vec![0], vec![1], vec![2], vec![3, 0]], 3),
        ("two chains that meet", vec![vec![], vec![], vec![0], vec![1], vec![2, 3]], 3),
        // As in backpropagation: every value of the way there is read on the way back.
        ("there and back", vec![vec![], vec![0], vec![1], vec![2], vec![3, 2], vec![4, 1], vec![5, 0]], 5),
    ];
    verdict("memory plan", |trials| {
        cases.into_iter().try_for_each(|(trial, inputs, expected)| {
            let got = answer(&inputs);
            trials.holds(trial, got == expected, || format!("expected {expected}, got {got}"))
        })
    })
}
