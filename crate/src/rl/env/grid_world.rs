//! Grid worlds with walls.

use candlelight_base::range;

use super::GridMap;
use super::frozen_lake::MOVES;
use crate::rl::{Mdp, Outcome};
use crate::{Error, Result};

/// How [`grid_world`] behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct GridWorldConfig {
    /// The reward of each step, the one that reaches a goal included. Default: -1.
    pub step: f64,
    /// What reaching a goal adds. Default: 0.
    pub goal: f64,
    /// What reaching a trap, `T`, adds. Default: -10.
    pub trap: f64,
    /// The probability that a step goes to either side instead, in [0, 1], half of it to each. Default: 0.
    pub slip: f64,
}

impl Default for GridWorldConfig {
    fn default() -> Self {
        Self { step: -1.0, goal: 0.0, trap: -10.0, slip: 0.0 }
    }
}

/// A grid on a map of S start, `.` free, `#` wall, G goal, T trap: goals and traps end the episode; walls and the border hold
/// back.
///
/// Actions: 0 left, 1 down, 2 right, 3 up.
///
/// ```
/// use candlelight::rl::{GridMap, GridWorldConfig, grid_world};
/// # fn main() -> candlelight::Result<()> {
/// let mdp = grid_world(&GridMap::new(&["S#G", "..."])?, &GridWorldConfig::default())?;
/// assert_eq!((mdp.outcomes(0, 2)[0].next, mdp.outcomes(0, 1)[0].next), (0, 3));
/// # Ok(()) }
/// ```
///
/// # Errors
/// A map with other letters or without a start, or a setting outside its range.
pub fn grid_world(map: &GridMap, config: &GridWorldConfig) -> Result<Mdp> {
    range::share("slip", config.slip)?;
    if let Some(letter) = (0..map.states()).map(|state| map.letter(state)).find(|&letter| !"S.#GT".contains(letter)) {
        return Err(Error::setting("map", "made of the letters S, ., #, G and T", format!("{letter:?}")));
    }
    Mdp::new(map.states(), MOVES.len(), map.evenly('S')?, |state, action| {
        if "GT".contains(map.letter(state)) {
            return vec![Outcome { probability: 1.0, next: state, reward: 0.0, terminated: true }];
        }
        let outcome = |probability, direction: usize| {
            let next = map.step(state, MOVES[direction % 4]);
            let (next, extra, terminated) = match map.letter(next) {
                '#' => (state, 0.0, false),
                'G' => (next, config.goal, true),
                'T' => (next, config.trap, true),
                _ => (next, 0.0, false),
            };
            Outcome { probability, next, reward: config.step + extra, terminated }
        };
        match config.slip {
            0.0 => vec![outcome(1.0, action)],
            slip => vec![outcome(slip / 2.0, action + 3), outcome(1.0 - slip, action), outcome(slip / 2.0, action + 1)],
        }
    })
}
