//! What few runs say of an agent.

use candlelight::prelude::*;
use candlelight::rl::{
    CartPole, Environment, MountainCar, bootstrap_interval, episode_returns, interquartile_mean,
    probability_of_improvement, share_solved,
};

fn mean(scores: &[f64]) -> Result<f64> {
    Ok(scores.iter().sum::<f64>() / scores.len() as f64)
}

/// `[trim_mean(np.arange(1, n + 1) ** 2, 0.25) for n in range(1, 11)]` of SciPy 1.17.1.
#[test]
fn the_interquartile_mean_is_scipys() {
    let expected = [1.0, 2.5, 14.0 / 3.0, 6.5, 29.0 / 3.0, 13.5, 18.0, 21.5, 27.0, 199.0 / 6.0];
    for (n, expected) in (1..=10).zip(expected) {
        let mut scores: Vec<f64> = (1..=n).map(|x| f64::from(x * x)).collect();
        scores.reverse();
        assert!((interquartile_mean(&scores).unwrap() - expected).abs() < 1e-12, "{n}");
    }
}

/// That of the mean of many normal scores is ± 1.96 s/√n, for the s of the sample with n in the denominator.
#[test]
fn the_bootstrap_knows_the_spread_of_a_mean() {
    let mut rng = seeded(1);
    let scores: Vec<f64> = (0..400).map(|_| (0..12).map(|_| rng.random::<f64>()).sum::<f64>()).collect();
    let center = mean(&scores).unwrap();
    let spread = (scores.iter().map(|x| (x - center).powi(2)).sum::<f64>() / 400.0).sqrt() / 20.0;
    let (low, high) = bootstrap_interval(&[scores], mean, 20_000, &mut rng).unwrap();
    for (end, expected) in [(low, center - 1.96 * spread), (high, center + 1.96 * spread)] {
        // A quantile of 20 000 at 2.5 % is itself off by √(0.025 · 0.975 / 20 000) / φ(1.96) = 0.019 spreads.
        assert!((end - expected).abs() < 0.08 * spread, "{end} {expected} {spread}");
    }
}

/// Two tasks whose runs are all alike within each: resampling within a task changes nothing, across tasks it would.
#[test]
fn the_bootstrap_keeps_tasks_apart() {
    let scores = [vec![0.0; 5], vec![1.0; 5]];
    assert_eq!(bootstrap_interval(&scores, mean, 200, &mut seeded(0)).unwrap(), (0.5, 0.5));
    let pooled = [scores.concat()];
    let (low, high) = bootstrap_interval(&pooled, mean, 200, &mut seeded(0)).unwrap();
    assert!(low < 0.3 && high > 0.7);
    let again = |seed| bootstrap_interval(&pooled, mean, 200, &mut seeded(seed)).unwrap();
    assert!(again(3) == again(3));
}

#[test]
fn improvement_counts_pairs() {
    assert_eq!(probability_of_improvement(&[1.0], &[1.0]).unwrap(), 0.5);
    assert_eq!(probability_of_improvement(&[2.0, 3.0], &[1.0]).unwrap(), 1.0);
    // Of 3 · 2 pairs 3 are won and 1 is a tie.
    assert_eq!(probability_of_improvement(&[1.0, 2.0, 3.0], &[2.0, 1.5]).unwrap(), 3.5 / 6.0);
    assert_eq!(share_solved(&[1.0, 2.0, 3.0], 2.0).unwrap().successes, 2);
}

#[test]
fn scores_that_say_nothing_are_refused() {
    let none = "scores must be at least one, got none";
    assert_eq!(interquartile_mean(&[]).unwrap_err().to_string(), none);
    assert_eq!(share_solved(&[], 1.0).unwrap_err().to_string(), none);
    assert_eq!(probability_of_improvement(&[1.0], &[]).unwrap_err().to_string(), none);
    assert_eq!(interquartile_mean(&[1.0, f64::NAN]).unwrap_err().to_string(), "score must be finite, got NaN");
    let interval = |scores: &[Vec<f64>], resamples| bootstrap_interval(scores, mean, resamples, &mut seeded(0));
    assert_eq!(interval(&[], 10).unwrap_err().to_string(), "tasks must be at least 1, got 0");
    assert_eq!(interval(&[vec![1.0], vec![]], 10).unwrap_err().to_string(), none);
    assert_eq!(interval(&[vec![1.0]], 0).unwrap_err().to_string(), "resamples must be at least 1, got 0");
}

/// Returns are those of the episodes one after another in one stream of random numbers; random actions earn what Gymnasium's do.
#[test]
fn episodes_are_played_in_one_stream() {
    let left = |_: &[f64; 4]| Ok(0);
    let returns = episode_returns(&mut CartPole::v1(), left, 50, 7).unwrap();
    let mut env = CartPole::v1();
    for (i, total) in returns.iter().enumerate() {
        env.reset((i == 0).then_some(7)).unwrap();
        let mut steps = 1.0;
        while !env.step(0).unwrap().ended() {
            steps += 1.0;
        }
        assert_eq!(*total, steps);
    }
    assert!(returns.iter().any(|total| *total != returns[0]));
    let mut rng = seeded(0);
    let returns = episode_returns(&mut CartPole::v1(), |_| Ok(rng.random_range(0..2)), 4000, 0).unwrap();
    let random = Summary::new(&returns).unwrap();
    // 22.7 over ten thousand episodes of Gymnasium 1.4.0.
    assert!((random.mean - 22.7).abs() < 4.0 * random.standard_error() + 0.3, "{random}");
    let push = |state: &[f64; 2]| Ok(if state[1] >= 0.0 { 2 } else { 0 });
    let returns = episode_returns(&mut MountainCar::v0(), push, 1000, 0).unwrap();
    assert!((mean(&returns).unwrap() + 119.9).abs() < 1.0);
    assert_eq!(episode_returns(&mut env, left, 0, 0).unwrap_err().to_string(), "episodes must be at least 1, got 0");
    assert!(episode_returns(&mut env, |_| Ok(2), 1, 0).is_err());
}
