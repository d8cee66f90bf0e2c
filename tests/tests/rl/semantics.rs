//! What an environment must do whichever it is: seeds, endings, limits, vectors, states.

use candlelight::prelude::*;
use candlelight::rl::{
    Acrobot, Autoreset, CartPole, Environment, FrozenLakeConfig, GridMap, GridWorldConfig, Mdp, MountainCar, Outcome,
    Space, Step, TabularEnv, TimeLimit, Vectorized, frozen_lake, grid_world, taxi,
};
use candlelight::state::Stateful;

/// What is seen, as numbers.
trait Numbers: std::fmt::Debug {
    fn numbers(&self) -> Vec<f64>;
}

impl Numbers for usize {
    fn numbers(&self) -> Vec<f64> {
        vec![*self as f64]
    }
}

impl<const N: usize> Numbers for [f64; N] {
    fn numbers(&self) -> Vec<f64> {
        self.to_vec()
    }
}

/// Observation, reward, terminated, truncated.
type Seen = (Vec<u64>, u64, bool, bool);

fn bits<O: Numbers>(step: &Step<O>) -> Seen {
    let observation = step.observation.numbers().iter().map(|x| x.to_bits()).collect();
    (observation, step.reward.to_bits(), step.terminated, step.truncated)
}

/// Plays random actions, and returns all that is seen.
fn played<E: Environment>(env: &mut E, seed: Option<u64>, steps: usize) -> Result<Vec<Seen>>
where
    E::Observation: Numbers,
{
    let (mut rng, mut seen) = (seeded(9), Vec::new());
    if seed.is_some() {
        let first = env.reset(seed)?;
        assert!(env.observation_space().contains(&first.numbers()), "{:?}", first.numbers());
    }
    for _ in 0..steps {
        let step = env.step(rng.random_range(0..env.actions()))?;
        assert!(env.observation_space().contains(&step.observation.numbers()), "{:?}", step.observation.numbers());
        seen.push(bits(&step));
        if step.ended() {
            env.reset(None)?;
        }
    }
    Ok(seen)
}

fn behaves<E: Environment + Stateful + Clone>(env: &E)
where
    E::Observation: Numbers,
{
    let mut fresh = env.clone();
    assert!(matches!(fresh.step(0), Err(Error::Episode { .. })), "a step before reset");
    assert!(matches!(fresh.reset(None), Err(Error::Episode { .. })), "no seed");
    let first = fresh.reset(Some(1)).unwrap().numbers();
    let refused = fresh.step(env.actions()).unwrap_err().to_string();
    let n = env.actions();
    assert!(refused.contains(&format!("{n} of 0..{n}")), "{refused}");

    let run = |seed| played(&mut env.clone(), Some(seed), 700).unwrap();
    assert_eq!(run(1), run(1), "the same seed");
    assert_ne!(run(1), run(2), "another seed");

    // A state is loaded into another environment, in the middle of an episode.
    let (mut one, mut other) = (env.clone(), env.clone());
    played(&mut one, Some(3), 333).unwrap();
    other.load_state(&one.state().unwrap()).unwrap();
    assert_eq!(played(&mut one, None, 500).unwrap(), played(&mut other, None, 500).unwrap());
    let before = played(&mut one.clone(), None, 50).unwrap();
    let mut broken = other.state().unwrap();
    broken.values.retain(|name, _| !name.contains("word_pos"));
    assert!(matches!(one.load_state(&broken), Err(Error::State { .. })));
    assert_eq!(played(&mut one, None, 50).unwrap(), before, "nothing has changed");

    // No episode goes on after its end.
    let mut env = env.clone();
    assert_eq!(env.reset(Some(1)).unwrap().numbers(), first);
    while !env.step(0).unwrap().ended() {}
    assert!(matches!(env.step(0), Err(Error::Episode { .. })), "a step after the end");
    env.reset(None).unwrap();
    env.step(0).unwrap();
}

#[test]
fn environments_begin_go_on_and_end_alike() -> Result<()> {
    behaves(&CartPole::v1());
    behaves(&CartPole::new());
    behaves(&MountainCar::v0());
    behaves(&Acrobot::v1());
    behaves(&TimeLimit::new(TabularEnv::new(taxi()?), 200)?);
    let lake = frozen_lake(&GridMap::frozen_lake_4x4(), &FrozenLakeConfig::default())?;
    behaves(&TimeLimit::new(TabularEnv::new(lake), 100)?);
    let map = GridMap::new(&["S.#G", "...T", "S..."])?;
    let slippery = GridWorldConfig { slip: 0.2, ..Default::default() };
    behaves(&TimeLimit::new(TabularEnv::new(grid_world(&map, &slippery)?), 30)?);
    Ok(())
}

#[test]
fn a_limit_truncates_and_a_fall_terminates() -> Result<()> {
    let mut env = CartPole::v1();
    env.reset(Some(0))?;
    let mut last = env.step(0)?;
    while !last.ended() {
        last = env.step(0)?;
    }
    assert!(last.terminated && !last.truncated);
    // Both at once, where the pole falls just at the limit.
    env.reset(Some(0))?;
    let mut steps = 1;
    while !env.step(0)?.ended() {
        steps += 1;
    }
    let mut both = TimeLimit::new(CartPole::new(), steps)?;
    both.reset(Some(0))?;
    for _ in 1..steps {
        assert!(!both.step(0)?.ended());
    }
    let last = both.step(0)?;
    assert!(last.terminated && last.truncated);
    assert!(TimeLimit::new(CartPole::new(), 0).is_err());
    Ok(())
}

#[test]
fn draws_follow_the_table() -> Result<()> {
    let lake = frozen_lake(&GridMap::frozen_lake_4x4(), &FrozenLakeConfig { success_rate: 0.6, ..Default::default() })?;
    let mut env = TabularEnv::new(lake);
    let (n, mut counts) = (20_000, [0; 16]);
    env.reset(Some(5))?;
    for _ in 0..n {
        env.reset(None)?;
        counts[env.step(2)?.observation] += 1;
    }
    // From the corner to the right: 0.6 right, 0.2 down, 0.2 up, which the border holds back.
    for (state, share) in [(1, 0.6), (4, 0.2), (0, 0.2)] {
        let deviation = (f64::from(n) * share * (1.0 - share)).sqrt();
        assert!((f64::from(counts[state]) - f64::from(n) * share).abs() < 4.0 * deviation, "{counts:?}");
    }
    assert_eq!(counts.iter().sum::<i32>(), n);
    Ok(())
}

#[test]
fn vectors_begin_new_episodes_by_themselves() -> Result<()> {
    let limited = || TimeLimit::new(CartPole::new(), 3);
    for autoreset in [Autoreset::NextStep, Autoreset::SameStep] {
        let mut envs = Vectorized::new(vec![limited()?, limited()?], autoreset)?;
        assert!(envs.reset(None).is_err(), "no seed");
        let first = envs.reset(Some(7))?;
        let mut alone = [limited()?, limited()?];
        assert_eq!(first, [alone[0].reset(Some(7))?, alone[1].reset(Some(8))?], "seeds 7 and 8");
        for _ in 0..3 {
            let steps = envs.step(&[1, 0])?;
            let own = [alone[0].step(1)?, alone[1].step(0)?];
            for (i, (step, own)) in steps.iter().zip(&own).enumerate() {
                assert_eq!((step.reward, step.truncated), (own.reward, own.truncated));
                match (own.truncated, autoreset) {
                    (true, Autoreset::SameStep) => {
                        assert_eq!(envs.final_observation(i), Some(&own.observation));
                        assert_eq!(step.observation, alone[i].reset(None)?, "the next episode");
                    }
                    _ => {
                        assert_eq!(envs.final_observation(i), None);
                        assert_eq!(step.observation, own.observation);
                    }
                }
            }
        }
        let mut copy = envs.clone();
        copy.load_state(&envs.state()?)?;
        let next = envs.step(&[1, 1])?;
        assert_eq!(copy.step(&[1, 1])?, next);
        if autoreset == Autoreset::NextStep {
            let begun = Step { observation: alone[0].reset(None)?, reward: 0.0, terminated: false, truncated: false };
            assert_eq!(next[0], begun, "the action is ignored");
        } else {
            assert_eq!(next[0], alone[0].step(1)?);
        }
        for (actions, word) in [(&[1][..], "1 for 2"), (&[0, 2], "2 of 0..2")] {
            let error = envs.step(actions).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
    assert!(Vectorized::new(Vec::<CartPole>::new(), Autoreset::NextStep).is_err());
    Ok(())
}

#[test]
fn what_is_no_process_is_refused() {
    let outcome = |probability, next, reward| Outcome { probability, next, reward, terminated: false };
    let one = |those: Vec<Outcome>| Mdp::new(1, 1, vec![1.0], move |_, _| those.clone()).unwrap_err().to_string();
    for (error, word) in [
        (one(vec![outcome(0.5, 0, 0.0)]), "a sum of 0.5"),
        (one(vec![outcome(1.5, 0, 0.0), outcome(-0.5, 0, 0.0)]), "1.5"),
        (one(vec![]), "a sum of 0"),
        (one(vec![outcome(1.0, 1, 0.0)]), "outside 0..1"),
        (one(vec![outcome(1.0, 0, f64::NAN)]), "reward"),
    ] {
        assert!(error.contains(word), "{error}");
    }
    let fine = |_, _| vec![outcome(1.0, 0, 0.0)];
    assert!(Mdp::new(0, 1, vec![], fine).is_err() && Mdp::new(1, 0, vec![1.0], fine).is_err());
    assert!(Mdp::new(2, 1, vec![1.0], fine).is_err() && Mdp::new(2, 1, vec![1.0, 1.0], fine).is_err());
    for rows in [&[][..], &[""], &["S.", "."]] {
        assert!(GridMap::new(rows).is_err(), "{rows:?}");
    }
    let map = |rows: &[&str]| GridMap::new(rows).unwrap();
    assert!(frozen_lake(&map(&["SX"]), &FrozenLakeConfig::default()).is_err());
    assert!(frozen_lake(&map(&["FG"]), &FrozenLakeConfig::default()).is_err(), "no start");
    assert!(frozen_lake(&map(&["SG"]), &FrozenLakeConfig { success_rate: 1.1, ..Default::default() }).is_err());
    assert!(grid_world(&map(&["SG"]), &GridWorldConfig { slip: -0.1, ..Default::default() }).is_err());
    assert!(grid_world(&map(&["SH"]), &GridWorldConfig::default()).is_err());
}

#[test]
fn a_grid_world_has_walls_traps_and_several_starts() -> Result<()> {
    let map = GridMap::new(&["S#G", "S.T"])?;
    let mdp = grid_world(&map, &GridWorldConfig { goal: 5.0, ..Default::default() })?;
    assert_eq!(mdp.initial(), [0.5, 0.0, 0.0, 0.5, 0.0, 0.0]);
    let reach = |state, action| {
        let [outcome] = mdp.outcomes(state, action) else { panic!() };
        (outcome.next, outcome.reward, outcome.terminated)
    };
    assert_eq!(reach(0, 2), (0, -1.0, false), "a wall");
    assert_eq!(reach(4, 2), (5, -11.0, true), "a trap");
    assert_eq!(reach(4, 3), (4, -1.0, false), "a wall above");
    assert_eq!(reach(2, 1), (2, 0.0, true), "a goal leads nowhere");
    assert_eq!((mdp.start_value(&[2.0, 9.0, 9.0, 4.0, 9.0, 9.0]), mdp.outcomes(9, 0).len()), (3.0, 0));
    assert!(Space::Discrete(6).contains(&[5.0]) && !Space::Discrete(6).contains(&[6.0]));
    assert!(!Space::Discrete(6).contains(&[0.5]) && !Space::Discrete(6).contains(&[-1.0]));
    Ok(())
}
