//! CliffWalking: along a cliff, or around it.

use super::GridMap;
use crate::Result;
use crate::rl::{Mdp, Outcome};

/// Up, right, down, left.
const MOVES: [(isize, isize); 4] = [(-1, 0), (0, 1), (1, 0), (0, -1)];

/// Gymnasium's CliffWalking-v1 on [`GridMap::cliff`]: each step costs 1; a step off the cliff costs 100 and leads back to the
/// start, and the episode goes on; the goal ends it.
///
/// Actions: 0 up, 1 right, 2 down, 3 left. `slippery`: each step goes where it should, or to either side, with probability
/// 1/3 each. Sutton and Barto (2018), example 6.6.
///
/// ```
/// use candlelight::rl::cliff_walking;
/// # fn main() -> candlelight::Result<()> {
/// let mdp = cliff_walking(false)?;
/// let fall = mdp.outcomes(36, 1)[0];
/// assert_eq!((fall.next, fall.reward, fall.terminated), (36, -100., false));
/// # Ok(()) }
/// ```
///
/// # Errors
/// None with these settings.
pub fn cliff_walking(slippery: bool) -> Result<Mdp> {
    let map = GridMap::cliff();
    let start = map.evenly('S')?;
    let home = start.iter().position(|&probability| probability == 1.0).unwrap_or(0);
    Mdp::new(map.states(), MOVES.len(), start, |state, action| {
        let directions = if slippery { vec![action + 3, action, action + 1] } else { vec![action] };
        let probability = 1.0 / directions.len() as f64;
        let outcome = |direction: usize| {
            let next = map.step(state, MOVES[direction % 4]);
            match map.letter(next) {
                'C' => Outcome { probability, next: home, reward: -100.0, terminated: false },
                letter => Outcome { probability, next, reward: -1.0, terminated: letter == 'G' },
            }
        };
        directions.into_iter().map(outcome).collect()
    })
}
