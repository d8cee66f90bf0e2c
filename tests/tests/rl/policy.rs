//! Tables, step sizes and policies.

use candlelight::rl::{Decay, Exploration, QTable, StepSize, TabularPolicy};
use candlelight::rng::seeded;
use candlelight::{Error, Result};

use crate::message;

/// How often `choose` took each of n actions.
fn counts(n: usize, draws: usize, mut choose: impl FnMut() -> usize) -> Vec<f64> {
    let mut counts = vec![0.0; n];
    (0..draws).for_each(|_| counts[choose()] += 1.0);
    counts
}

/// Frequencies within five standard errors of the probabilities, and none where there is no probability.
fn follows(counts: &[f64], probabilities: &[f64]) {
    let n: f64 = counts.iter().sum();
    for (count, p) in counts.iter().zip(probabilities) {
        let slack = 5.0 * (n * p * (1.0 - p)).sqrt();
        assert!((count - n * p).abs() <= slack, "{count} of {n} instead of {}", n * p);
    }
}

#[test]
fn policies_draw_by_their_probabilities() {
    let (values, visits) = ([1.0, 3.0, 3.0, 0.0], [4, 9, 9, 1]);
    let cases = [
        (Exploration::greedy(), vec![0.0, 0.5, 0.5, 0.0]),
        (Exploration::epsilon_greedy(0.2), vec![0.05, 0.45, 0.45, 0.05]),
        (Exploration::epsilon_greedy(1.0), vec![0.25; 4]),
        (
            Exploration::EpsilonGreedy(Decay::Linear { start: 1.0, end: 0.0, steps: 10 }),
            vec![0.125, 0.375, 0.375, 0.125],
        ),
        (Exploration::boltzmann(2.0), {
            let weights = values.map(|q: f64| (q / 2.0).exp());
            weights.map(|weight| weight / weights.iter().sum::<f64>()).to_vec()
        }),
        // Cold: the difference of 2 is e^-2000.
        (Exploration::boltzmann(1e-3), vec![0.0, 0.5, 0.5, 0.0]),
        // ln 24 = 3.18: bounds 1 + 0.89 c, 3 + 0.59 c, 0 + 1.78 c.
        (Exploration::Ucb(1.0), vec![0.0, 0.5, 0.5, 0.0]),
        (Exploration::Ucb(3.0), vec![0.0, 0.0, 0.0, 1.0]),
    ];
    for (policy, expected) in cases {
        let p = policy.probabilities(&values, &visits, 5);
        assert!(p.iter().zip(&expected).all(|(p, e)| (p - e).abs() < 1e-12), "{policy:?}: {p:?}");
        let mut rng = seeded(3);
        follows(&counts(4, 20_000, || policy.choose(&values, &visits, 5, &mut rng)), &expected);
    }
    // What was never tried comes first, whatever c.
    assert_eq!(Exploration::Ucb(0.0).probabilities(&values, &[1, 0, 5, 0], 0), [0.0, 0.5, 0.0, 0.5]);
    assert_eq!(Exploration::Ucb(0.0).probabilities(&values, &[], 0), [0.25; 4]);
    // No values: nothing to choose from.
    assert_eq!(Exploration::boltzmann(1.0).choose(&[], &[], 0, &mut seeded(0)), 0);
    assert_eq!(Exploration::epsilon_greedy(1.0).choose(&[], &[], 0, &mut seeded(0)), 0);
}

#[test]
fn written_policies_are_sampled_and_softened() -> Result<()> {
    let policy = TabularPolicy::new(2, 3, |state, action| [[0.2, 0.0, 0.8], [0.0, 1.0, 0.0]][state][action])?;
    let mut rng = seeded(4);
    follows(&counts(3, 20_000, || policy.sample(0, &mut rng)), &[0.2, 0.0, 0.8]);
    follows(&counts(3, 100, || policy.sample(1, &mut rng)), &[0.0, 1.0, 0.0]);
    let soft = policy.epsilon_soft(0.3)?;
    assert!(soft.row(0).iter().zip([0.24, 0.1, 0.66]).all(|(a, b)| (a - b).abs() < 1e-12));
    let q = QTable::from_fn(2, 3, |state, action| [[1.0, 1.0, 0.0], [0.0, 1.0, 2.0]][state][action])?;
    assert_eq!(TabularPolicy::greedy(&q).choices(), [0, 2]);
    assert_eq!(TabularPolicy::greedy_at_random(&q, 1e-9).row(0), [0.5, 0.5, 0.0]);
    assert_eq!(TabularPolicy::greedy_at_random(&q, 1.0).row(1), [0.0, 0.5, 0.5]);
    assert_eq!(
        message(TabularPolicy::new(1, 2, |_, _| 0.4)),
        "policy must be probabilities that add to 1, got a sum of 0.8 in state 0"
    );
    assert!(matches!(TabularPolicy::deterministic(&[0, 3], 3), Err(Error::Index { index: 3, position: 1, rows: 3 })));
    assert_eq!(message(policy.epsilon_soft(1.5)), "epsilon must be in [0, 1], got 1.5");
    Ok(())
}

#[test]
fn tables_refuse_what_they_do_not_hold() -> Result<()> {
    let mut q = QTable::filled(3, 2, 1.5)?;
    assert_eq!((q.states(), q.actions(), q.bytes()), (3, 2, 48));
    assert!(matches!(q.nudge(3, 0, 0.1, 0.0), Err(Error::Index { index: 3, position: 0, rows: 3 })));
    assert!(matches!(q.nudge(0, 2, 0.1, 0.0), Err(Error::Index { index: 2, position: 1, rows: 2 })));
    assert_eq!((q.row(3), q.row(usize::MAX), q.max(3)), (&[][..], &[][..], f64::NEG_INFINITY));
    assert_eq!(q.nudge(2, 1, 0.5, 3.5)?, 2.0);
    assert_eq!((q.as_slice(), q.values()), (&[1.5, 1.5, 1.5, 1.5, 1.5, 2.5][..], vec![1.5, 1.5, 2.5]));
    assert_eq!((q.greedy(0), q.greedy(2), q.best_actions(0, 0.0)), (0, 1, vec![0, 1]));
    assert_eq!(q.distance(&QTable::filled(3, 2, 2.0)?), 0.5);
    assert_eq!(q.distance(&QTable::new(2, 3)?), f64::INFINITY);
    assert_eq!(message(QTable::new(0, 2)), "states must be at least 1, got 0");
    assert_eq!(message(QTable::filled(1, 1, f64::NAN)), "value must be finite, got NaN");
    assert!(message(QTable::new(usize::MAX, 2)).contains("do not fit into memory"));
    Ok(())
}

#[test]
fn steps_and_decays_take_their_values() {
    assert_eq!([1, 2, 10].map(|n| StepSize::SampleAverage.at(n)), [1.0, 0.5, 0.1]);
    assert_eq!([1, 4, 16].map(|n| StepSize::Polynomial(0.5).at(n)), [1.0, 0.5, 0.25]);
    assert_eq!(StepSize::Polynomial(2.0).at(0), 1.0);
    let linear = Decay::Linear { start: 1.0, end: 0.2, steps: 4 };
    assert_eq!([0, 2, 4, 9].map(|t| linear.at(t)), [1.0, 0.6, 0.2, 0.2]);
    assert_eq!(Decay::Linear { start: 1.0, end: 0.2, steps: 0 }.at(0), 0.2);
    assert_eq!([0, 3, 9].map(|t| Decay::Hyperbolic { start: 0.8, half: 3.0 }.at(t)), [0.8, 0.4, 0.2]);
    assert_eq!(Decay::from(0.3).at(7), 0.3);
    for (step, expected) in [
        (StepSize::Constant(0.0), "step size must be above 0 and finite, got 0"),
        (StepSize::Constant(1.1), "step size must be in [0, 1], got 1.1"),
        (StepSize::Polynomial(-1.0), "exponent of the step size must be above 0 and finite, got -1"),
    ] {
        assert_eq!(message(step.check()), expected);
    }
    for (policy, expected) in [
        (Exploration::epsilon_greedy(1.5), "epsilon must be in [0, 1], got 1.5"),
        (Exploration::boltzmann(0.0), "temperature must be above 0 and finite, got 0"),
        (Exploration::Ucb(f64::NAN), "c must be finite and at least 0, got NaN"),
        (
            Exploration::EpsilonGreedy(Decay::Hyperbolic { start: 1.0, half: 0.0 }),
            "half must be above 0 and finite, got 0",
        ),
        (
            Exploration::EpsilonGreedy(Decay::Linear { start: 1.0, end: -1.0, steps: 1 }),
            "epsilon must be in [0, 1], got -1",
        ),
    ] {
        assert_eq!(message(policy.check()), expected);
    }
}
