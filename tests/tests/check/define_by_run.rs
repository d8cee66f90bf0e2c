//! The checks of `05-define-by-run`: right answers pass, stubs and usual mistakes do not.

use candlelight::check::define_by_run::*;
use candlelight_tests::{accepts, rejects};

type Tape = [(char, usize, usize)];

#[test]
fn backward_over_a_tape() {
    let right = |tape: &Tape, values: &[f64]| {
        let mut gradients = vec![0.0; tape.len()];
        gradients[tape.len() - 1] = 1.0;
        for (k, &(op, i, j)) in tape.iter().enumerate().rev() {
            let (in_i, in_j) = match op {
                '+' => (1.0, 1.0),
                '*' => (values[j], values[i]),
                _ => continue,
            };
            gradients[i] += gradients[k] * in_i;
            gradients[j] += gradients[k] * in_j;
        }
        gradients
    };
    accepts(backward(right));
    // Forward mode, once for each value: slower, and right.
    let forward = |tape: &Tape, values: &[f64]| {
        let along = |seed: usize| {
            let mut slopes: Vec<f64> = Vec::new();
            for (k, &(op, i, j)) in tape.iter().enumerate() {
                let slope = match op {
                    _ if k == seed => 1.0,
                    '+' => slopes[i] + slopes[j],
                    '*' => slopes[i] * values[j] + values[i] * slopes[j],
                    _ => 0.0,
                };
                slopes.push(slope);
            }
            slopes[tape.len() - 1]
        };
        (0..tape.len()).map(along).collect()
    };
    accepts(backward(forward));
    rejects(backward(|_, _| todo!("from the last to the first")), "not written yet. from the last to the first");
    rejects(backward(|tape, _| vec![1.0; tape.len()]), "x y, entry 0: expected 5, got 1");
    // From the first to the last: gradients are handed on before they are complete.
    let wrong_order = |tape: &Tape, values: &[f64]| {
        let mut gradients = vec![0.0; tape.len()];
        gradients[tape.len() - 1] = 1.0;
        for (k, &(op, i, j)) in tape.iter().enumerate() {
            let gradient: f64 = gradients[k];
            match op {
                '+' => [i, j].into_iter().for_each(|input| gradients[input] += gradient),
                '*' => [(i, j), (j, i)].into_iter().for_each(|(to, by)| gradients[to] += gradient * values[by]),
                _ => {}
            }
        }
        gradients
    };
    rejects(backward(wrong_order), "x (x + y) + (x + y)², entry 0");
}

#[test]
fn dead_nodes() {
    let right = |inputs: &[Vec<usize>], outputs: &[usize]| {
        let mut live = vec![false; inputs.len()];
        let mut open = outputs.to_vec();
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut live[node], true) {
                open.extend(&inputs[node]);
            }
        }
        live
    };
    accepts(live(right));
    let sweep = |inputs: &[Vec<usize>], outputs: &[usize]| {
        let mut live: Vec<bool> = (0..inputs.len()).map(|k| outputs.contains(&k)).collect();
        for k in (0..inputs.len()).rev() {
            inputs[k].iter().filter(|_| live[k]).copied().collect::<Vec<_>>().into_iter().for_each(|i| live[i] = true);
        }
        live
    };
    accepts(live(sweep));
    rejects(live(|_, _| todo!("back from the outputs")), "not written yet. back from the outputs");
    rejects(live(|inputs, _| vec![true; inputs.len()]), "the same chain, output 1: expected node 2 not to be needed");
    let outputs_only =
        |inputs: &[Vec<usize>], outputs: &[usize]| (0..inputs.len()).map(|k| outputs.contains(&k)).collect();
    rejects(live(outputs_only), "a chain 0 → 1 → 2 → 3: expected node 0 to be needed");
    rejects(live(|_, _| Vec::new()), "expected 4 answers, got 0");
}

#[test]
fn truncated_backpropagation() {
    let right = |w: f64, states: &[f64], cut: usize| {
        let last = states.len() - 1;
        let mut product = 1.0 - states[last] * states[last];
        let mut gradients = vec![product];
        for tau in 1..states.len() {
            let h = states[last - tau];
            product *= w * (1.0 - h * h);
            gradients.push(if tau < cut { product } else { 0.0 });
        }
        gradients
    };
    accepts(truncated(right));
    rejects(truncated(|_, _, _| todo!("a product")), "not written yet. a product");
    rejects(truncated(move |w, states, _| right(w, states, states.len())), "3 states, cut 2, entry 2: expected 0");
    rejects(truncated(move |w, states, cut| right(w, states, cut + 1)), "3 states, cut 2, entry 2: expected 0");
    // Without the derivative of tanh.
    let linear = |w: f64, states: &[f64], cut: usize| {
        (0..states.len()).map(|tau| if tau < cut { w.powi(tau as i32) } else { 0.0 }).collect()
    };
    rejects(truncated(linear), "entry 0: expected 0.75, got 1");
    rejects(truncated(move |w, s, c| right(w, s, c).into_iter().take(c).collect()), "expected 3 entries, got 2");
}

#[test]
fn memory_plans() {
    let right = |inputs: &[Vec<usize>]| {
        let last_read = |node: usize| {
            if node + 1 == inputs.len() {
                node
            } else {
                (0..inputs.len()).rev().find(|k| inputs[*k].contains(&node)).unwrap_or(node)
            }
        };
        (0..inputs.len()).map(|now| (0..=now).filter(|node| last_read(*node) >= now).count()).max().unwrap_or(0)
    };
    accepts(most_alive(right));
    rejects(most_alive(|_| todo!("last reads")), "not written yet. last reads");
    rejects(most_alive(|inputs| inputs.len()), "a chain of 4: expected 2, got 4");
    // Frees after the first read.
    let first_read = |inputs: &[Vec<usize>]| {
        let read = |node: usize| (0..inputs.len()).find(|k| inputs[*k].contains(&node)).unwrap_or(node);
        (0..inputs.len()).map(|now| (0..=now).filter(|node| read(*node) >= now).count()).max().unwrap_or(0)
    };
    rejects(most_alive(first_read), "a chain whose first value is read again at the end: expected 3, got 2");
}
