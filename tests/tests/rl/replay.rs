//! Memories of transitions, and returns over several steps.

use std::collections::BTreeMap;

use candlelight::prelude::*;
use candlelight::rl::{
    Batch, NStepReturns, PrioritizedReplay, PrioritizedReplayConfig, ReplayBuffer, Step, SumTree, Transition,
};
use candlelight::state::Stateful;
use candlelight_tests::flat;

/// The t-th of a sequence in which every number is another.
fn push(replay: &mut ReplayBuffer, t: usize) -> usize {
    let at = t as f64;
    let transition = Transition {
        observation: &[at, -at],
        action: t % 3,
        reward: 10.0 * at,
        next_observation: &[at + 0.5, 2.0 * at],
        discount: at / 1000.0,
    };
    replay.push(&transition).unwrap()
}

/// The bits of all that is in a state.
pub fn bits(stateful: &dyn Stateful) -> (BTreeMap<String, Vec<u64>>, BTreeMap<String, String>) {
    let state = stateful.state().unwrap();
    let bits = |tensor: &Tensor| flat(tensor).iter().map(|x| x.to_bits()).collect();
    (state.tensors.iter().map(|(name, tensor)| (name.clone(), bits(tensor))).collect(), state.values)
}

fn batch_bits(batch: &Batch) -> Vec<u64> {
    let tensors = [&batch.observations, &batch.actions, &batch.rewards, &batch.next_observations, &batch.discounts];
    tensors.into_iter().chain(&batch.weights).flat_map(flat).map(f64::to_bits).collect()
}

#[test]
fn the_oldest_makes_room_and_a_batch_holds_what_was_pushed() {
    let mut replay = ReplayBuffer::new(5, 2).unwrap();
    let places: Vec<usize> = (0..12).map(|t| push(&mut replay, t)).collect();
    assert_eq!(places, [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]);
    assert_eq!((replay.len(), replay.capacity()), (5, 5));
    let batch = replay.at(&[0, 1, 2, 3, 4, 0]).unwrap();
    let kept = [10.0, 11.0, 7.0, 8.0, 9.0, 10.0];
    assert_eq!(flat(&batch.observations), kept.map(|t| [t, -t]).concat());
    assert_eq!(flat(&batch.next_observations), kept.map(|t| [t + 0.5, 2.0 * t]).concat());
    assert_eq!(flat(&batch.actions), [1.0, 2.0, 1.0, 2.0, 0.0, 1.0]);
    assert_eq!(flat(&batch.rewards), kept.map(|t| 10.0 * t));
    assert_eq!(flat(&batch.discounts), kept.map(|t| f64::from((t / 1000.0) as f32)));
    assert_eq!(
        (batch.observations.dims(), batch.actions.dims(), batch.rewards.dims()),
        (&[6, 2][..], &[6, 1][..], &[6][..])
    );
}

#[test]
fn every_transition_is_drawn_alike() {
    let mut replay = ReplayBuffer::new(4, 2).unwrap();
    (0..6).for_each(|t| _ = push(&mut replay, t));
    let mut counts = [0; 4];
    replay.sample(40_000, &mut seeded(3)).unwrap().indices.iter().for_each(|&i| counts[i] += 1);
    // Five standard deviations, √(40 000 · 3/16) = 87, around 10 000.
    assert!(counts.iter().all(|&n| (n as f64 - 10_000.0).abs() < 433.0), "{counts:?}");
    let draw = |seed| batch_bits(&replay.sample(64, &mut seeded(seed)).unwrap());
    assert!(draw(0) == draw(0) && draw(0) != draw(1));
}

#[test]
fn a_memory_comes_back_to_the_bit() {
    for (pushed, capacity) in [(0, 7), (3, 7), (7, 7), (20, 7)] {
        let mut replay = ReplayBuffer::new(capacity, 2).unwrap();
        (0..pushed).for_each(|t| _ = push(&mut replay, t));
        let mut other = ReplayBuffer::new(capacity, 2).unwrap();
        (0..5).for_each(|t| _ = push(&mut other, 100 + t));
        other.load_state(&replay.state().unwrap()).unwrap();
        assert_eq!(bits(&other), bits(&replay));
        assert_eq!(push(&mut other, 50), push(&mut replay, 50));
        let draw = |replay: &ReplayBuffer| batch_bits(&replay.sample(64, &mut seeded(1)).unwrap());
        assert_eq!(draw(&other), draw(&replay));
    }
}

#[test]
fn a_state_that_does_not_fit_changes_nothing() {
    let mut replay = ReplayBuffer::new(4, 2).unwrap();
    (0..6).for_each(|t| _ = push(&mut replay, t));
    let before = bits(&replay);
    let state = replay.state().unwrap();
    for (name, value, told) in [
        ("capacity", "5", "`capacity` must be 4, got 5"),
        ("position", "4", "`position` cannot be 4 of 4 transitions in 4 places"),
        ("len", "3", "`position` cannot be 2 of 3 transitions in 4 places"),
        ("len", "x", "`len` cannot be \"x\""),
    ] {
        let mut wrong = state.clone();
        wrong.set(name, value);
        let error = replay.load_state(&wrong).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    let mut wrong = state;
    wrong.tensors.insert("rewards".into(), Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap());
    let error = replay.load_state(&wrong).unwrap_err().to_string();
    assert!(error.contains("`rewards` expected F32 [4], got F32 [3]"), "{error}");
    assert_eq!(bits(&replay), before);
}

#[test]
fn bad_input_is_a_typed_error() {
    assert_eq!(ReplayBuffer::new(0, 2).unwrap_err().to_string(), "capacity must be at least 1, got 0");
    assert_eq!(ReplayBuffer::new(2, 0).unwrap_err().to_string(), "width must be at least 1, got 0");
    let mut replay = ReplayBuffer::new(2, 2).unwrap();
    let error = replay.sample(1, &mut seeded(0)).unwrap_err().to_string();
    assert_eq!(error, "replay memory must be such that it holds a transition, got an empty one");
    let narrow =
        Transition { observation: &[0.0], action: 0, reward: 0.0, next_observation: &[0.0, 0.0], discount: 0.0 };
    let error = replay.push(&narrow).unwrap_err().to_string();
    assert!(error.contains("observation") && error.contains("[2]") && error.contains("[1]"), "{error}");
    assert!(replay.is_empty());
    push(&mut replay, 0);
    assert_eq!(replay.at(&[1]).unwrap_err().to_string(), "index must be that of a transition, got 1 of 0..1");
    assert_eq!(replay.sample(0, &mut seeded(0)).unwrap_err().to_string(), "n must be at least 1, got 0");
    let prioritized = |config| PrioritizedReplay::new(2, 2, config).unwrap_err().to_string();
    let standard = PrioritizedReplayConfig::default();
    assert_eq!(
        prioritized(PrioritizedReplayConfig { alpha: -1.0, ..standard }),
        "alpha must be finite and at least 0, got -1"
    );
    assert_eq!(prioritized(PrioritizedReplayConfig { beta: 1.5, ..standard }), "beta must be in [0, 1], got 1.5");
    assert_eq!(prioritized(PrioritizedReplayConfig { eps: 0.0, ..standard }), "eps must be above 0 and finite, got 0");
    assert_eq!(
        prioritized(PrioritizedReplayConfig { beta_steps: 0, ..standard }),
        "beta_steps must be at least 1, got 0"
    );
}

/// After many changes each sum is that of a fresh tree, bit by bit; differences that are added drift.
#[test]
fn a_sum_tree_stays_exact() {
    let (len, mut rng) = (1000, seeded(5));
    let mut tree = SumTree::new(len).unwrap();
    let (mut weights, mut drifting) = (vec![0.0; len], 0.0);
    for _ in 0..300_000 {
        let (index, weight) = (rng.random_range(0..len), 10f64.powf(rng.random_range(-6.0..6.0)));
        drifting += weight - weights[index];
        weights[index] = weight;
        tree.set(index, weight).unwrap();
    }
    let mut fresh = SumTree::new(len).unwrap();
    weights.iter().enumerate().for_each(|(i, &weight)| fresh.set(i, weight).unwrap());
    assert_eq!(tree.total().to_bits(), fresh.total().to_bits());
    assert_ne!(drifting.to_bits(), fresh.total().to_bits());
    for i in 0..10_000 {
        let at = f64::from(i) / 10_000.0 * tree.total();
        assert_eq!(tree.find(at), fresh.find(at));
    }
    // And what is found is what a walk along the weights finds.
    let mut sum = 0.0;
    for (i, weight) in weights.iter().enumerate() {
        assert_eq!(tree.get(i), *weight);
        if *weight > 1.0 {
            assert_eq!(tree.find(sum + weight / 2.0), i);
        }
        sum += weight;
    }
}

#[test]
fn a_weight_of_zero_is_never_found() {
    for len in [1, 2, 3, 5, 8, 13] {
        for only in 0..len {
            let mut tree = SumTree::new(len).unwrap();
            (0..len).for_each(|i| tree.set(i, 0.1).unwrap());
            (0..len).filter(|&i| i != only).for_each(|i| tree.set(i, 0.0).unwrap());
            // Also beyond the sum, where rounding can lead.
            for sum in [0.0, 0.05, 0.1, 1.0] {
                assert_eq!(tree.find(sum), only);
            }
        }
    }
    let mut tree = SumTree::new(3).unwrap();
    assert_eq!(tree.set(3, 1.0).unwrap_err().to_string(), "index must be that of a weight, got 3 of 0..3");
    assert_eq!(tree.set(0, -1.0).unwrap_err().to_string(), "weight must be finite and at least 0, got -1");
    assert_eq!(tree.set(0, f64::NAN).unwrap_err().to_string(), "weight must be finite and at least 0, got NaN");
    assert_eq!(SumTree::new(0).unwrap_err().to_string(), "len must be at least 1, got 0");
    assert_eq!((tree.total(), tree.len(), tree.get(3)), (0.0, 3, 0.0));
}

fn prioritized(n: usize, config: PrioritizedReplayConfig) -> PrioritizedReplay {
    let mut replay = PrioritizedReplay::new(8, 1, config).unwrap();
    for t in 0..n {
        let at = [t as f64];
        let transition =
            Transition { observation: &at, action: 0, reward: at[0], next_observation: &at, discount: 0.9 };
        replay.push(&transition).unwrap();
    }
    replay
}

#[test]
fn priorities_and_weights_are_those_of_the_paper() {
    let config = PrioritizedReplayConfig { alpha: 0.7, eps: 0.01, ..PrioritizedReplayConfig::default() };
    let mut replay = prioritized(4, config);
    assert!((0..4).all(|i| replay.probability(i) == 0.25) && replay.probability(4) == 0.0);
    replay.update(&[0, 1, 2, 3, 3], &[0.5, -2.0, 0.0, 7.0, 1.0]).unwrap();
    let powers: Vec<f64> = [0.51f64, 2.01, 0.01, 1.01].iter().map(|p| p.powf(0.7)).collect();
    let total: f64 = powers.iter().sum();
    for (i, power) in powers.iter().enumerate() {
        assert!((replay.probability(i) - power / total).abs() < 1e-15);
    }
    let (n, beta) = (20_000, 0.6);
    let batch = replay.sample(n, beta, &mut seeded(0)).unwrap();
    let weights = flat(batch.weights.as_ref().unwrap());
    let largest = powers.iter().map(|power| (4.0 * power / total).powf(-beta)).fold(0.0, f64::max);
    for (&index, weight) in batch.indices.iter().zip(&weights) {
        assert!((weight - (4.0 * powers[index] / total).powf(-beta) / largest).abs() < 1e-6);
    }
    for (i, power) in powers.iter().enumerate() {
        let share = batch.indices.iter().filter(|index| **index == i).count() as f64 / n as f64;
        // Each piece of the sum gives one: at both ends of a share, one piece may go either way.
        assert!((share - power / total).abs() <= 2.0 / n as f64, "{i}: {share}");
    }
    assert_eq!(flat(&batch.rewards), batch.indices.iter().map(|&i| i as f64).collect::<Vec<_>>());
    // A new one has the largest priority that was ever there, that of the error 7 which is gone.
    replay
        .push(&Transition { observation: &[9.0], action: 0, reward: 0.0, next_observation: &[9.0], discount: 0.0 })
        .unwrap();
    assert!((replay.probability(4) - 7.01f64.powf(0.7) / (total + 7.01f64.powf(0.7))).abs() < 1e-15);
}

#[test]
fn no_exponents_make_it_uniform() {
    let mut replay = prioritized(8, PrioritizedReplayConfig { alpha: 0.0, ..PrioritizedReplayConfig::default() });
    replay.update(&[0, 1], &[100.0, 0.0]).unwrap();
    assert!((0..8).all(|i| (replay.probability(i) - 0.125).abs() < 1e-15));
    let biased = prioritized(8, PrioritizedReplayConfig::default());
    assert_eq!(flat(biased.sample(9, 0.0, &mut seeded(1)).unwrap().weights.as_ref().unwrap()), [1.0; 9]);
    let config = PrioritizedReplayConfig { beta: 0.4, beta_steps: 100, ..PrioritizedReplayConfig::default() };
    assert_eq!([0, 50, 100, 1000].map(|step| config.beta_at(step)), [0.4, 0.7, 1.0, 1.0]);
}

#[test]
fn a_prioritized_memory_comes_back_to_the_bit() {
    let mut replay = prioritized(11, PrioritizedReplayConfig::default());
    replay.update(&[0, 3, 7], &[3.0, 0.1, -0.7]).unwrap();
    let mut other = prioritized(2, PrioritizedReplayConfig::default());
    other.load_state(&replay.state().unwrap()).unwrap();
    assert_eq!(bits(&other), bits(&replay));
    let draw = |replay: &PrioritizedReplay| batch_bits(&replay.sample(64, 0.5, &mut seeded(1)).unwrap());
    assert_eq!(draw(&other), draw(&replay));
    let error = replay.update(&[0, 8], &[0.0, 0.0]).unwrap_err().to_string();
    assert_eq!(error, "index must be that of a transition, got 8 of 0..8");
    assert_eq!(replay.update(&[0], &[f64::NAN]).unwrap_err().to_string(), "error must be finite, got NaN");
    assert!(replay.update(&[0], &[1.0, 2.0]).is_err());
    assert_eq!(bits(&other), bits(&replay));
}

/// Rewards 1, 2, 3, …, and all that is handed out: (from, action, reward, to, discount).
fn returns(n: usize, gamma: f64, ends: &[(bool, bool)]) -> Vec<(f64, usize, f64, f64, f64)> {
    let mut returns = NStepReturns::new(n, gamma).unwrap();
    let mut found = Vec::new();
    for (t, &(terminated, truncated)) in ends.iter().enumerate() {
        let step = Step { observation: [t as f64 + 1.0], reward: t as f64 + 1.0, terminated, truncated };
        let complete = |done: Transition| {
            found.push((done.observation[0], done.action, done.reward, done.next_observation[0], done.discount));
            Ok(())
        };
        returns.push([t as f64], t, &step, complete).unwrap();
    }
    found
}

const ON: (bool, bool) = (false, false);
const TERMINATED: (bool, bool) = (true, false);
const TRUNCATED: (bool, bool) = (false, true);

#[test]
fn returns_over_n_steps_stop_at_the_end_of_an_episode() {
    // γ = 1/2: 1 + 2/2 + 3/4 = 2.75, 2 + 3/2 + 4/4 = 4.5, 3 + 4/2 = 5.
    assert_eq!(
        returns(3, 0.5, &[ON, ON, ON, TERMINATED]),
        [(0.0, 0, 2.75, 3.0, 0.125), (1.0, 1, 4.5, 4.0, 0.0), (2.0, 2, 5.0, 4.0, 0.0), (3.0, 3, 4.0, 4.0, 0.0)]
    );
    assert_eq!(
        returns(3, 0.5, &[ON, ON, ON, TRUNCATED]),
        [(0.0, 0, 2.75, 3.0, 0.125), (1.0, 1, 4.5, 4.0, 0.125), (2.0, 2, 5.0, 4.0, 0.25), (3.0, 3, 4.0, 4.0, 0.5)]
    );
    // Both at once is an end for good, and a new episode begins with nothing.
    assert_eq!(returns(2, 0.5, &[(true, true), ON]), [(0.0, 0, 1.0, 1.0, 0.0)]);
    assert_eq!(returns(2, 0.5, &[TRUNCATED, ON, ON]), [(0.0, 0, 1.0, 1.0, 0.5), (1.0, 1, 3.5, 3.0, 0.25)]);
    assert_eq!(returns(1, 0.9, &[ON, TERMINATED]), [(0.0, 0, 1.0, 1.0, 0.9), (1.0, 1, 2.0, 2.0, 0.0)]);
    assert!(returns(9, 0.9, &[ON; 8]).is_empty());
}

#[test]
fn returns_refuse_bad_settings_and_can_be_forgotten() {
    assert_eq!(NStepReturns::<[f64; 1]>::new(0, 0.9).unwrap_err().to_string(), "n must be at least 1, got 0");
    assert_eq!(NStepReturns::<[f64; 1]>::new(1, 1.1).unwrap_err().to_string(), "gamma must be in [0, 1], got 1.1");
    let mut returns = NStepReturns::new(3, 1.0).unwrap();
    let step = |terminated| Step { observation: [1.0], reward: 1.0, terminated, truncated: false };
    returns.push([0.0], 0, &step(false), |_| Ok(())).unwrap();
    returns.clear();
    let mut rewards = Vec::new();
    let complete = |done: Transition| {
        rewards.push(done.reward);
        Ok(())
    };
    returns.push([0.0], 0, &step(true), complete).unwrap();
    assert_eq!(rewards, [1.0]);
}
