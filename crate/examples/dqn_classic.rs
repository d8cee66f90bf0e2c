//! Deep Q-learning of Acrobot-v1 and MountainCar-v0, ten seeds each, judged as few runs should be.
//!
//! ```text
//! cargo run --release -p candlelight --example dqn_classic
//! cargo run -p candlelight --example dqn_classic -- --quick     # Acrobot alone, two seeds of 16 000 steps
//! ```
//!
//! An agent trains for 100 000 steps. Every 4000 it is looked at for 100 greedy episodes, and the parameters of the best look are
//! kept: these episodes choose, so they do not judge. 100 other greedy episodes do: each seed's mean, the interquartile mean with
//! its bootstrap interval, and the share of seeds that come to the goal. Beside them are a random policy, in MountainCar also the
//! one that pushes along the velocity, and what Stable-Baselines3 reached in rl-zoo.
//!
//! The program asserts: in MountainCar at least 9 of 10 seeds have a mean of -110 or more, where Gymnasium calls it solved, and
//! the lower end of the interval is above the push along the velocity; in Acrobot at least 7 of 10 have -85 or more. Measured:
//! 10 of 10, interquartile mean -99.1 [-99.9, -98.1]; 9 of 10, -80.2 [-82.9, -78.9]: that of rl-zoo is not reached there. With
//! `--quick` both seeds have at least -200, where random actions have -500.
//!
//! The settings are not rl-zoo's, with which one of two seeds of MountainCar stayed at -200 here. Where they differ:
//!
//! - Both: n = 5 steps of reward, since a value has a hundred steps to creep back from the goal; smaller nets, fewer updates.
//! - Acrobot: a target that follows each step by τ = 0.005, in place of copies.
//! - MountainCar: the velocity, below 0.07, is brought to the range of the place, and ε falls in 5000 steps. Random actions do
//!   not reach the goal; what explores is that all values begin near 0, too high, and fall where something was tried. With ε falling
//!   in 30 000 steps 3 of 10 seeds ended at -200.
//!
//! Tried on the seeds 0 to 19 and 100 to 109; these are 200 to 209. Once they were seen, too: with looks of 50 episodes and 60 000
//! steps of Acrobot, of which 7 of 10 came to the goal.

use std::time::Instant;

use candlelight::nn::from_fn;
use candlelight::params::LoadConfig;
use candlelight::prelude::*;
use candlelight::probability::Proportion;
use candlelight::rl::{
    Acrobot, Dqn, DqnConfig, Environment, MountainCar, bootstrap_interval, episode_returns, interquartile_mean,
    q_network, share_solved,
};

const FIRST_SEED: u64 = 200;
/// Steps from one look to the next.
const LOOK: u64 = 4000;
/// Episodes that judge, and those of a look.
const EPISODES: usize = 100;

/// An environment to learn, and how.
struct Problem<E, const N: usize> {
    name: &'static str,
    make: fn() -> E,
    config: DqnConfig,
    steps: u64,
    episodes_of_a_look: usize,
    /// By what the network multiplies each number it sees.
    scale: [f32; N],
    goal: f64,
    /// What rl-zoo's agent reaches (Raffin 2020, its table of results).
    anchor: f64,
}

struct Run {
    seed: u64,
    /// Steps before the best look, and its mean.
    steps: u64,
    look: f64,
    score: f64,
    seconds: f64,
}

/// What both have in common.
fn common() -> DqnConfig {
    DqnConfig { learning_starts: 1000, train_every: 4, n_step: 5, ..DqnConfig::default() }
}

fn acrobot() -> Problem<impl Environment<Observation = [f64; 6]>, 6> {
    let config = DqnConfig { lr: 3e-4, buffer_size: 100_000, epsilon_steps: 12_000, ..common() };
    let config = DqnConfig { target_every: 1, tau: 0.005, ..config };
    Problem {
        name: "Acrobot-v1",
        make: Acrobot::v1,
        config,
        steps: 100_000,
        episodes_of_a_look: EPISODES,
        scale: [1.0; 6],
        goal: -85.0,
        anchor: -76.6,
    }
}

fn mountain_car() -> Problem<impl Environment<Observation = [f64; 2]>, 2> {
    let huber = DqnConfig { huber: Some(1.0), max_grad_norm: Some(10.0), ..common() };
    let config =
        DqnConfig { lr: 1e-3, batch_size: 64, buffer_size: 50_000, epsilon_steps: 5000, double: true, ..huber };
    Problem {
        name: "MountainCar-v0",
        make: MountainCar::v0,
        config: DqnConfig { target_every: 500, ..config },
        steps: 100_000,
        episodes_of_a_look: EPISODES,
        scale: [1.1, 14.0],
        goal: -110.0,
        anchor: -100.8,
    }
}

fn mean(returns: &[f64]) -> f64 {
    returns.iter().sum::<f64>() / returns.len() as f64
}

impl<E: Environment<Observation = [f64; N]>, const N: usize> Problem<E, N> {
    fn run(&self, seed: u64) -> Result<Run> {
        let (started, actions) = (Instant::now(), (self.make)().actions());
        let scale = Tensor::new(&self.scale, &Device::Cpu)?;
        let network = |params| {
            let scale = scale.clone();
            let scaled = from_fn(move |x, _| Ok(x.broadcast_mul(&scale)?));
            Ok(Sequential::new().push(scaled).push(q_network(&[N, 128, 128, actions], params)?))
        };
        let mut dqn = Dqn::new((self.make)(), network, self.config, seed)?;
        let (mut best, mut run) = (None, Run { seed, steps: 0, look: f64::NEG_INFINITY, score: 0.0, seconds: 0.0 });
        while dqn.steps() < self.steps {
            dqn.train(LOOK, Progress::Silent)?;
            let look = mean(&dqn.evaluate(&mut (self.make)(), self.episodes_of_a_look, 10_000 + dqn.steps())?);
            if look > run.look {
                (run.look, run.steps) = (look, dqn.steps());
                best = Some(dqn.params().state_dict()?);
            }
        }
        if let Some(best) = best {
            dqn.params().load_state_dict(&best, LoadConfig::default())?;
        }
        // Not with `seed`, from which the training began: its starts would come again, one by one.
        run.score = mean(&dqn.evaluate(&mut (self.make)(), EPISODES, 100_000 + seed)?);
        run.seconds = started.elapsed().as_secs_f64();
        Ok(run)
    }

    /// Prints a policy that learns nothing.
    fn baseline(&self, policy: impl FnMut(&[f64; N]) -> usize, name: &str, episodes: usize) -> Result<f64> {
        let mut policy = policy;
        let score = mean(&episode_returns(&mut (self.make)(), |observation| Ok(policy(observation)), episodes, 0)?);
        println!("{}, {name}: {score:.1}", self.name);
        Ok(score)
    }

    /// Trains and prints: the lower end of the interval of the interquartile mean, and how many seeds came to the goal.
    fn learn(&self, seeds: u64) -> Result<(f64, Proportion)> {
        let runs = parallel_map(FIRST_SEED..FIRST_SEED + seeds, |seed| self.run(seed))?;
        for Run { seed, steps, look, score, seconds } in &runs {
            println!("seed {seed}: {score:6.1}; best look {look:6.1} after {steps:6} steps; {seconds:.0} s");
        }
        let scores: Vec<f64> = runs.iter().map(|run| run.score).collect();
        let of_scores = std::slice::from_ref(&scores);
        let (low, high) = bootstrap_interval(of_scores, interquartile_mean, 2000, &mut seeded(0))?;
        let solved = share_solved(&scores, self.goal)?;
        println!("at least {}: {} of {} seeds; rl-zoo {}", self.goal, solved.successes, solved.trials, self.anchor);
        println!("{}, interquartile mean [{low:.1}, {high:.1}]: {:.1}\n", self.name, interquartile_mean(&scores)?);
        Ok((low, solved))
    }
}

fn main() -> Result<()> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let mut rng = seeded(0);
    let started = Instant::now();

    let (car, episodes) = (mountain_car(), if quick { 100 } else { 1000 });
    let random = car.baseline(|_| rng.random_range(0..3), "random actions", episodes)?;
    let push = car.baseline(|&[_, v]| if v < 0.0 { 0 } else { 2 }, "push along the velocity", 1000)?;
    assert!(random < -199.0 && (push + 119.9).abs() < 1.0, "{random} and {push}");
    if !quick {
        let (low, solved) = car.learn(10)?;
        assert!(solved.successes >= 9, "at least 9 of 10 seeds come to {}", car.goal);
        assert!(low > push, "better than the push along the velocity");
    }

    let mut acrobot = acrobot();
    let random = acrobot.baseline(|_| rng.random_range(0..3), "random actions", episodes)?;
    assert!((random + 497.0).abs() < 4.0, "{random}");
    if quick {
        (acrobot.steps, acrobot.episodes_of_a_look, acrobot.goal) = (16_000, 20, -200.0);
    }
    let (least, seeds) = if quick { (2, 2) } else { (7, 10) };
    let (_, solved) = acrobot.learn(seeds)?;
    assert!(solved.successes >= least, "at least {least} of {seeds} seeds come to {}", acrobot.goal);
    if !quick {
        println!("{:.0} s in all", started.elapsed().as_secs_f64());
    }
    Ok(())
}
