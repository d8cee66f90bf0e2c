//! Deep Q-learning.

use std::path::PathBuf;

use candlelight::checkpoint::Checkpoint;
use candlelight::nn::{Mode, Module};
use candlelight::prelude::*;
use candlelight::rl::{
    CartPole, Dqn, DqnConfig, DqnHistory, Environment, PrioritizedReplayConfig, Space, Step, TargetNetwork, TimeLimit,
    dueling_head, dueling_q_network, q_network,
};
use candlelight::rng::stream;
use candlelight::state::{State, Stateful};
use candlelight_tests::{assert_close, flat, gradient, store};

use crate::replay::bits;

/// A clock: its only action earns 1 and moves its hand, which is seen as one of `N` places. It stops after the last place, or
/// never does.
#[derive(Clone)]
struct Clock<const N: usize> {
    at: usize,
    stops: bool,
}

impl<const N: usize> Clock<N> {
    fn seen(&self) -> [f64; N] {
        std::array::from_fn(|i| f64::from(u8::from(i == self.at % N)))
    }
}

impl<const N: usize> Environment for Clock<N> {
    type Observation = [f64; N];

    fn observation_space(&self) -> Space {
        Space::Box { low: vec![0.0; N], high: vec![1.0; N] }
    }

    fn actions(&self) -> usize {
        1
    }

    fn reset(&mut self, _: Option<u64>) -> Result<[f64; N]> {
        self.at = 0;
        Ok(self.seen())
    }

    fn step(&mut self, _: usize) -> Result<Step<[f64; N]>> {
        self.at += 1;
        let terminated = self.stops && self.at == N;
        Ok(Step { observation: self.seen(), reward: 1.0, terminated, truncated: false })
    }
}

/// Settings with which a linear network soon knows the exact values.
fn quick() -> DqnConfig {
    DqnConfig {
        gamma: 0.8,
        lr: 0.01,
        buffer_size: 500,
        batch_size: 32,
        learning_starts: 50,
        train_every: 1,
        target_every: 20,
        ..DqnConfig::default()
    }
}

fn every_option() -> Vec<(&'static str, DqnConfig)> {
    let prioritized = Some(PrioritizedReplayConfig { beta_steps: 500, ..PrioritizedReplayConfig::default() });
    vec![
        ("plain", quick()),
        ("double", DqnConfig { double: true, ..quick() }),
        ("three steps", DqnConfig { n_step: 3, ..quick() }),
        ("prioritized", DqnConfig { prioritized, ..quick() }),
        ("Huber, clipped", DqnConfig { huber: Some(1.0), max_grad_norm: Some(10.0), ..quick() }),
        ("Polyak", DqnConfig { tau: 0.05, target_every: 1, ..quick() }),
    ]
}

/// A time limit of 4 on a clock that never stops: all values are 1 / (1 - γ) = 5, and so they are learned. Taken for an end, it
/// would make them 1 + γ + … ≤ 2.95.
#[test]
fn what_was_truncated_goes_on_in_its_value() {
    for (name, config) in every_option() {
        let env = TimeLimit::new(Clock::<4> { at: 0, stops: false }, 4).unwrap();
        let mut dqn = Dqn::new(env, |params| q_network(&[4, 1], params), config, 1).unwrap();
        dqn.train(6000, Progress::Silent).unwrap();
        for place in 0..4 {
            let seen: [f64; 4] = std::array::from_fn(|i| f64::from(u8::from(i == place)));
            let value = dqn.values(&seen).unwrap()[0];
            assert!((value - 5.0).abs() < 0.05, "{name}: {value} at {place}");
        }
    }
}

/// A clock that stops by itself: the value at place t is that of the 4 - t rewards that are left.
#[test]
fn what_terminated_has_no_value() {
    for (name, config) in every_option() {
        let env = Clock::<4> { at: 0, stops: true };
        let mut dqn = Dqn::new(env, |params| q_network(&[4, 1], params), config, 1).unwrap();
        let history = dqn.train(4000, Progress::Silent).unwrap();
        assert!(history.episodes.len() == 1000 && history.episodes.iter().all(|episode| episode.total == 4.0));
        for place in 0..4 {
            let seen: [f64; 4] = std::array::from_fn(|i| f64::from(u8::from(i == place)));
            let (value, exact) = (dqn.values(&seen).unwrap()[0], (1.0 - 0.8f32.powi(4 - place as i32)) / 0.2);
            assert!((value - exact).abs() < 0.02, "{name}: {value} at {place}, not {exact}");
        }
    }
}

/// The first update, done again in F64 from what is drawn: actions and batch from the streams of the seed, the target from the
/// first weights, the gradient by hand, and Adam's first step η g / (|g| + ε).
#[test]
fn the_first_update_is_that_of_the_paper() {
    for (double, n_step) in [(false, 1), (true, 1), (false, 3)] {
        let (seed, starts) = (3, 200);
        let config = DqnConfig {
            learning_starts: starts,
            train_every: 1,
            batch_size: 50,
            double,
            n_step,
            ..DqnConfig::default()
        };
        let network = |params: Params| q_network(&[4, 2], params);
        let mut dqn = Dqn::new(CartPole::v1(), network, config, seed).unwrap();
        // Targets other than the online network, so that double differs.
        let mut other = dqn.state().unwrap();
        let mut rng = seeded(9);
        for name in ["target.fc1.weight", "target.fc1.bias"] {
            let like = &other.tensors[name];
            let drawn = candlelight::rng::normal(&mut rng, 0.0, 1.0, like.dims(), DType::F32, &Device::Cpu).unwrap();
            other.tensors.insert(name.into(), drawn);
        }
        dqn.load_state(&other).unwrap();
        let numbers = |dqn: &Dqn<_>, prefix: &str| {
            let state = dqn.state().unwrap();
            let get = |name: &str| flat(&state.tensors[&format!("{prefix}.fc1.{name}")]);
            (get("weight"), get("bias"))
        };
        let q = |(weight, bias): &(Vec<f64>, Vec<f64>), s: &[f64]| -> [f64; 2] {
            std::array::from_fn(|a| bias[a] + (0..4).map(|i| weight[4 * a + i] * f64::from(s[i] as f32)).sum::<f64>())
        };
        let (online, target) = (numbers(&dqn, "online"), numbers(&dqn, "target"));

        // What was lived through.
        let (mut env, mut exploration) = (CartPole::v1(), stream(seed, "exploration"));
        let mut seen = env.reset(Some(seed)).unwrap();
        let (mut path, mut kept) = (Vec::new(), Vec::new());
        for t in 0..=starts {
            let explores = exploration.random::<f64>() < config.epsilon_at(t);
            let [left, right] = q(&online, &seen);
            let action = if explores { exploration.random_range(0..2) } else { usize::from(right > left) };
            let step = env.step(action).unwrap();
            path.push((seen, action));
            seen = step.observation;
            let ready = if step.ended() { 1 } else { n_step };
            while path.len() >= ready {
                let (from, action) = path.remove(0);
                let k = if step.ended() { path.len() + 1 } else { n_step } as i32;
                let reward = (0..k).map(|i| 0.99f64.powi(i)).sum::<f64>();
                let discount = if step.terminated { 0.0 } else { 0.99f64.powi(k) };
                kept.push((from, action, reward, step.observation, discount));
            }
            if step.ended() {
                seen = env.reset(None).unwrap();
            }
        }
        let mut draws = stream(seed, "replay");
        let (mut gradient, mut loss) = (([0.0; 8], [0.0; 2]), 0.0);
        for _ in 0..50 {
            let (from, action, reward, to, discount) = kept[draws.random_range(0..kept.len())];
            let by = if double { q(&online, &to) } else { q(&target, &to) };
            let next = q(&target, &to)[usize::from(by[1] > by[0])];
            let error = q(&online, &from)[action] - (reward + discount * next);
            loss += error * error / 50.0;
            gradient.1[action] += 2.0 * error / 50.0;
            for (gradient, x) in gradient.0[4 * action..].iter_mut().zip(from) {
                *gradient += 2.0 * error * f64::from(x as f32) / 50.0;
            }
        }
        for _ in 0..starts {
            assert!(dqn.step().unwrap().update.is_none());
        }
        let update = dqn.step().unwrap().update.unwrap();
        assert!((update.loss - loss).abs() < 1e-4 * loss, "{} {loss}", update.loss);
        let (weight, bias) = numbers(&dqn, "online");
        let adam = |g: f64| 2.5e-4 * g / (g.abs() + 1e-8);
        for (now, before, g) in [(&weight, &online.0, &gradient.0[..]), (&bias, &online.1, &gradient.1[..])] {
            for i in 0..now.len() {
                assert!(
                    (now[i] - (before[i] - adam(g[i]))).abs() < 1e-6,
                    "{double} {n_step}: {} {}",
                    now[i],
                    before[i]
                );
            }
        }
        assert_eq!(numbers(&dqn, "target"), target);
    }
}

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("candlelight-dqn-{}-{name}.safetensors", std::process::id()))
}

/// Two thousand steps at once, and with a file in the middle, loaded by an agent that has gone another way: the same bits.
#[test]
fn a_run_goes_on_from_a_file_to_the_bit() {
    let all = DqnConfig {
        double: true,
        n_step: 3,
        prioritized: Some(PrioritizedReplayConfig { beta_steps: 2000, ..PrioritizedReplayConfig::default() }),
        huber: Some(1.0),
        tau: 0.01,
        ..DqnConfig::default()
    };
    for (name, config) in [("plain", DqnConfig::default()), ("all", all)] {
        let config = DqnConfig {
            learning_starts: 200,
            buffer_size: 600, // so that it has gone round
            target_every: 100,
            train_every: 2,
            epsilon_steps: 1500,
            batch_size: 32,
            ..config
        };
        let make =
            |seed| Dqn::new(CartPole::v1(), |params| dueling_q_network(&[4, 16, 2], params), config, seed).unwrap();
        let mut whole = make(4);
        whole.train(1003, Progress::Silent).unwrap();
        let path = file(name);
        Checkpoint::new().state("dqn", &whole).unwrap().save(&path).unwrap();
        let rest = whole.train(997, Progress::Silent).unwrap();

        let mut resumed = make(5);
        resumed.train(77, Progress::Silent).unwrap();
        Checkpoint::load(&path).unwrap().restore().state("dqn", &mut resumed).apply().unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(resumed.steps(), 1003);
        assert_eq!(resumed.train(997, Progress::Silent).unwrap(), rest);
        assert_eq!(bits(&resumed), bits(&whole));
        let evaluate = |dqn: &Dqn<_>| dqn.evaluate(&mut CartPole::v1(), 5, 0).unwrap();
        assert_eq!(evaluate(&resumed), evaluate(&whole));

        // Another seed is another run.
        let mut other = make(6);
        other.train(2000, Progress::Silent).unwrap();
        assert_ne!(bits(&other), bits(&whole));
    }
}

#[test]
fn a_state_that_does_not_fit_changes_nothing() {
    let config = DqnConfig { n_step: 2, learning_starts: 20, batch_size: 8, ..DqnConfig::default() };
    let make = || Dqn::new(CartPole::v1(), |params| q_network(&[4, 8, 2], params), config, 0).unwrap();
    let (mut dqn, mut trained) = (make(), make());
    trained.train(50, Progress::Silent).unwrap();
    let (before, state) = (bits(&dqn), trained.state().unwrap());
    let mut spoil = |change: &dyn Fn(&mut State), told: &str| {
        let mut wrong = state.clone();
        change(&mut wrong);
        let error = dqn.load_state(&wrong).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
        assert_eq!(bits(&dqn), before, "{told}");
    };
    spoil(&|state| state.set("waiting", 2), "`waiting` must be below 2, got 2");
    spoil(&|state| drop(state.tensors.remove("observation")), "`observation` is missing");
    spoil(&|state| drop(state.tensors.remove("online.fc2.bias")), "fc2.bias");
    spoil(&|state| drop(state.values.remove("draws.seed")), "draws.seed");
    spoil(&|state| state.set("env.env.phase", 7), "env.env.phase");
    let narrow = Tensor::zeros(3, DType::F64, &Device::Cpu).unwrap();
    spoil(&|state| drop(state.tensors.insert("observation".into(), narrow.clone())), "expected F64 [4], got F64 [3]");
    dqn.load_state(&state).unwrap();
    assert_eq!(bits(&dqn), bits(&trained));
}

#[test]
fn training_records_ends_early_and_can_be_told_by_its_counts() {
    let config =
        DqnConfig { learning_starts: 100, train_every: 5, epsilon_steps: 400, updates: 2, ..DqnConfig::default() };
    let make = || Dqn::new(CartPole::v1(), |params| q_network(&[4, 8, 2], params), config, 0).unwrap();
    let mut dqn = make();
    let history = dqn.train(500, Progress::Silent).unwrap();
    let steps: Vec<u64> = history.updates.iter().map(|update| update.step).collect();
    assert_eq!(steps, (105..=500).step_by(5).collect::<Vec<_>>());
    // The ε of the action, which was chosen before the step was counted.
    assert!((history.updates[0].epsilon - (1.0 - 0.95 * 104.0 / 400.0)).abs() < 1e-12);
    assert_eq!(history.updates.last().unwrap().epsilon, 0.05);
    assert!(history.updates.iter().all(|update| update.loss > 0.0 && update.mean_q.is_finite()));
    let mut at = 0;
    for episode in &history.episodes {
        at += episode.length;
        assert_eq!((episode.step, episode.total), (at, episode.length as f64));
    }
    assert_eq!(history.recent_return(1), history.episodes.last().map(|episode| episode.total));
    assert!(history.recent_return(3).unwrap() != history.recent_return(usize::MAX).unwrap());
    // Updates begin when the first return over n steps is complete.
    let slow = DqnConfig { learning_starts: 0, train_every: 1, n_step: 5, ..config };
    let mut slow = Dqn::new(CartPole::v1(), |params| q_network(&[4, 8, 2], params), slow, 0).unwrap();
    assert_eq!(slow.train(8, Progress::Silent).unwrap().updates[0].step, 5);
    let mut early = make();
    let shorter = early.train_until(500, Progress::Silent, |_, history| Ok(history.episodes.len() == 3)).unwrap();
    assert_eq!(shorter.episodes[..], history.episodes[..3]);
    assert_eq!(early.steps(), history.episodes[2].step);
    let error = early.train_until(500, Progress::Silent, |_, _| Err(candlelight::Error::setting("it", "over", "this")));
    assert_eq!(error.unwrap_err().to_string(), "it must be over, got this");
    // The episode at whose end the error came is there, too; a state that is loaded is that of another run.
    assert_eq!(early.history().episodes[..], history.episodes[..4]);
    early.load_state(&dqn.state().unwrap()).unwrap();
    assert_eq!((early.steps(), early.history()), (500, &DqnHistory::default()));
}

/// Every action is random in training; in the evaluation none is: pushing right always makes the same short episodes.
#[test]
fn evaluation_does_not_explore() {
    let config = DqnConfig { epsilon_start: 1.0, epsilon_end: 1.0, ..DqnConfig::default() };
    let dqn = Dqn::new(CartPole::v1(), |params| q_network(&[4, 2], params), config, 0).unwrap();
    dqn.params().set("fc1.weight", &Tensor::zeros((2, 4), DType::F32, &Device::Cpu).unwrap()).unwrap();
    let bias = |values: &[f32]| dqn.params().set("fc1.bias", &Tensor::new(values, &Device::Cpu).unwrap()).unwrap();
    bias(&[0.0, 1.0]);
    let returns = dqn.evaluate(&mut CartPole::v1(), 200, 1).unwrap();
    assert!(returns.iter().all(|total| (8.0..=11.0).contains(total)), "{returns:?}");
    assert_eq!(dqn.act(&[0.0; 4]).unwrap(), 1);
    bias(&[1.0, 1.0]);
    assert_eq!(dqn.act(&[0.0; 4]).unwrap(), 0, "the first of equals");
}

#[test]
fn bad_settings_and_networks_are_typed_errors() {
    let refused = |config| {
        let made = Dqn::new(CartPole::v1(), |params| q_network(&[4, 2], params), config, 0);
        made.err().map(|error| error.to_string()).unwrap_or_default()
    };
    let standard = DqnConfig::default();
    assert_eq!(refused(DqnConfig { gamma: 1.5, ..standard }), "gamma must be in [0, 1], got 1.5");
    assert_eq!(refused(DqnConfig { lr: -1.0, ..standard }), "lr must be finite and at least 0, got -1");
    assert_eq!(refused(DqnConfig { buffer_size: 0, ..standard }), "capacity must be at least 1, got 0");
    assert_eq!(refused(DqnConfig { batch_size: 0, ..standard }), "batch_size must be at least 1, got 0");
    assert_eq!(refused(DqnConfig { train_every: 0, ..standard }), "train_every must be at least 1, got 0");
    assert_eq!(refused(DqnConfig { updates: 0, ..standard }), "updates must be at least 1, got 0");
    assert_eq!(refused(DqnConfig { target_every: 0, ..standard }), "target_every must be at least 1, got 0");
    assert_eq!(refused(DqnConfig { tau: 0.0, ..standard }), "tau must be above 0 and finite, got 0");
    assert_eq!(refused(DqnConfig { tau: 1.5, ..standard }), "tau must be in [0, 1], got 1.5");
    assert_eq!(refused(DqnConfig { epsilon_start: 2.0, ..standard }), "epsilon_start must be in [0, 1], got 2");
    assert_eq!(refused(DqnConfig { epsilon_end: -0.1, ..standard }), "epsilon_end must be in [0, 1], got -0.1");
    assert_eq!(refused(DqnConfig { epsilon_steps: 0, ..standard }), "epsilon_steps must be at least 1, got 0");
    assert_eq!(refused(DqnConfig { n_step: 0, ..standard }), "n must be at least 1, got 0");
    assert_eq!(refused(DqnConfig { huber: Some(0.0), ..standard }), "huber must be above 0 and finite, got 0");
    let clip = DqnConfig { max_grad_norm: Some(f64::NAN), ..standard };
    assert_eq!(refused(clip), "max_grad_norm must be finite and at least 0, got NaN");
    let wide = Dqn::new(CartPole::v1(), |params| q_network(&[4, 3], params), standard, 0).err().unwrap().to_string();
    assert!(wide.contains("output of the network") && wide.contains("[N, 2]") && wide.contains("[1, 3]"), "{wide}");
    assert!(Dqn::new(CartPole::v1(), |params| q_network(&[5, 2], params), standard, 0).is_err());
    let sizes = "sizes must be those of the observation and of the actions at least, got [4]";
    assert_eq!(q_network(&[4], store(DType::F32)).err().unwrap().to_string(), sizes);
    assert_eq!(dueling_q_network(&[4], store(DType::F32)).err().unwrap().to_string(), sizes);
}

/// A rate that makes everything overflow is found where it happens.
#[test]
fn a_loss_that_is_no_number_is_told_with_its_step() {
    let config = DqnConfig { lr: 1e30, learning_starts: 10, train_every: 1, batch_size: 4, ..DqnConfig::default() };
    let mut dqn = Dqn::new(CartPole::v1(), |params| q_network(&[4, 8, 2], params), config, 0).unwrap();
    let error = dqn.train(100, Progress::Silent).unwrap_err();
    assert!(matches!(error, candlelight::Error::NotFinite { step, .. } if step as u64 == dqn.steps()), "{error}");
}

#[test]
fn a_dueling_head_is_its_formula() {
    let params = store(DType::F64);
    let head = dueling_head(3, 4, params.clone()).unwrap();
    let x = gradient::input(2, (5, 3));
    let part = |name: &str| {
        let weight = params.get(&format!("{name}.weight")).unwrap().t().unwrap();
        flat(&x.matmul(&weight).unwrap().broadcast_add(&params.get(&format!("{name}.bias")).unwrap()).unwrap())
    };
    let (value, advantage) = (part("value"), part("advantage"));
    let mut expected = Vec::new();
    for n in 0..5 {
        let row = &advantage[4 * n..4 * n + 4];
        expected.extend(row.iter().map(|a| value[n] + a - row.iter().sum::<f64>() / 4.0));
    }
    let expected = Tensor::from_vec(expected, (5, 4), &Device::Cpu).unwrap();
    assert_close("output", &head.forward(&x, Mode::Train).unwrap(), &expected, 1e-12, 1e-14);
    gradient::check(|t| head.forward(&t[0], Mode::Train), std::slice::from_ref(&x)).unwrap();
}

#[test]
fn a_target_network_follows_when_it_is_due() {
    let filled = |value: f64| Tensor::full(value as f32, (2, 3), &Device::Cpu).unwrap();
    let pair = || {
        let (online, target) = (store(DType::F32), store(DType::F32));
        linear(3, 2, online.clone()).unwrap();
        linear(3, 2, target.clone()).unwrap();
        (online, target)
    };
    let weight = |params: &Params| flat(&params.get("weight").unwrap());
    let (online, target) = pair();
    target.set("weight", &filled(9.0)).unwrap();
    let follower = TargetNetwork::new(&online, &target, 3, 1.0).unwrap();
    assert_eq!(weight(&target), weight(&online), "it begins as a copy");
    // A number that a weighted sum would round.
    online.set("weight", &filled(1e-3)).unwrap();
    assert!(!follower.after_step(1).unwrap() && !follower.after_step(2).unwrap() && weight(&target) != weight(&online));
    assert!(follower.after_step(3).unwrap());
    assert_eq!(weight(&target), weight(&online));
    let (online, target) = pair();
    online.set("weight", &filled(0.0)).unwrap();
    let follower = TargetNetwork::new(&online, &target, 1, 0.25).unwrap();
    online.set("weight", &filled(1.0)).unwrap();
    (1..=5).for_each(|step| assert!(follower.after_step(step).unwrap()));
    assert!(weight(&target).iter().all(|w| (w - (1.0 - 0.75f64.powi(5))).abs() < 1e-6));
}
