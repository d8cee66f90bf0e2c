//! Environments against Gymnasium's own tables and episodes.

use candlelight::rl::{
    Acrobot, CartPole, Environment, FrozenLakeConfig, GridMap, Mdp, MountainCar, Step, TimeLimit, cliff_walking,
    frozen_lake, taxi,
};
use candlelight_tests::{Case, fixture, flat};

fn case(name: &str) -> Vec<Case> {
    let cases: Vec<_> = fixture("environments").into_iter().filter(|case| case.0["name"] == name).collect();
    assert!(!cases.is_empty(), "{name}");
    cases
}

/// The tables are equal, number by number.
fn same_table(name: &str, mdp: &Mdp) {
    let [case] = &case(name)[..] else { panic!("{name}") };
    assert_eq!(mdp.initial(), flat(&case.f64("initial")), "{name}");
    let mut rows = Vec::new();
    for (state, action) in (0..mdp.states()).flat_map(|state| (0..mdp.actions()).map(move |action| (state, action))) {
        for outcome in mdp.outcomes(state, action) {
            let ended = f64::from(u8::from(outcome.terminated));
            let (probability, reward) = (outcome.probability, outcome.reward);
            rows.push([state as f64, action as f64, probability, outcome.next as f64, reward, ended]);
        }
    }
    let expected = flat(&case.f64("outcomes"));
    assert_eq!(rows.as_flattened().len(), expected.len(), "{name}");
    for (row, expected) in rows.iter().zip(expected.as_chunks::<6>().0) {
        assert_eq!(row, expected, "{name}: state, action, probability, next state, reward, terminated");
    }
}

#[test]
fn tables_are_those_of_gymnasium() -> candlelight::Result<()> {
    let (small, large) = (GridMap::frozen_lake_4x4(), GridMap::frozen_lake_8x8());
    let slippery = FrozenLakeConfig::default();
    let dry = FrozenLakeConfig { slippery: false, ..Default::default() };
    let custom = FrozenLakeConfig { success_rate: 0.75, rewards: [2.0, -1.0, -0.5], ..Default::default() };
    same_table("FrozenLake 4x4 slippery", &frozen_lake(&small, &slippery)?);
    same_table("FrozenLake 4x4 dry", &frozen_lake(&small, &dry)?);
    same_table("FrozenLake 8x8 slippery", &frozen_lake(&large, &slippery)?);
    same_table("FrozenLake 8x8 dry", &frozen_lake(&large, &dry)?);
    same_table("FrozenLake 4x4 custom", &frozen_lake(&small, &custom)?);
    same_table("CliffWalking dry", &cliff_walking(false)?);
    same_table("CliffWalking slippery", &cliff_walking(true)?);
    same_table("Taxi", &taxi()?);
    Ok(())
}

/// Plays the recorded actions from the recorded first state; each state, reward and ending must be the recorded one. Returns
/// the largest distance of a number of a state.
fn replayed<E: Environment>(
    case: &Case,
    mut env: TimeLimit<E>,
    start: impl Fn(&mut E, &[f64]),
    state: impl Fn(&E, &Step<E::Observation>) -> Vec<f64>,
) -> f64 {
    let (name, states) = (&case.0["name"], case.f64("states").to_vec2::<f64>().unwrap());
    let [actions, rewards, terminated, truncated] =
        ["actions", "rewards", "terminated", "truncated"].map(|column| flat(&case.f64(column)));
    // The limit counts from a reset; the state comes from the record.
    env.reset(Some(0)).unwrap();
    start(env.env_mut(), &states[0]);
    let mut farthest = 0f64;
    for t in 0..actions.len() {
        let step = env.step(actions[t] as usize).unwrap();
        let got = (step.reward, step.terminated, step.truncated);
        assert_eq!(got, (rewards[t], terminated[t] == 1.0, truncated[t] == 1.0), "{name}, step {t}");
        let here = state(env.env(), &step);
        assert_eq!(here.len(), states[t + 1].len());
        farthest = here.iter().zip(&states[t + 1]).map(|(a, b)| (a - b).abs()).fold(farthest, f64::max);
    }
    assert!(env.step(0).is_err(), "{name}: the episode has ended");
    farthest
}

#[test]
fn whole_episodes_of_cart_pole_and_mountain_car_are_those_of_gymnasium() {
    for name in ["CartPole balanced", "CartPole random", "CartPole pushed"] {
        for case in case(name) {
            let start = |env: &mut CartPole, at: &[f64]| _ = env.start_at(at.try_into().unwrap());
            let far = replayed(&case, CartPole::v1(), start, |_, step| step.observation.to_vec());
            assert!(far <= 1e-12, "{name}: {far:e}");
        }
    }
    for name in ["MountainCar along", "MountainCar random", "MountainCar border"] {
        for case in case(name) {
            let start = |env: &mut MountainCar, at: &[f64]| _ = env.start_at(at.try_into().unwrap());
            let far = replayed(&case, MountainCar::v0(), start, |_, step| step.observation.to_vec());
            assert!(far <= 1e-12, "{name}: {far:e}");
        }
    }
}

#[test]
fn episodes_of_acrobot_are_those_of_gymnasium() {
    for name in ["Acrobot pump", "Acrobot random"] {
        for case in case(name) {
            let start = |env: &mut Acrobot, at: &[f64]| _ = env.start_at(at.try_into().unwrap());
            let far = replayed(&case, Acrobot::v1(), start, |env, _| env.angles().to_vec());
            assert!(far <= 1e-12, "{name}: {far:e}");
        }
    }
}
