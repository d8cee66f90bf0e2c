//! Agents that learn a table: single updates by hand, whole runs against exact values.

use candlelight::rl::{
    Environment, Exploration, FrozenLakeConfig, GridMap, GridWorldConfig, Mdp, Outcome, QTable, Space, Step, StepSize,
    TabularConfig, TabularEnv, TabularPolicy, TabularRun, TimeLimit, best_epsilon_soft, cliff_walking, double_q,
    double_q_update, expected_sarsa, expected_sarsa_update, frozen_lake, grid_world, n_step_sarsa, play,
    policy_evaluation, policy_iteration, q_learning, q_learning_update, q_values, sarsa, sarsa_update, taxi,
};
use candlelight::rng::{Rng, seeded};
use candlelight::{Error, Result};

use crate::message;

type Agent = fn(&mut dyn Environment<Observation = usize>, &TabularConfig, &mut Rng) -> Result<TabularRun>;

fn three_step_sarsa(
    env: &mut dyn Environment<Observation = usize>,
    config: &TabularConfig,
    rng: &mut Rng,
) -> Result<TabularRun> {
    n_step_sarsa(env, 3, config, rng)
}

const AGENTS: [(&str, Agent); 5] = [
    ("Q-learning", q_learning),
    ("SARSA", sarsa),
    ("expected SARSA", expected_sarsa),
    ("double Q", double_q),
    ("3-step SARSA", three_step_sarsa),
];

/// One state and one action, which earns 1.
fn one_state(terminated: bool) -> TabularEnv {
    let outcome = move |_, _| vec![Outcome { probability: 1.0, next: 0, reward: 1.0, terminated }];
    TabularEnv::new(Mdp::new(1, 1, vec![1.0], outcome).unwrap())
}

/// Three states with two actions and random outcomes, of which one in ten ends the episode.
fn small() -> Mdp {
    let outcome = |probability, next, reward, terminated| Outcome { probability, next, reward, terminated };
    Mdp::new(3, 2, vec![0.5, 0.25, 0.25], |state, action| match (state, action) {
        (0, 0) => vec![outcome(0.9, 1, 0.0, false), outcome(0.1, 0, 0.0, true)],
        (0, _) => vec![outcome(0.5, 2, 1.0, false), outcome(0.5, 0, -1.0, false)],
        (1, 0) => vec![outcome(0.8, 2, 2.0, false), outcome(0.2, 1, 0.0, true)],
        (1, _) => vec![outcome(1.0, 0, -0.5, false)],
        (2, 0) => vec![outcome(0.7, 0, 0.5, false), outcome(0.3, 2, -3.0, true)],
        (_, _) => vec![outcome(0.5, 1, 0.0, false), outcome(0.5, 2, -0.2, false)],
    })
    .unwrap()
}

#[test]
fn single_updates_are_those_of_the_formulas() -> Result<()> {
    let table = || QTable::from_fn(2, 2, |state, action| [[1.0, 2.0], [4.0, -8.0]][state][action]);
    // Target, with γ = 0.5 and α = 0.25, from Q(0, 1) = 2.
    let step = |terminated, truncated| Step { observation: 1, reward: 10.0, terminated, truncated };
    for (step, counts) in
        [(step(false, false), 1.0), (step(true, false), 0.0), (step(true, true), 0.0), (step(false, true), 1.0)]
    {
        let after = |future: f64| 2.0 + 0.25 * (10.0 + 0.5 * counts * future - 2.0);
        let mut q = table()?;
        assert_eq!(q_learning_update(&mut q, 0, 1, &step, 0.25, 0.5)?, 8.0 + 0.5 * counts * 4.0);
        assert_eq!(q.as_slice(), [1.0, after(4.0), 4.0, -8.0]);
        let mut q = table()?;
        sarsa_update(&mut q, 0, 1, &step, 1, 0.25, 0.5)?;
        assert_eq!(q.as_slice(), [1.0, after(-8.0), 4.0, -8.0]);
        let mut q = table()?;
        expected_sarsa_update(&mut q, 0, 1, &step, &[0.75, 0.25], 0.25, 0.5)?;
        assert_eq!(q.as_slice(), [1.0, after(1.0), 4.0, -8.0]);
        // Chosen by the first table, judged by the second.
        let (mut q, other) = (table()?, QTable::from_fn(2, 2, |_, action| [-6.0, 100.0][action])?);
        double_q_update(&mut q, &other, 0, 1, &step, 0.25, 0.5, &mut seeded(0))?;
        assert_eq!(q.as_slice(), [1.0, after(-6.0), 4.0, -8.0]);
    }
    let mut q = table()?;
    let outside = Step { observation: 7, reward: 0.0, terminated: false, truncated: false };
    assert!(matches!(sarsa_update(&mut q, 0, 0, &outside, 0, 0.1, 0.9), Err(Error::Index { index: 7, rows: 2, .. })));
    assert!(matches!(q_learning_update(&mut q, 0, 0, &outside, 0.1, 0.9), Err(Error::Index { index: 7, rows: 2, .. })));
    let inside = step(false, false);
    assert!(matches!(sarsa_update(&mut q, 0, 0, &inside, 2, 0.1, 0.9), Err(Error::Index { index: 2, rows: 2, .. })));
    assert!(matches!(q_learning_update(&mut q, 2, 0, &inside, 0.1, 0.9), Err(Error::Index { index: 2, .. })));
    assert_eq!(
        message(expected_sarsa_update(&mut q, 0, 0, &inside, &[1.0], 0.1, 0.9)),
        "next must be one probability for each action, got 1 for 2 actions"
    );
    assert_eq!(q, table()?, "a refused update changes nothing");
    Ok(())
}

/// A reward of 1 at each step is worth 1 / (1 - γ) = 10 where episodes are cut off, and 1 where they end.
#[test]
fn truncation_bootstraps_and_termination_does_not() -> Result<()> {
    let config = TabularConfig { episodes: 2000, gamma: 0.9, ..Default::default() };
    for (name, agent) in AGENTS {
        let cut_off = agent(&mut TimeLimit::new(one_state(false), 5)?, &config, &mut seeded(0))?;
        assert!((cut_off.q.row(0)[0] - 10.0).abs() < 1e-6, "{name}: {:?}", cut_off.q);
        let ended = agent(&mut TimeLimit::new(one_state(true), 5)?, &config, &mut seeded(0))?;
        assert!((ended.q.row(0)[0] - 1.0).abs() < 1e-6, "{name}: {:?}", ended.q);
        // A step that is both is an end.
        let both = agent(&mut TimeLimit::new(one_state(true), 1)?, &config, &mut seeded(0))?;
        assert!((both.q.row(0)[0] - 1.0).abs() < 1e-6, "{name}: {:?}", both.q);
    }
    Ok(())
}

/// Off-policy agents find Q*, on-policy ones the Q of the best policy that explores as they do.
#[test]
fn long_runs_find_the_values_that_theory_gives_them() -> Result<()> {
    let (mdp, gamma, epsilon) = (small(), 0.9, 0.3);
    let config = TabularConfig {
        episodes: usize::MAX,
        max_steps: 1_000_000,
        gamma,
        step_size: StepSize::Polynomial(0.8),
        exploration: Exploration::epsilon_greedy(epsilon),
        ..Default::default()
    };
    let optimal = policy_iteration(&mdp, gamma)?.q;
    let soft = best_epsilon_soft(&mdp, epsilon, gamma)?.q;
    let apart = optimal.distance(&soft);
    for ((name, agent), off_policy) in AGENTS.into_iter().zip([true, false, false, true, false]) {
        let learned = agent(&mut TabularEnv::new(mdp.clone()), &config, &mut seeded(1))?.q;
        let expected = if off_policy { &optimal } else { &soft };
        let error = learned.distance(expected);
        assert!(error < 0.1 * apart, "{name}: {error}, where the two are {apart} apart");
    }
    Ok(())
}

#[test]
fn one_step_of_n_is_sarsa_and_many_are_whole_returns() -> Result<()> {
    let config = TabularConfig { step_size: StepSize::Polynomial(0.6), gamma: 0.9, ..Default::default() };
    let mut env = TimeLimit::new(TabularEnv::new(small()), 20)?;
    let one = n_step_sarsa(&mut env, 1, &config, &mut seeded(2))?;
    assert_eq!(one, sarsa(&mut env, &config, &mut seeded(2))?);
    // A corridor of four steps, -1 each, walked once: with n = 3 the first two pairs see three rewards and a zero.
    let map = GridMap::new(&["SG"])?;
    let step = GridWorldConfig { step: -1.0, goal: 5.0, ..Default::default() };
    let mut corridor = TabularEnv::new(grid_world(&map, &step)?);
    let once = TabularConfig {
        episodes: 1,
        gamma: 0.5,
        step_size: StepSize::Constant(1.0),
        exploration: Exploration::epsilon_greedy(1.0),
        ..Default::default()
    };
    for n in [2, 3, 1000] {
        let run = n_step_sarsa(&mut corridor, n, &once, &mut seeded(3))?;
        let length = run.lengths[0];
        assert!(length > 3 && run.returns[0] == 5.0 - length as f64, "an episode of {length} steps");
        // The last step earns 4; k steps before the goal with n rewards in sight.
        assert_eq!(run.q.row(0)[2], 4.0);
        // The pair before the last is one of the other three, and was updated last by -1 + γ 4.
        assert_eq!([0, 1, 3].iter().filter(|&&action| run.q.row(0)[action] == 1.0).count(), 1, "{:?}", run.q);
    }
    Ok(())
}

#[test]
fn runs_are_counted_and_repeat_themselves() -> Result<()> {
    let config = TabularConfig { episodes: 30, snapshot_every: 10, ..Default::default() };
    for (name, agent) in AGENTS {
        let mut env = TimeLimit::new(TabularEnv::new(small()), 20)?;
        let run = agent(&mut env, &config, &mut seeded(4))?;
        assert_eq!((run.returns.len(), run.lengths.len()), (30, 30), "{name}");
        assert_eq!(run.lengths.iter().sum::<usize>(), run.steps, "{name}");
        assert_eq!(run.visits.iter().sum::<u64>(), run.steps as u64, "{name}");
        assert_eq!(run.snapshots.iter().map(|snapshot| snapshot.episode).collect::<Vec<_>>(), [10, 20, 30]);
        let last = run.snapshots.last().unwrap();
        assert_eq!((last.steps, &last.q), (run.steps, &run.q));
        assert_eq!(run.coverage(), 1.0);
        assert_eq!(agent(&mut env, &config, &mut seeded(4))?, run, "{name}");
        assert_ne!(agent(&mut env, &config, &mut seeded(5))?.q, run.q, "{name}");
        // Cut off by steps: within the first episodes, the same.
        let short = agent(&mut env, &TabularConfig { max_steps: 25, ..config.clone() }, &mut seeded(4))?;
        assert_eq!(short.steps, 25, "{name}");
        assert_eq!(short.returns, run.returns[..short.returns.len()], "{name}");
        let none = agent(&mut env, &TabularConfig { episodes: 0, initial: 3.0, ..config.clone() }, &mut seeded(4))?;
        assert_eq!((none.q, none.steps), (QTable::filled(3, 2, 3.0)?, 0), "{name}");
    }
    Ok(())
}

#[test]
fn frozen_lake_and_taxi_are_solved() -> Result<()> {
    let lake = frozen_lake(&GridMap::frozen_lake_4x4(), &FrozenLakeConfig::default())?;
    let mut env = TimeLimit::new(TabularEnv::new(lake.clone()), 100)?;
    let config = TabularConfig {
        episodes: 30_000,
        step_size: StepSize::Polynomial(0.6),
        exploration: Exploration::epsilon_greedy(0.3),
        ..Default::default()
    };
    let run = q_learning(&mut env, &config, &mut seeded(0))?;
    let found = policy_evaluation(&lake, &TabularPolicy::greedy(&run.q), 0.99)?;
    let optimum = policy_iteration(&lake, 0.99)?.values;
    assert!(found[0] > 0.98 * optimum[0], "{} of {}", found[0], optimum[0]);
    let mut env = TimeLimit::new(TabularEnv::new(taxi()?), 200)?;
    let config = TabularConfig {
        episodes: 30_000,
        gamma: 1.0,
        step_size: StepSize::Constant(1.0), // nothing is random
        exploration: Exploration::epsilon_greedy(0.3),
        ..Default::default()
    };
    let run = q_learning(&mut env, &config, &mut seeded(0))?;
    let greedy = TabularPolicy::greedy(&run.q);
    let found = taxi()?.start_value(&policy_evaluation(&taxi()?, &greedy, 1.0)?);
    assert!((found - 7.93).abs() < 1e-9, "{found}");
    // Played, it earns that on average; each return is at least that of the longest way.
    let returns = play(&mut env, &greedy, 4000, &mut seeded(1))?;
    let summary = candlelight::probability::Summary::new(&returns)?;
    assert!((summary.mean - 7.93).abs() < 4.0 * summary.standard_error());
    Ok(())
}

/// Sutton and Barto (2018), example 6.6.
#[test]
fn on_the_cliff_sarsa_earns_more_and_q_learning_knows_better() -> Result<()> {
    let config = TabularConfig {
        gamma: 1.0,
        step_size: StepSize::Constant(0.5),
        exploration: Exploration::epsilon_greedy(0.1),
        ..Default::default()
    };
    let mdp = cliff_walking(false)?;
    let (mut bold, mut careful) = (0.0, 0.0);
    for seed in 0..20 {
        let run = q_learning(&mut TabularEnv::new(mdp.clone()), &config, &mut seeded(seed))?;
        assert_eq!(policy_evaluation(&mdp, &TabularPolicy::greedy(&run.q), 1.0)?[36], -13.0);
        bold += run.returns[400..].iter().sum::<f64>() / 2000.0;
        let run = sarsa(&mut TabularEnv::new(mdp.clone()), &config, &mut seeded(seed))?;
        careful += run.returns[400..].iter().sum::<f64>() / 2000.0;
    }
    assert!(careful - bold > 10.0, "{careful} and {bold}");
    Ok(())
}

#[test]
fn bad_settings_are_typed_errors() -> Result<()> {
    for (_, agent) in AGENTS {
        let with = |config: &TabularConfig| message(agent(&mut TabularEnv::new(small()), config, &mut seeded(0)));
        let config = TabularConfig::default;
        assert_eq!(with(&TabularConfig { gamma: 1.1, ..config() }), "gamma must be in [0, 1], got 1.1");
        assert_eq!(with(&TabularConfig { initial: f64::NAN, ..config() }), "value must be finite, got NaN");
        let step = TabularConfig { step_size: StepSize::Constant(0.0), ..config() };
        assert_eq!(with(&step), "step size must be above 0 and finite, got 0");
        let policy = TabularConfig { exploration: Exploration::boltzmann(-1.0), ..config() };
        assert_eq!(with(&policy), "temperature must be above 0 and finite, got -1");
    }
    let mut env = TabularEnv::new(small());
    let config = TabularConfig::default();
    assert_eq!(message(n_step_sarsa(&mut env, 0, &config, &mut seeded(0))), "n must be at least 1, got 0");
    let wrong = TabularPolicy::uniform(3, 3)?;
    assert_eq!(
        message(play(&mut env, &wrong, 1, &mut seeded(0))),
        "policy must be of the states and actions of the environment, got 3 × 3, not 3 × 2"
    );
    Ok(())
}

/// An environment that shows a box though its observations are numbers.
struct Liar;

impl Environment for Liar {
    type Observation = usize;
    fn observation_space(&self) -> Space {
        Space::Box { low: vec![0.0], high: vec![1.0] }
    }
    fn actions(&self) -> usize {
        2
    }
    fn reset(&mut self, _: Option<u64>) -> Result<usize> {
        Ok(0)
    }
    fn step(&mut self, _: usize) -> Result<Step<usize>> {
        Ok(Step { observation: 9, reward: 0.0, terminated: false, truncated: false })
    }
}

/// As [`Liar`], with a state too many.
struct Overflow;

impl Environment for Overflow {
    type Observation = usize;
    fn observation_space(&self) -> Space {
        Space::Discrete(2)
    }
    fn actions(&self) -> usize {
        2
    }
    fn reset(&mut self, _: Option<u64>) -> Result<usize> {
        Ok(0)
    }
    fn step(&mut self, _: usize) -> Result<Step<usize>> {
        Ok(Step { observation: 9, reward: 0.0, terminated: false, truncated: false })
    }
}

#[test]
fn environments_that_do_not_keep_their_word_are_refused() {
    for (name, agent) in AGENTS {
        let config = TabularConfig::default();
        let refused = message(agent(&mut Liar, &config, &mut seeded(0)));
        assert!(refused.starts_with("observation space must be discrete"), "{name}: {refused}");
        let refused = agent(&mut Overflow, &config, &mut seeded(0));
        assert!(matches!(refused, Err(Error::Index { index: 9, rows: 2, .. })), "{name}: {refused:?}");
    }
}

#[test]
fn one_backup_is_one_expected_update() -> Result<()> {
    // The mean of Q-learning's targets over the outcomes is Bellman's backup.
    let (mdp, q) = (small(), QTable::from_fn(3, 2, |state, action| (state * 3 + action) as f64)?);
    let backup = q_values(&mdp, &q.values(), 0.9)?;
    for (state, action) in [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1)] {
        let mut mean = 0.0;
        for outcome in mdp.outcomes(state, action) {
            let Outcome { probability, next, reward, terminated } = *outcome;
            let step = Step { observation: next, reward, terminated, truncated: false };
            let mut updated = q.clone();
            q_learning_update(&mut updated, state, action, &step, 1.0, 0.9)?;
            mean += probability * updated.row(state)[action];
        }
        assert!((mean - backup.row(state)[action]).abs() < 1e-12);
    }
    Ok(())
}
