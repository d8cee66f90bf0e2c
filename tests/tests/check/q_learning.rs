//! The checks of `22-q-learning`: right answers pass, stubs and usual mistakes do not.

use candlelight::check::q_learning::*;
use candlelight::rl::{Mdp, TabularPolicy, evaluate_within, policy_iteration};
use candlelight_tests::{accepts, rejects};

type Policy<'a> = &'a [Vec<f64>];

/// Sweeps whose backup of a pair is `worth(state, action, values)`.
fn swept(mdp: &Mdp, policy: Policy, sweeps: usize, worth: impl Fn(usize, usize, &[f64]) -> f64) -> Vec<f64> {
    let mut v = vec![0.0; mdp.states()];
    for _ in 0..sweeps {
        let mean = |s: usize| policy[s].iter().enumerate().map(|(a, p)| p * worth(s, a, &v)).sum();
        v = (0..mdp.states()).map(mean).collect();
    }
    v
}

/// Every row replaced by `of(row)`.
fn instead(policy: Policy, of: impl Fn(&[f64]) -> Vec<f64>) -> Vec<Vec<f64>> {
    policy.iter().map(|row| of(row)).collect()
}

#[test]
fn policies_are_swept_without_a_maximum() {
    let by_hand = |mdp: &Mdp, policy: Policy, gamma: f64, sweeps: usize| {
        swept(mdp, policy, sweeps, |s, a, v| {
            let one = |o: &candlelight::rl::Outcome| {
                o.probability * (o.reward + if o.terminated { 0.0 } else { gamma * v[o.next] })
            };
            mdp.outcomes(s, a).iter().map(one).sum()
        })
    };
    accepts(evaluate_policy(by_hand));
    // Another right way: the crate's own finite horizon.
    let by_crate = |mdp: &Mdp, policy: Policy, gamma: f64, sweeps: usize| {
        let policy = TabularPolicy::new(mdp.states(), mdp.actions(), |s, a| policy[s][a]).unwrap();
        evaluate_within(mdp, &policy, sweeps, gamma).unwrap()
    };
    accepts(evaluate_policy(by_crate));
    rejects(evaluate_policy(|_, _, _, _| todo!("two means")), "not written yet. two means");
    // The best action instead of the policy's.
    let maximum = |mdp: &Mdp, policy: Policy, gamma: f64, sweeps: usize| {
        swept(mdp, policy, sweeps, |s, _, v| {
            (0..mdp.actions()).map(|a| mdp.backup(s, a, v, gamma)).fold(f64::NEG_INFINITY, f64::max)
        })
    };
    rejects(evaluate_policy(maximum), "2 states, policy [[0.");
    // All actions alike, whatever the policy says; its likeliest action alone; the probabilities forgotten.
    let alike = |row: &[f64]| vec![1.0 / row.len() as f64; row.len()];
    rejects(evaluate_policy(|m, p, gamma, sweeps| by_hand(m, &instead(p, alike), gamma, sweeps)), "1 sweeps");
    let likeliest = |row: &[f64]| {
        let largest = row.iter().copied().fold(0.0, f64::max);
        row.iter().map(|&p| if p == largest { 1.0 } else { 0.0 }).collect()
    };
    rejects(evaluate_policy(|m, p, gamma, sweeps| by_hand(m, &instead(p, likeliest), gamma, sweeps)), "1 sweeps");
    let ones = |row: &[f64]| vec![1.0; row.len()];
    rejects(evaluate_policy(|m, p, gamma, sweeps| by_hand(m, &instead(p, ones), gamma, sweeps)), "1 sweeps");
    // The policy's probabilities in the wrong order.
    let reversed = |row: &[f64]| row.iter().rev().copied().collect();
    rejects(evaluate_policy(|m, p, gamma, sweeps| by_hand(m, &instead(p, reversed), gamma, sweeps)), "1 sweeps");
    // Without the mask.
    let endless = |mdp: &Mdp, policy: Policy, gamma: f64, sweeps: usize| {
        swept(mdp, policy, sweeps, |s, a, v| {
            mdp.outcomes(s, a).iter().map(|o| o.probability * (o.reward + gamma * v[o.next])).sum()
        })
    };
    rejects(evaluate_policy(endless), "as if no episode ended");
    // Drops the reward of the last step.
    let unpaid = |mdp: &Mdp, policy: Policy, gamma: f64, sweeps: usize| {
        swept(mdp, policy, sweeps, |s, a, v| {
            let paid = mdp.outcomes(s, a).iter().filter(|o| !o.terminated);
            paid.map(|o| o.probability * (o.reward + gamma * v[o.next])).sum()
        })
    };
    rejects(evaluate_policy(unpaid), "2 states");
    // In place.
    let in_place = |mdp: &Mdp, policy: Policy, gamma: f64, sweeps: usize| {
        let mut v = vec![0.0; mdp.states()];
        for s in (0..sweeps).flat_map(|_| 0..mdp.states()) {
            v[s] = policy[s].iter().enumerate().map(|(a, p)| p * mdp.backup(s, a, &v, gamma)).sum();
        }
        v
    };
    rejects(evaluate_policy(in_place), "expected");
    // One sweep too many, and the limit instead of so many sweeps.
    rejects(evaluate_policy(|m, p, gamma, sweeps| by_hand(m, p, gamma, sweeps + 1)), "0 sweeps");
    rejects(evaluate_policy(|m, _, gamma, _| policy_iteration(m, gamma).unwrap().values), "0 sweeps");
    // No discount.
    rejects(evaluate_policy(|m, p, _, sweeps| by_hand(m, p, 1.0, sweeps)), "γ = 0.9");
}

#[test]
fn targets_are_means_over_the_next_action() {
    let largest = |q: &[f64]| q.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mean = |q: &[f64]| q.iter().sum::<f64>() / q.len() as f64;
    let right = |r: f64, q: &[f64], e: f64, g: f64, end: bool| {
        r + if end { 0.0 } else { g * ((1.0 - e) * largest(q) + e * mean(q)) }
    };
    accepts(expected_sarsa_target(right));
    // Another right way: the probabilities, one by one; the last of several largest.
    let one_by_one = |r: f64, q: &[f64], e: f64, g: f64, end: bool| {
        let greedy = (0..q.len()).max_by(|&a, &b| q[a].total_cmp(&q[b])).unwrap();
        let p = |a: usize| e / q.len() as f64 + if a == greedy { 1.0 - e } else { 0.0 };
        if end { r } else { r + g * (0..q.len()).map(|a| p(a) * q[a]).sum::<f64>() }
    };
    accepts(expected_sarsa_target(one_by_one));
    rejects(expected_sarsa_target(|_, _, _, _, _| todo!("the greedy one included")), "not written yet");
    rejects(expected_sarsa_target(|r, q, _, g, _| r + g * largest(q)), "that is the target of Q-learning");
    rejects(expected_sarsa_target(|r, q, e, g, _| right(r, q, e, g, false)), "terminated: expected 1, got");
    // The greedy action left out of the ε.
    let others = |r: f64, q: &[f64], e: f64, g: f64, end: bool| {
        let rest = (q.iter().sum::<f64>() - largest(q)) / (q.len() - 1).max(1) as f64;
        if end { r } else { r + g * ((1.0 - e) * largest(q) + e * rest) }
    };
    rejects(expected_sarsa_target(others), "ε = 0.5, γ = 0.5: expected 2.75, got 2.5");
    // Every one of several largest gets 1 - ε.
    let each = |r: f64, q: &[f64], e: f64, g: f64, end: bool| {
        let p = |x: f64| e / q.len() as f64 + if x == largest(q) { 1.0 - e } else { 0.0 };
        if end { r } else { r + g * q.iter().map(|&x| p(x) * x).sum::<f64>() }
    };
    rejects(expected_sarsa_target(each), "next [3.0, 3.0, 0.0]");
    // ε and 1 - ε exchanged; a maximum that begins at 0; a discounted reward.
    rejects(
        expected_sarsa_target(|r, q, e, g, end| right(r, q, 1.0 - e, g, end)),
        "ε = 0, γ = 0.5: expected 3, got 2.5",
    );
    let from_zero = |r: f64, q: &[f64], e: f64, g: f64, end: bool| {
        r + if end { 0.0 } else { g * ((1.0 - e) * largest(q).max(0.0) + e * mean(q)) }
    };
    rejects(expected_sarsa_target(from_zero), "reward -1, next [-7.0, -2.0, -2.0, -5.0]");
    rejects(expected_sarsa_target(|r, q, e, g, end| g * r + right(0.0, q, e, g, end)), "expected 3");
}

#[test]
fn weights_fall_with_later_updates() {
    let forward = |alphas: &[f64]| {
        let mut w = vec![1.0];
        for alpha in alphas {
            w.iter_mut().for_each(|w| *w *= 1.0 - alpha);
            w.push(*alpha);
        }
        w
    };
    accepts(weights(forward));
    // Another right way: the products over what comes later.
    let products = |alphas: &[f64]| -> Vec<f64> {
        let later = |from: usize| alphas[from..].iter().map(|alpha| 1.0 - alpha).product::<f64>();
        std::iter::once(later(0)).chain((0..alphas.len()).map(|k| alphas[k] * later(k + 1))).collect()
    };
    accepts(weights(products));
    rejects(weights(|_| todo!("what does each later update leave")), "not written yet. what does each");
    // Without the start.
    rejects(weights(|alphas| forward(alphas)[1..].to_vec()), "expected 1 entries, got 0");
    // The last target first.
    rejects(weights(|alphas| forward(alphas).into_iter().rev().collect()), "entry 0: expected 0.75, got 0.25");
    // Products over what came before.
    let before = |alphas: &[f64]| -> Vec<f64> {
        let earlier = |to: usize| alphas[..to].iter().map(|alpha| 1.0 - alpha).product::<f64>();
        std::iter::once(earlier(alphas.len())).chain((0..alphas.len()).map(|k| alphas[k] * earlier(k))).collect()
    };
    rejects(weights(before), "steps [0.500, 0.500], entry 1: expected 0.25, got 0.5");
    // Its own factor counted too.
    let own = |alphas: &[f64]| -> Vec<f64> {
        let later = |from: usize| alphas[from..].iter().map(|alpha| 1.0 - alpha).product::<f64>();
        std::iter::once(later(0)).chain((0..alphas.len()).map(|k| alphas[k] * later(k))).collect()
    };
    rejects(weights(own), "not to 1");
    // All alike, as if every step were 1/n.
    rejects(
        weights(|alphas| vec![1.0 / (alphas.len() + 1) as f64; alphas.len() + 1]),
        "entry 0: expected 0.75, got 0.5",
    );
}
