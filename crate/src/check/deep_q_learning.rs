//! Checks of the exercises of `23-deep-q-learning`.

use rand::Rng as _;

use super::{Verdict, draws, verdict};
use crate::rl::interquartile_mean;
use crate::rng::{Rng, seeded};

/// Exercise 1: the target of one transition, from the values of all actions in the next state and how the step ended.
///
/// ```
/// use candlelight::check;
/// // Takes a time limit for an end.
/// let cut = |reward: f64, gamma: f64, next: &[f64], terminated: bool, truncated: bool| {
///     let best = next.iter().copied().fold(f64::MIN, f64::max);
///     if terminated || truncated { reward } else { reward + gamma * best }
/// };
/// let verdict = check::deep_q_learning::target(cut).to_string();
/// assert!(verdict.contains("terminated false, truncated true: expected 2.8, got 1"), "{verdict}");
/// ```
pub fn target(answer: impl Fn(f64, f64, &[f64], bool, bool) -> f64) -> Verdict {
    verdict("the target of a transition", |trials| {
        let mut rng = seeded(1);
        let mut cases = vec![(1.0, 0.9, vec![1.0, 2.0])];
        // All values below 0: a maximum that begins at 0 is wrong.
        cases.push((-1.0, 0.5, vec![-3.0, -2.0, -4.0]));
        cases.extend((2..6).map(|actions| (draw(&mut rng), 0.99, draws(&mut rng, actions, 9.0))));
        for (reward, gamma, next) in cases {
            let best = next.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            for (terminated, truncated) in [(false, false), (false, true), (true, false), (true, true)] {
                let expected = if terminated { reward } else { reward + gamma * best };
                let trial = format!(
                    "reward {reward}, γ {gamma}, next values {next:?}, terminated {terminated}, truncated {truncated}"
                );
                trials.close(&trial, answer(reward, gamma, &next, terminated, truncated), expected, 1e-9)?;
            }
        }
        Ok(())
    })
}

/// Exercise 2: the target of double DQN, from the next state's values by the network and by its target.
///
/// ```
/// use candlelight::check;
/// // The two in the wrong order: the target chooses.
/// let swapped = |reward: f64, gamma: f64, online: &[f64], by_target: &[f64], terminated: bool| {
///     let best = usize::from(by_target[1] > by_target[0]);
///     if terminated { reward } else { reward + gamma * online[best] }
/// };
/// let verdict = check::deep_q_learning::double_target(swapped).to_string();
/// assert!(verdict.contains("online [1.0, 2.0], target [5.0, 3.0]"), "{verdict}");
/// assert!(verdict.contains("expected 2.5, got 1.5"), "{verdict}");
/// ```
pub fn double_target(answer: impl Fn(f64, f64, &[f64], &[f64], bool) -> f64) -> Verdict {
    verdict("the target of double DQN", |trials| {
        let mut rng = seeded(2);
        let mut cases = vec![(1.0, 0.5, vec![1.0, 2.0], vec![5.0, 3.0])];
        cases.push((1.0, 0.5, vec![-3.0, -1.0, -2.0], vec![-4.0, -6.0, -5.0]));
        for actions in 2..6 {
            cases.push((draw(&mut rng), 0.99, draws(&mut rng, actions, 9.0), draws(&mut rng, actions, 9.0)));
        }
        for (reward, gamma, online, by_target) in cases {
            let chosen = (0..online.len()).fold(0, |best, i| if online[i] > online[best] { i } else { best });
            for terminated in [false, true] {
                let expected = if terminated { reward } else { reward + gamma * by_target[chosen] };
                let trial = format!(
                    "reward {reward}, γ {gamma}, online {online:?}, target {by_target:?}, terminated {terminated}"
                );
                trials.close(&trial, answer(reward, gamma, &online, &by_target, terminated), expected, 1e-9)?;
            }
        }
        Ok(())
    })
}

/// Exercise 3: the n-step target at time t of an episode.
///
/// ```
/// use candlelight::check;
/// // Always multiplies the value by γⁿ, also where fewer than n rewards are left.
/// let powerful = |rewards: &[f64], values: &[f64], terminated: bool, t: usize, n: usize, gamma: f64| {
///     let k = n.min(rewards.len() - t);
///     let sum: f64 = (0..k).map(|i| gamma.powi(i as i32) * rewards[t + i]).sum();
///     if terminated && t + k == rewards.len() { sum } else { sum + gamma.powi(n as i32) * values[t + k] }
/// };
/// let verdict = check::deep_q_learning::n_step(powerful).to_string();
/// assert!(verdict.contains("terminated false, t 0, n 20, γ 0.5: expected 7.75, got 2.75"), "{verdict}");
/// ```
pub fn n_step(answer: impl Fn(&[f64], &[f64], bool, usize, usize, f64) -> f64) -> Verdict {
    verdict("the n-step target", |trials| {
        let mut rng = seeded(3);
        let mut cases = vec![(vec![1.0, 2.0, 3.0], vec![10.0, 20.0, 30.0, 40.0], 0.5)];
        for steps in [1, 4, 7] {
            cases.push((draws(&mut rng, steps, 5.0), draws(&mut rng, steps + 1, 50.0), 0.9));
        }
        for (rewards, values, gamma) in cases {
            for terminated in [false, true] {
                for (t, n) in (0..rewards.len()).flat_map(|t| [1, 2, 3, 20].map(|n| (t, n))) {
                    let end = (t + n).min(rewards.len());
                    let last = if terminated && end == rewards.len() { 0.0 } else { values[end] };
                    let expected = rewards[t..end].iter().rev().fold(last, |after, reward| reward + gamma * after);
                    let trial = format!(
                        "rewards {rewards:?}, values {values:?}, terminated {terminated}, t {t}, n {n}, γ {gamma}"
                    );
                    trials.close(&trial, answer(&rewards, &values, terminated, t, n, gamma), expected, 1e-9)?;
                }
            }
        }
        Ok(())
    })
}

/// Exercise 4: the interquartile mean.
///
/// ```
/// use candlelight::check;
/// // Leaves out by place instead of by size.
/// let unsorted = |scores: &[f64]| {
///     let cut = scores.len() / 4;
///     let middle = &scores[cut..scores.len() - cut];
///     middle.iter().sum::<f64>() / middle.len() as f64
/// };
/// let verdict = check::deep_q_learning::middle(unsorted).to_string();
/// assert!(verdict.contains("scores [500.0, 9.0, 480.0, 490.0]: expected 485, got 244.5"), "{verdict}");
/// ```
pub fn middle(answer: impl Fn(&[f64]) -> f64) -> Verdict {
    verdict("the interquartile mean", |trials| {
        let mut rng = seeded(4);
        let mut cases = vec![vec![500.0, 9.0, 480.0, 490.0], vec![7.0], vec![2.0, 1.0, 4.0]];
        cases.extend([5, 8, 10, 31].map(|n| draws(&mut rng, n, 500.0)));
        for scores in cases {
            let expected = interquartile_mean(&scores).unwrap_or(f64::NAN);
            trials.close(&format!("scores {scores:?}"), answer(&scores), expected, 1e-9)?;
        }
        Ok(())
    })
}

/// A reward, to two decimals.
fn draw(rng: &mut Rng) -> f64 {
    (rng.random_range(-5.0..5.0_f64) * 100.0).round() / 100.0
}
