//! Ten agents learn CartPole-v1 by deep Q-learning, each from a seed of its own, and are judged as few runs should be.
//!
//! ```sh
//! cargo run --release --example dqn_cartpole
//! cargo run --release --example dqn_cartpole -- --quick     # one agent, of at most 6000 steps, nothing asserted
//! ```
//!
//! An agent trains until 20 greedy episodes all reach 500, looked at every 2000 steps, or for 60 000 steps. Then 100 greedy
//! episodes that nothing was chosen by: each seed's mean, the interquartile mean with its bootstrap interval, and the share of
//! seeds from 475 on, which Gymnasium calls solved; the program asserts at least 9 of 10. Beside them a random policy and one
//! that a person writes in a line. Settings were tried on the seeds 0 to 9; these are 100 to 109.

use std::time::Instant;

use candlelight::prelude::*;
use candlelight::rl::{
    CartPole, Dqn, DqnConfig, bootstrap_interval, episode_returns, interquartile_mean, q_network, share_solved,
};

const SEEDS: std::ops::Range<u64> = 100..110;
const MOST_STEPS: u64 = 60_000;
const QUICK_STEPS: u64 = 6_000;
/// Steps from one look to the next.
const LOOK: u64 = 2000;

struct Run {
    seed: u64,
    steps: u64,
    score: f64,
    seconds: f64,
}

fn train(seed: u64, most: u64) -> Result<Run> {
    let started = Instant::now();
    let mut dqn = Dqn::new(CartPole::v1(), |params| q_network(&[4, 120, 84, 2], params), DqnConfig::cart_pole(), seed)?;
    while dqn.steps() < most {
        dqn.train(LOOK, Progress::Silent)?;
        if dqn.evaluate(&mut CartPole::v1(), 20, 1000 + dqn.steps())?.iter().all(|&total| total == 500.0) {
            break;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    // Not with `seed`, from which the training began: its starts would come again, one by one.
    let score = mean(&dqn.evaluate(&mut CartPole::v1(), 100, 100_000 + seed)?);
    Ok(Run { seed, steps: dqn.steps(), score, seconds })
}

fn mean(returns: &[f64]) -> f64 {
    returns.iter().sum::<f64>() / returns.len() as f64
}

fn main() -> Result<()> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let mut rng = seeded(0);
    let random = episode_returns(&mut CartPole::v1(), |_| Ok(rng.random_range(0..2)), 1000, 0)?;
    let linear = |s: &[f64; 4]| Ok(usize::from(0.1 * s[0] + 0.5 * s[1] + 5.0 * s[2] + s[3] > 0.0));
    println!("random actions                  {:6.1}", mean(&random));
    println!("0.1 x + 0.5 ẋ + 5 θ + θ̇ > 0     {:6.1}", mean(&episode_returns(&mut CartPole::v1(), linear, 100, 0)?));

    let started = Instant::now();
    let (seeds, most) = if quick { (SEEDS.start..SEEDS.start + 1, QUICK_STEPS) } else { (SEEDS, MOST_STEPS) };
    let runs = parallel_map(seeds, |seed| train(seed, most))?;
    for Run { seed, steps, score, seconds } in &runs {
        println!("seed {seed}: {score:5.1} after {steps:5} steps, {seconds:.1} s");
    }
    let scores: Vec<f64> = runs.iter().map(|run| run.score).collect();
    let (low, high) = bootstrap_interval(std::slice::from_ref(&scores), interquartile_mean, 2000, &mut rng)?;
    let solved = share_solved(&scores, 475.0)?;
    println!("interquartile mean {:.1} [{low:.1}, {high:.1}]", interquartile_mean(&scores)?);
    println!("solved {} of {}: {solved:.2}", solved.successes, solved.trials);
    println!("{:.0} s in all", started.elapsed().as_secs_f64());
    assert!(quick || solved.successes >= 9, "at least 9 of 10 seeds are solved");
    Ok(())
}
