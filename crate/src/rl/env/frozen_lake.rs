//! FrozenLake: over slippery ice to a goal.

use candlelight_base::range;

use super::GridMap;
use crate::rl::{Mdp, Outcome};
use crate::{Error, Result};

/// How [`frozen_lake`] behaves. The defaults are those of Gymnasium's FrozenLake-v1.
#[derive(Debug, Clone, PartialEq)]
pub struct FrozenLakeConfig {
    /// Whether one may slip to either side. Default: true.
    pub slippery: bool,
    /// The probability to go where one wants to, if it is slippery, in [0, 1]; each side takes half of the rest. Default: 1/3.
    pub success_rate: f64,
    /// The rewards for reaching the goal, a hole, and other cells. Default: 1, 0, 0.
    pub rewards: [f64; 3],
}

impl Default for FrozenLakeConfig {
    fn default() -> Self {
        Self { slippery: true, success_rate: 1.0 / 3.0, rewards: [1.0, 0.0, 0.0] }
    }
}

/// Left, down, right, up: the actions of FrozenLake, and of [`grid_world`](super::grid_world).
pub(super) const MOVES: [(isize, isize); 4] = [(0, -1), (1, 0), (0, 1), (-1, 0)];

/// Gymnasium's FrozenLake-v1 on a map of S start, F frozen, H hole, G goal: goals and holes end the episode.
///
/// Actions: 0 left, 1 down, 2 right, 3 up. Gymnasium ends episodes after 100 steps on 4×4 and after 200 on 8×8:
/// [`TimeLimit`](super::TimeLimit).
///
/// ```
/// use candlelight::rl::{FrozenLakeConfig, GridMap, frozen_lake};
/// # fn main() -> candlelight::Result<()> {
/// let mdp = frozen_lake(&GridMap::frozen_lake_4x4(), &FrozenLakeConfig::default())?;
/// assert_eq!((mdp.states(), mdp.actions(), mdp.outcomes(0, 2).len()), (16, 4, 3));
/// # Ok(()) }
/// ```
///
/// # Errors
/// A map with other letters or without a start, or a setting outside its range.
pub fn frozen_lake(map: &GridMap, config: &FrozenLakeConfig) -> Result<Mdp> {
    range::share("success_rate", config.success_rate)?;
    if let Some(letter) = (0..map.states()).map(|state| map.letter(state)).find(|&letter| !"SFHG".contains(letter)) {
        return Err(Error::setting("map", "made of the letters S, F, H and G", format!("{letter:?}")));
    }
    let aside = (1.0 - config.success_rate) / 2.0;
    Mdp::new(map.states(), MOVES.len(), map.evenly('S')?, |state, action| {
        if "GH".contains(map.letter(state)) {
            return vec![Outcome { probability: 1.0, next: state, reward: 0.0, terminated: true }];
        }
        let outcome = |probability, direction: usize| {
            let next = map.step(state, MOVES[direction % 4]);
            let (reward, terminated) = match map.letter(next) {
                'G' => (config.rewards[0], true),
                'H' => (config.rewards[1], true),
                _ => (config.rewards[2], false),
            };
            Outcome { probability, next, reward, terminated }
        };
        match config.slippery {
            true => vec![outcome(aside, action + 3), outcome(config.success_rate, action), outcome(aside, action + 1)],
            false => vec![outcome(1.0, action)],
        }
    })
}
