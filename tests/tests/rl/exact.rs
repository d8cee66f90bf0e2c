//! Exact solutions: against values of Gymnasium's tables, linear algebra and enumeration.

use candlelight::Result;
use candlelight::rand::Rng as _;
use candlelight::rl::{
    FrozenLakeConfig, GridMap, GridWorldConfig, Mdp, Outcome, QTable, TabularPolicy, ValueIterationConfig,
    bellman_sweep, best_epsilon_soft, best_stationary_within, cliff_walking, evaluate_within, finite_horizon,
    frozen_lake, grid_world, iterative_policy_evaluation, log10_greedy_policies, policy_evaluation, policy_iteration,
    q_values, reachable, taxi, value_iteration,
};
use candlelight::rng::seeded;

use crate::message;

fn small_lake() -> Mdp {
    frozen_lake(&GridMap::frozen_lake_4x4(), &FrozenLakeConfig::default()).unwrap()
}

fn large_lake() -> Mdp {
    frozen_lake(&GridMap::frozen_lake_8x8(), &FrozenLakeConfig::default()).unwrap()
}

fn near(value: f64, expected: f64, tolerance: f64) {
    assert!((value - expected).abs() <= tolerance, "{value} instead of {expected}");
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

fn undiscounted() -> ValueIterationConfig {
    ValueIterationConfig { gamma: 1.0, ..Default::default() }
}

/// A process with random outcomes, three to each pair; each may end the episode.
fn random_process(states: usize, actions: usize, seed: u64) -> Mdp {
    let draw = |s: usize, a: usize| {
        let mut rng = seeded(seed * 1000 + (s * actions + a) as u64);
        let p = rng.random::<f64>();
        [p * p, p * (1.0 - p), 1.0 - p]
            .map(|probability| Outcome {
                probability,
                next: rng.random_range(0..states),
                reward: rng.random_range(-1.0..1.0),
                terminated: rng.random::<f64>() < 0.1,
            })
            .to_vec()
    };
    Mdp::new(states, actions, vec![1.0 / states as f64; states], draw).unwrap()
}

#[test]
fn frozen_lake_is_worth_what_it_is() -> Result<()> {
    for (mdp, limit, unlimited, within) in [(small_lake(), 100, 0.8235, 0.7442), (large_lake(), 200, 1.0, 0.9132)] {
        let start = |values: &[f64]| mdp.start_value(values);
        near(start(&value_iteration(&mdp, &undiscounted())?.values), unlimited, 5e-5);
        near(start(&policy_iteration(&mdp, 1.0)?.values), unlimited, 5e-5);
        near(start(&finite_horizon(&mdp, limit, 1.0)?.values[limit]), within, 5e-5);
    }
    // 14/17, with the small lake.
    near(policy_iteration(&small_lake(), 1.0)?.values[0], 14.0 / 17.0, 1e-12);
    Ok(())
}

#[test]
fn the_best_stationary_policy_within_a_limit_is_proven() -> Result<()> {
    let small = best_stationary_within(&small_lake(), 100, 1.0, 1000)?;
    assert!(small.proven() && small.nodes < 100);
    near(small.value, 0.7402, 5e-5);
    // NumPy, with Gymnasium's table: climbing, state by state, from the optimal policies of eight discounts ends here each time;
    // the optimal policy of γ = 0.999 is worth 0.8857.
    let large = best_stationary_within(&large_lake(), 200, 1.0, 1000)?;
    assert!(large.proven());
    near(large.value, 0.893_568_385_974_862, 1e-12);
    let policy = TabularPolicy::deterministic(&large.policy, 4)?;
    near(evaluate_within(&large_lake(), &policy, 200, 1.0)?[0], large.value, 1e-12);
    let patient = policy_iteration(&large_lake(), 0.999)?.policy;
    near(evaluate_within(&large_lake(), &patient, 200, 1.0)?[0], 0.8857, 5e-5);
    // Too few nodes: the bound is that with a clock.
    let unproven = best_stationary_within(&large_lake(), 200, 1.0, 1)?;
    assert!(!unproven.proven() && unproven.value < large.value);
    near(unproven.bound, 0.9132, 5e-5);
    Ok(())
}

/// All 3^5 policies of small processes, one after another.
#[test]
fn the_best_stationary_policy_is_that_of_enumeration() -> Result<()> {
    let mut clocks = 0;
    for (seed, horizon) in (0..400).map(|seed| (seed, [2, 3, 5, 9][seed as usize % 4])) {
        let mdp = random_process(5, 3, seed);
        let all = (0..3_usize.pow(5)).map(|code| {
            let choices: Vec<usize> = (0..5).map(|state| code / 3_usize.pow(state) % 3).collect();
            let policy = TabularPolicy::deterministic(&choices, 3)?;
            Ok(mdp.start_value(&evaluate_within(&mdp, &policy, horizon, 1.0)?))
        });
        let best = all.collect::<Result<Vec<f64>>>()?.into_iter().fold(f64::NEG_INFINITY, f64::max);
        let found = best_stationary_within(&mdp, horizon, 1.0, 10_000)?;
        assert!(found.proven());
        near(found.value, best, 1e-9);
        clocks += usize::from(mdp.start_value(&finite_horizon(&mdp, horizon, 1.0)?.values[horizon]) > best + 1e-6);
    }
    assert!(clocks > 100, "a clock should help in many of them: {clocks}");
    Ok(())
}

#[test]
fn taxi_is_worth_7_93_and_has_many_optimal_policies() -> Result<()> {
    let mdp = taxi()?;
    let solved = policy_iteration(&mdp, 1.0)?;
    near(mdp.start_value(&solved.values), 7.93, 1e-9);
    near(mdp.start_value(&finite_horizon(&mdp, 200, 1.0)?.values[200]), 7.93, 1e-9);
    near(log10_greedy_policies(&mdp, &solved.q, 1e-9)?, 48.16, 5e-3);
    // All but the 100 in which the passenger is where they want to be.
    assert_eq!(reachable(&mdp).iter().filter(|reached| **reached).count(), 400);
    Ok(())
}

#[test]
fn exploring_on_the_cliff_costs_what_it_costs() -> Result<()> {
    let mdp = cliff_walking(false)?;
    let optimal = policy_iteration(&mdp, 1.0)?;
    near(optimal.values[36], -13.0, 1e-12);
    // What Q-learning approaches while it explores, with ties broken at random; and SARSA.
    let greedy = TabularPolicy::greedy_at_random(&optimal.q, 1e-9);
    near(policy_evaluation(&mdp, &greedy.epsilon_soft(0.1)?, 1.0)?[36], -50.8, 0.05);
    near(best_epsilon_soft(&mdp, 0.1, 1.0)?.values[36], -20.7, 0.05);
    // Up to a row, right along it, down at the end; from the rows above, down to it.
    let along = |row: usize, epsilon: f64| {
        let choice = |state: usize| match (state / 12, state % 12) {
            (_, 11) => 2,
            (r, _) if r > row => 0,
            (r, _) if r < row => 2,
            _ => 1,
        };
        let choices: Vec<usize> = (0..48).map(choice).collect();
        Ok::<_, candlelight::Error>(
            policy_evaluation(&mdp, &TabularPolicy::deterministic(&choices, 4)?.epsilon_soft(epsilon)?, 1.0)?[36],
        )
    };
    // Rows 2, 1, 0 are paths of 13, 15 and 17 steps.
    let [short, middle, safe] = [2, 1, 0].map(|row| along(row, 0.0).unwrap());
    assert_eq!([short, middle, safe].map(f64::round), [-13.0, -15.0, -17.0]);
    near(along(0, 0.2)?, -29.6, 0.05);
    near(along(1, 0.2)?, -31.3, 0.05);
    assert!(along(1, 0.1)? > along(0, 0.1)?, "with ε = 0.1 the path of 15 steps is better");
    // The best ε-soft policy is none of the three, and better than each.
    for epsilon in [0.05, 0.1, 0.2, 0.4] {
        let best = best_epsilon_soft(&mdp, epsilon, 1.0)?.values[36];
        assert!((0..3).all(|row| along(row, epsilon).unwrap() < best), "ε = {epsilon}");
    }
    Ok(())
}

#[test]
fn sweeps_contract_at_gamma_and_in_the_end_at_the_second_eigenvalue() -> Result<()> {
    let (mdp, mut rng) = (small_lake(), seeded(0));
    for gamma in [0.5, 0.9, 0.99] {
        for _ in 0..20 {
            let [a, b]: [Vec<f64>; 2] = std::array::from_fn(|_| (0..16).map(|_| rng.random_range(-9.0..9.0)).collect());
            let after = distance(&bellman_sweep(&mdp, &a, gamma)?, &bellman_sweep(&mdp, &b, gamma)?);
            assert!(after <= gamma * distance(&a, &b) * (1.0 + 1e-12));
        }
    }
    let solved = value_iteration(&mdp, &ValueIterationConfig::default())?;
    let factors: Vec<f64> = solved.residuals.windows(2).map(|pair| pair[1] / pair[0]).collect();
    assert!(factors[..400].iter().all(|&factor| factor <= 0.99 * (1.0 + 1e-9)));
    // NumPy: the largest absolute eigenvalue of γ P under the optimal policy.
    near(factors[400], 0.965_979_571_43, 1e-8);
    Ok(())
}

#[test]
fn all_ways_lead_to_the_same_values() -> Result<()> {
    let mut rng = seeded(1);
    for (seed, gamma) in (0..10).map(|seed| (seed, [0.0, 0.5, 0.9, 0.99][seed as usize % 4])) {
        let mdp = random_process(12, 3, seed);
        let by_policies = policy_iteration(&mdp, gamma)?;
        for _ in 0..3 {
            let start = Some((0..12).map(|_| rng.random_range(-50.0..50.0)).collect());
            let swept = value_iteration(&mdp, &ValueIterationConfig { gamma, start, ..Default::default() })?;
            assert!(distance(&swept.values, &by_policies.values) < 1e-9, "γ = {gamma}");
            assert!(swept.q.distance(&by_policies.q) < 1e-9);
        }
        let (swept, changes) = iterative_policy_evaluation(&mdp, &by_policies.policy, gamma, 1e-13)?;
        assert!(distance(&swept, &by_policies.values) < 1e-9);
        assert!(changes.windows(2).all(|pair| pair[1] <= gamma * pair[0] + 1e-12));
        // A fixed point of Bellman's operator, and of q_values.
        assert!(distance(&bellman_sweep(&mdp, &by_policies.values, gamma)?, &by_policies.values) < 1e-12);
        assert!(distance(&q_values(&mdp, &by_policies.values, gamma)?.values(), &by_policies.values) < 1e-12);
        // Far ahead, the horizon does not matter.
        let far = finite_horizon(&mdp, 2000, gamma)?;
        assert!(distance(&far.values[2000], &by_policies.values) < 1e-6);
    }
    Ok(())
}

#[test]
fn a_horizon_is_walked_back_step_by_step() -> Result<()> {
    // One may take 1 now and end, or wait a step for 3.
    let outcome = |next, reward, terminated| vec![Outcome { probability: 1.0, next, reward, terminated }];
    let mdp = Mdp::new(2, 2, vec![1.0, 0.0], |state, action| match (state, action) {
        (0, 0) => outcome(0, 1.0, true),
        (0, _) => outcome(1, 0.0, false),
        _ => outcome(1, 3.0, true),
    })?;
    let found = finite_horizon(&mdp, 3, 0.5)?;
    assert_eq!(found.values, [[0.0, 0.0], [1.0, 3.0], [1.5, 3.0], [1.5, 3.0]]);
    assert_eq!(found.policy, [[0, 0], [1, 0], [1, 0]]);
    let wait = TabularPolicy::deterministic(&[1, 0], 2)?;
    assert_eq!(evaluate_within(&mdp, &wait, 1, 0.5)?, [0.0, 3.0]);
    assert_eq!(evaluate_within(&mdp, &wait, 0, 0.5)?, [0.0, 0.0]);
    Ok(())
}

#[test]
fn episodes_without_end_have_the_value_of_their_rewards() -> Result<()> {
    // Action 0 stays for ever: at cost 1, for 0, for a gain of 1, for both by turns (states 3 and 4). Action 1 ends. State 5 leads
    // to state 0 half of the time; state 6 to 0 or 2; state 7 pays once, and then nothing is earned for ever.
    let outcome = |probability, next, reward, terminated| Outcome { probability, next, reward, terminated };
    let mdp = Mdp::new(8, 2, vec![1.0 / 8.0; 8], |state, action| match (state, action) {
        (_, 1) => vec![outcome(1.0, state, -5.0, true)],
        (0, _) => vec![outcome(1.0, 0, -1.0, false)],
        (1, _) => vec![outcome(1.0, 1, 0.0, false)],
        (2, _) => vec![outcome(1.0, 2, 1.0, false)],
        (3, _) => vec![outcome(1.0, 4, 1.0, false)],
        (4, _) => vec![outcome(1.0, 3, -2.0, false)],
        (5, _) => vec![outcome(0.5, 0, 7.0, false), outcome(0.5, 5, 0.0, true)],
        (6, _) => vec![outcome(0.5, 0, 0.0, false), outcome(0.5, 2, 0.0, false)],
        _ => vec![outcome(1.0, 1, -1.0, false)],
    })?;
    let stay = policy_evaluation(&mdp, &TabularPolicy::deterministic(&[0; 8], 2)?, 1.0)?;
    assert_eq!(stay[..3], [f64::NEG_INFINITY, 0.0, f64::INFINITY]);
    assert!(stay[3].is_nan() && stay[4].is_nan() && stay[6].is_nan());
    assert_eq!((stay[5], stay[7]), (f64::NEG_INFINITY, -1.0));
    assert_eq!(policy_evaluation(&mdp, &TabularPolicy::deterministic(&[1; 8], 2)?, 1.0)?, [-5.0; 8]);
    // With any exploring it ends, after 2 steps of stays on average for one of leaving.
    let soft = policy_evaluation(&mdp, &TabularPolicy::uniform(8, 2)?, 1.0)?;
    near(soft[0], 0.5 * -5.0 + 0.5 * (-1.0 + soft[0]), 1e-12);
    near(soft[0], -6.0, 1e-12);
    // A discount makes all of it finite.
    near(policy_evaluation(&mdp, &TabularPolicy::deterministic(&[0; 8], 2)?, 0.9)?[0], -10.0, 1e-12);
    Ok(())
}

#[test]
fn walls_holes_and_steps_are_valued_by_hand() -> Result<()> {
    let map = GridMap::new(&["S.#", "..G"])?;
    let mdp = grid_world(&map, &GridWorldConfig::default())?;
    // Steps to the goal: 3 from the start.
    let values = policy_iteration(&mdp, 1.0)?.values;
    assert_eq!([values[0], values[1], values[3], values[4]], [-3.0, -2.0, -2.0, -1.0]);
    // Down and right are equally good at the start only.
    near(log10_greedy_policies(&mdp, &policy_iteration(&mdp, 1.0)?.q, 1e-9)?, 2_f64.log10(), 1e-12);
    Ok(())
}

#[test]
fn bad_settings_are_typed_errors() -> Result<()> {
    let mdp = small_lake();
    let wrong = TabularPolicy::uniform(16, 3)?;
    assert_eq!(
        message(policy_evaluation(&mdp, &wrong, 0.9)),
        "policy must be of the states and actions of the process, got 16 × 3, not 16 × 4"
    );
    assert_eq!(message(policy_iteration(&mdp, 1.5)), "gamma must be in [0, 1], got 1.5");
    assert_eq!(message(bellman_sweep(&mdp, &[0.0; 3], 0.9)), "values must be one for each state, got 3 for 16 states");
    assert_eq!(message(finite_horizon(&mdp, 3, f64::NAN)), "gamma must be in [0, 1], got NaN");
    assert_eq!(message(best_epsilon_soft(&mdp, -0.1, 0.9)), "epsilon must be in [0, 1], got -0.1");
    assert_eq!(message(best_stationary_within(&mdp, 3, 0.9, 0)), "max_nodes must be at least 1, got 0");
    let few = ValueIterationConfig { max_sweeps: 2, ..Default::default() };
    assert!(
        message(value_iteration(&mdp, &few)).starts_with("max_sweeps must be enough to reach the tolerance, got 2")
    );
    let start = ValueIterationConfig { start: Some(vec![f64::NAN; 16]), ..Default::default() };
    assert_eq!(message(value_iteration(&mdp, &start)), "start must be finite, got NaN");
    let short = ValueIterationConfig { start: Some(vec![0.0; 2]), ..Default::default() };
    assert!(message(value_iteration(&mdp, &short)).starts_with("values must be one for each state"));
    assert!(message(log10_greedy_policies(&mdp, &QTable::new(2, 4)?, 0.0)).starts_with("values must be one"));
    Ok(())
}
