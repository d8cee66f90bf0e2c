//! The ten-armed testbed.

use candlelight::Result;
use candlelight::probability::Summary;
use candlelight::rl::{BanditConfig, Exploration, StepSize, Testbed, TestbedConfig, bandit};
use candlelight::rng::seeded;

use crate::message;

fn agent(exploration: Exploration) -> BanditConfig {
    BanditConfig { exploration, ..Default::default() }
}

/// Values of an independent program, also of 2000 runs: within four standard errors of a difference, and rounding.
fn agrees(values: &[f64], expected: f64, rounding: f64) {
    let here = Summary::new(values).unwrap();
    let slack = 4.0 * 2_f64.sqrt() * here.standard_error() + rounding;
    assert!((here.mean - expected).abs() <= slack, "{} instead of {expected} ± {slack}", here.mean);
}

#[test]
fn agents_on_the_ten_armed_testbed_earn_what_others_measured() -> Result<()> {
    let optimistic = |step_size| BanditConfig { exploration: Exploration::greedy(), step_size, initial: 5.0 };
    // Reward and share of the best arm over the last 100 steps, regret of 1000 steps.
    let rows = [
        (agent(Exploration::greedy()), 1.04, 0.38, 499.0),
        (agent(Exploration::epsilon_greedy(0.1)), 1.37, 0.79, 232.0),
        (agent(Exploration::epsilon_greedy(0.01)), 1.29, 0.58, 350.0),
        (optimistic(StepSize::Constant(0.1)), 1.52, 0.85, 240.0),
        (agent(Exploration::Ucb(2.0)), 1.48, 0.86, 148.0),
        (agent(Exploration::Ucb(1.0)), 1.54, 0.92, 59.0),
    ];
    for (agent, reward, optimal, regret) in rows {
        let curves = bandit(&TestbedConfig::default(), &agent, 2000, 1000, 0)?;
        agrees(&curves.last_reward, reward, 0.005);
        agrees(&curves.last_optimal, optimal, 0.005);
        agrees(&curves.total_regret, regret, 0.5);
    }
    // A mean forgets its optimistic start with the first reward.
    let forgetful = bandit(&TestbedConfig::default(), &optimistic(StepSize::SampleAverage), 2000, 1000, 0)?;
    agrees(&forgetful.last_optimal, 0.70, 0.005);
    Ok(())
}

#[test]
fn the_best_of_ten_arms_is_worth_1_54() -> Result<()> {
    let mut rng = seeded(0);
    let largest: Vec<f64> =
        (0..20_000).map(|_| Ok(Testbed::new(&TestbedConfig::default(), &mut rng)?.largest())).collect::<Result<_>>()?;
    // The mean of the largest of ten standard normal numbers: 1.53875 (Harter 1961).
    let summary = Summary::new(&largest)?;
    assert!((summary.mean - 1.538_75).abs() < 4.0 * summary.standard_error());
    Ok(())
}

#[test]
fn curves_are_consistent_and_do_not_depend_on_threads() -> Result<()> {
    let agent = agent(Exploration::epsilon_greedy(0.1));
    let curves = bandit(&TestbedConfig::default(), &agent, 130, 150, 7)?;
    assert_eq!([curves.reward.len(), curves.optimal.len(), curves.regret.len()], [150; 3]);
    assert_eq!([curves.last_reward.len(), curves.last_optimal.len(), curves.total_regret.len()], [130; 3]);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    assert!((mean(&curves.total_regret) - curves.regret[149]).abs() < 1e-9);
    assert!((mean(&curves.last_reward) - mean(&curves.reward[50..])).abs() < 1e-12);
    assert!((mean(&curves.last_optimal) - mean(&curves.optimal[50..])).abs() < 1e-12);
    assert!(curves.regret.windows(2).all(|pair| pair[1] >= pair[0]));
    assert_eq!(bandit(&TestbedConfig::default(), &agent, 130, 150, 7)?, curves);
    assert_ne!(bandit(&TestbedConfig::default(), &agent, 130, 150, 8)?.reward, curves.reward);
    Ok(())
}

#[test]
fn every_agent_meets_the_same_testbeds() -> Result<()> {
    // With one step, the regret is that of an arm drawn at random; both agents draw with the same numbers, by ties.
    let one = |agent| bandit(&TestbedConfig::default(), &agent, 300, 1, 3);
    let (greedy, ucb) = (one(agent(Exploration::greedy()))?, one(agent(Exploration::Ucb(1.0)))?);
    assert_eq!(greedy.total_regret, ucb.total_regret);
    Ok(())
}

#[test]
fn values_walk_where_they_should() -> Result<()> {
    let (mut rng, walking) = (seeded(2), TestbedConfig { spread: 0.0, walk: 0.01, ..Default::default() });
    let mut ends = Vec::new();
    for _ in 0..500 {
        let mut bandit = Testbed::new(&walking, &mut rng)?;
        assert_eq!(bandit.values(), [0.0; 10]);
        (0..100).for_each(|_| bandit.walk(&mut rng));
        ends.extend(bandit.values().to_vec());
    }
    // After 100 steps of 0.01 the standard deviation is 0.1, known to 1/√(2 · 5000) of it.
    let summary = Summary::new(&ends)?;
    assert!((summary.std - 0.1).abs() < 4.0 * 0.1 / 10_000_f64.sqrt(), "{}", summary.std);
    let mut still = Testbed::new(&TestbedConfig::default(), &mut rng)?;
    let before = still.clone();
    still.walk(&mut rng);
    assert_eq!(still, before);
    assert!(still.pull(10, &mut rng).is_nan());
    let best = still.best();
    assert_eq!(still.values()[best], still.largest());
    // Where the arms walk, a constant step follows and a mean does not.
    let with = |step_size| bandit(&walking, &BanditConfig { step_size, ..Default::default() }, 300, 10_000, 0);
    let (constant, mean) = (with(StepSize::Constant(0.1))?, with(StepSize::SampleAverage)?);
    let gain: Vec<f64> = constant.last_reward.iter().zip(&mean.last_reward).map(|(a, b)| a - b).collect();
    assert!(Summary::new(&gain)?.interval(4.0).0 > 0.0);
    Ok(())
}

#[test]
fn bad_settings_are_typed_errors() {
    let (testbed, fair) = (TestbedConfig::default(), BanditConfig::default());
    let of = |testbed, agent, runs, steps| message(bandit(&testbed, &agent, runs, steps, 0));
    assert_eq!(of(testbed, fair, 0, 1), "runs must be at least 1, got 0");
    assert_eq!(of(testbed, fair, 1, 0), "steps must be at least 1, got 0");
    assert_eq!(of(TestbedConfig { arms: 0, ..testbed }, fair, 1, 1), "arms must be at least 1, got 0");
    assert_eq!(of(TestbedConfig { walk: -1.0, ..testbed }, fair, 1, 1), "walk must be finite and at least 0, got -1");
    assert_eq!(of(testbed, BanditConfig { initial: f64::INFINITY, ..fair }, 1, 1), "initial must be finite, got inf");
    assert_eq!(of(testbed, agent(Exploration::Ucb(-1.0)), 1, 1), "c must be finite and at least 0, got -1");
    let step = BanditConfig { step_size: StepSize::Constant(2.0), ..fair };
    assert_eq!(of(testbed, step, 1, 1), "step size must be in [0, 1], got 2");
}
