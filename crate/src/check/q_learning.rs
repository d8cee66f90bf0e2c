//! Checks of the exercises of `22-q-learning`.

use rand::Rng as _;

use super::{Verdict, draws, verdict};
use crate::rl::{Mdp, Outcome};
use crate::rng::{Rng, seeded};

/// Exercise 1: the values of a policy, `policy[s][a]` = π(a | s), after so many sweeps from zeros, all states at once.
///
/// ```
/// use candlelight::{check, rl::Mdp};
/// // Forgets that the episode may end.
/// let without_end = |mdp: &Mdp, policy: &[Vec<f64>], gamma: f64, sweeps: usize| {
///     let mut v = vec![0.0; mdp.states()];
///     for _ in 0..sweeps {
///         let q = |s, a| mdp.outcomes(s, a).iter().map(|o| o.probability * (o.reward + gamma * v[o.next])).sum::<f64>();
///         let worth = |s: usize| policy[s].iter().enumerate().map(|(a, p)| p * q(s, a)).sum();
///         v = (0..mdp.states()).map(worth).collect();
///     }
///     v
/// };
/// let verdict = check::q_learning::evaluate_policy(without_end).to_string();
/// assert!(verdict.contains("as if no episode ended"), "{verdict}");
/// ```
pub fn evaluate_policy(answer: impl Fn(&Mdp, &[Vec<f64>], f64, usize) -> Vec<f64>) -> Verdict {
    verdict("values of a policy", |trials| {
        let mut rng = seeded(1);
        for (states, actions, gamma, sweeps) in
            [(2, 2, 0.5, 0), (2, 1, 0.5, 1), (2, 2, 0.5, 1), (3, 2, 0.9, 2), (4, 3, 0.9, 7), (6, 2, 1.0, 20)]
        {
            let Some((mdp, endless)) = process(states, actions, &mut rng) else { continue };
            let policy: Vec<Vec<f64>> = (0..states).map(|_| dice(actions, &mut rng)).collect();
            let trial = format!("{states} states, policy {policy:.2?}, γ = {gamma}, {sweeps} sweeps");
            let expected = swept(&mdp, &policy, gamma, sweeps);
            let got = answer(&mdp, &policy, gamma, sweeps);
            let forgotten = swept(&endless, &policy, gamma, sweeps);
            let is_forgotten = !super::agree(&expected, &forgotten) && super::agree(&got, &forgotten);
            trials.holds(&trial, !is_forgotten, || {
                format!("expected {expected:.4?}, got {got:.4?}: those are the values as if no episode ended")
            })?;
            trials.all_close(&trial, &got, &expected, 1e-9)?;
        }
        Ok(())
    })
}

/// Probabilities as 1 : 2 : … : n, the first at a random place.
fn dice(actions: usize, rng: &mut Rng) -> Vec<f64> {
    let (first, sum) = (rng.random_range(0..actions), actions * (actions + 1) / 2);
    (0..actions).map(|action| (1 + (first + action) % actions) as f64 / sum as f64).collect()
}

fn swept(mdp: &Mdp, policy: &[Vec<f64>], gamma: f64, sweeps: usize) -> Vec<f64> {
    (0..sweeps).fold(vec![0.0; mdp.states()], |values, _| {
        let mean = |(state, row): (usize, &Vec<f64>)| {
            row.iter().enumerate().map(|(action, p)| p * mdp.backup(state, action, &values, gamma)).sum()
        };
        policy.iter().enumerate().map(mean).collect()
    })
}

/// A random process in which half of the outcomes end the episode, and the same one without ends.
fn process(states: usize, actions: usize, rng: &mut Rng) -> Option<(Mdp, Mdp)> {
    let mut outcomes = Vec::new();
    for i in 0..states * actions {
        let rewards = draws(rng, 2, 2.0);
        let likely = [0.25, 0.5, 0.75][rng.random_range(0..3)];
        let outcome = |probability, reward, terminated, next| Outcome { probability, next, reward, terminated };
        let ahead = (i / actions + 1) % states;
        outcomes.push(vec![
            outcome(likely, rewards[0], i % 3 == 0, ahead),
            outcome(1.0 - likely, rewards[1], i % 3 != 0, rng.random_range(0..states)),
        ]);
    }
    let initial = vec![1.0 / states as f64; states];
    let mdp = Mdp::new(states, actions, initial.clone(), |s, a| outcomes[s * actions + a].clone()).ok()?;
    let endless = Mdp::new(states, actions, initial, |s, a| {
        outcomes[s * actions + a].iter().map(|outcome| Outcome { terminated: false, ..*outcome }).collect()
    });
    Some((mdp, endless.ok()?))
}

/// Exercise 2: the target of expected SARSA for an ε-greedy policy.
///
/// ```
/// use candlelight::check;
/// // That of Q-learning.
/// let greedy = |reward: f64, next: &[f64], _: f64, gamma: f64, terminated: bool| {
///     let largest = next.iter().copied().fold(f64::NEG_INFINITY, f64::max);
///     reward + if terminated { 0.0 } else { gamma * largest }
/// };
/// let verdict = check::q_learning::expected_sarsa_target(greedy).to_string();
/// assert!(verdict.contains("that is the target of Q-learning"), "{verdict}");
/// ```
pub fn expected_sarsa_target(answer: impl Fn(f64, &[f64], f64, f64, bool) -> f64) -> Verdict {
    verdict("target of expected SARSA", |trials| {
        let mut rng = seeded(2);
        let mut cases = vec![
            (1.0, vec![2.0, 4.0], 0.0, 0.5, false),
            (1.0, vec![2.0, 4.0], 0.5, 0.5, false),
            (1.0, vec![2.0, 4.0], 1.0, 0.5, false),
            (1.0, vec![2.0, 4.0], 0.5, 0.5, true),
            // Two are largest; all are negative.
            (0.0, vec![3.0, 3.0, 0.0], 0.3, 1.0, false),
            (-1.0, vec![-7.0, -2.0, -2.0, -5.0], 0.2, 0.9, false),
        ];
        for n in [1, 3, 6] {
            let next = draws(&mut rng, n, 5.0);
            cases.push((draws(&mut rng, 1, 5.0)[0], next, 0.1, 0.95, false));
        }
        for (reward, next, epsilon, gamma, terminated) in cases {
            let end = if terminated { ", terminated" } else { "" };
            let trial = format!("reward {reward}, next {next:?}, ε = {epsilon}, γ = {gamma}{end}");
            let largest = next.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let mean = next.iter().sum::<f64>() / next.len() as f64;
            let future = (1.0 - epsilon) * largest + epsilon * mean;
            let expected = reward + if terminated { 0.0 } else { gamma * future };
            let got = answer(reward, &next, epsilon, gamma, terminated);
            let greedy = reward + gamma * largest;
            let is_greedy = !terminated && (greedy - expected).abs() > 1e-6 && (got - greedy).abs() < 1e-9;
            trials.holds(&trial, !is_greedy, || {
                format!("expected {expected}, got {got}: that is the target of Q-learning")
            })?;
            trials.close(&trial, got, expected, 1e-12)?;
        }
        Ok(())
    })
}

/// Exercise 3: the weights w₀ … wₙ of the start and of each target in an entry that was updated with the given step sizes.
///
/// ```
/// use candlelight::check;
/// // Forgets what the later updates take away.
/// let own = |alphas: &[f64]| {
///     let start: f64 = alphas.iter().map(|alpha| 1.0 - alpha).product();
///     [&[start], alphas].concat()
/// };
/// let verdict = check::q_learning::weights(own).to_string();
/// assert!(verdict.contains("they add to 1.2500, not to 1"), "{verdict}");
/// ```
pub fn weights(answer: impl Fn(&[f64]) -> Vec<f64>) -> Verdict {
    verdict("weights of the targets", |trials| {
        let mut rng = seeded(3);
        let mut cases = vec![vec![], vec![0.25], vec![0.5, 0.5], vec![1.0, 0.5], vec![0.1, 0.2, 0.4]];
        cases.push((1..=6).map(|n| 1.0 / f64::from(n)).collect());
        cases.push((1..=6).map(|n| 1.0 / f64::from((n + 1) * (n + 1))).collect());
        cases.push((0..8).map(|_| (rng.random::<f64>() * 100.0).round() / 100.0).collect());
        for alphas in cases {
            let mut expected = vec![1.0];
            for &alpha in &alphas {
                expected.iter_mut().for_each(|weight| *weight *= 1.0 - alpha);
                expected.push(alpha);
            }
            let trial = format!("steps {alphas:.3?}");
            let got = answer(&alphas);
            let sum: f64 = got.iter().sum();
            trials.holds(&trial, got.len() != expected.len() || (sum - 1.0).abs() < 1e-9, || {
                format!("expected weights {expected:.3?}, got {got:.3?}: they add to {sum:.4}, not to 1")
            })?;
            trials.all_close(&trial, &got, &expected, 1e-12)?;
        }
        Ok(())
    })
}
