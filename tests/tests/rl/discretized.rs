//! Boxes instead of numbers.

use candlelight::rl::{CartPole, Discretized, Environment, MountainCar, Space};
use candlelight::{Error, Result};

use crate::message;

#[test]
fn points_fall_into_their_boxes() -> Result<()> {
    let env = Discretized::new(MountainCar::v0(), &[(-1.0, 1.0, 4), (0.0, 10.0, 5)])?;
    assert_eq!(env.observation_space(), Space::Discrete(20));
    for (point, expected) in [
        ([-1.0, 0.0], 0),
        ([-0.5, 0.0], 5), // a border belongs to the upper bin
        ([-0.51, 1.99], 0),
        ([0.99, 9.99], 19),
        ([1.0, 10.0], 19), // the last bin is closed
        ([-1e9, 1e9], 4),
        ([f64::NAN, 2.0], 1),
        ([f64::INFINITY, f64::NEG_INFINITY], 15),
    ] {
        assert_eq!(env.box_of(&point)?, expected, "{point:?}");
    }
    assert_eq!(message(env.box_of(&[0.0])), "point must be one number for each interval, got 1 instead of 2");
    Ok(())
}

#[test]
fn the_episode_is_that_of_the_environment_inside() -> Result<()> {
    let bins = [(-2.4, 2.4, 3), (-3.0, 3.0, 3), (-0.2, 0.2, 3), (-3.0, 3.0, 3)];
    let (mut inside, mut env) = (CartPole::v1(), Discretized::new(CartPole::v1(), &bins)?);
    let first = inside.reset(Some(5))?;
    assert_eq!(env.reset(Some(5))?, env.box_of(&first)?);
    for t in 0.. {
        let (seen, plain) = (env.step(t % 2)?, inside.step(t % 2)?);
        assert_eq!((seen.observation, seen.reward), (env.box_of(&plain.observation)?, plain.reward));
        assert_eq!((seen.terminated, seen.truncated), (plain.terminated, plain.truncated));
        if seen.ended() {
            break;
        }
    }
    assert!(matches!(env.step(0), Err(Error::Episode { .. })));
    Ok(())
}

#[test]
fn bad_bins_are_typed_errors() -> Result<()> {
    let with = |bins: &[(f64, f64, usize)]| message(Discretized::new(MountainCar::v0(), bins));
    assert_eq!(with(&[(0.0, 1.0, 2)]), "bins must be one interval for each number, got 1 for 2 numbers");
    assert_eq!(with(&[(0.0, 1.0, 2), (0.0, 1.0, 0)]), "bins must be at least 1, got 0");
    assert_eq!(with(&[(0.0, 1.0, 2), (1.0, 1.0, 2)]), "bins must be finite intervals with low < high, got [1, 1]");
    assert!(with(&[(0.0, f64::INFINITY, 2), (0.0, 1.0, 2)]).contains("finite intervals"));
    assert!(with(&[(0.0, 1.0, usize::MAX), (0.0, 1.0, 2)]).starts_with("bins must be few enough to be counted"));
    Ok(())
}
