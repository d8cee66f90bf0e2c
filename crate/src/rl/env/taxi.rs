//! Taxi: fetch a passenger, and bring them to a hotel.

use crate::Result;
use crate::rl::{Mdp, Outcome};

/// Rows and columns of the four places R, G, Y, B.
const PLACES: [(usize, usize); 4] = [(0, 0), (0, 4), (4, 0), (4, 3)];

/// The columns to whose right a wall stands, in each row.
const WALLS: [&[usize]; 5] = [&[1], &[1], &[], &[0, 2], &[0, 2]];

const SIZE: usize = 5;

/// Gymnasium's Taxi-v4, in dry weather and with a passenger who keeps the destination.
///
/// 500 states, ((row · 5 + column) · 5 + passenger) · 4 + destination: the passenger waits at one of the places 0 to 3
/// (R, G, Y, B) or sits in the taxi, 4. Actions: 0 down, 1 up, 2 right, 3 left, 4 pick up, 5 drop off. Each step costs 1, to
/// pick up or drop off where one cannot 10; to drop the passenger at the destination earns 20 and ends the episode.
/// Gymnasium ends it after 200 steps: [`TimeLimit`](super::TimeLimit). Dietterich (2000), section 2.1.
///
/// ```
/// use candlelight::rl::taxi;
/// # fn main() -> candlelight::Result<()> {
/// let mdp = taxi()?;
/// // At place R with the passenger inside, whose destination it is.
/// let drop = mdp.outcomes(4 * 4, 5)[0];
/// assert_eq!((mdp.states(), drop.reward, drop.terminated), (500, 20., true));
/// # Ok(()) }
/// ```
///
/// # Errors
/// None with this table.
pub fn taxi() -> Result<Mdp> {
    let states = SIZE * SIZE * 5 * 4;
    let waits = |state: usize| state / 4 % 5 < 4 && state / 4 % 5 != state % 4;
    let starts = (0..states).filter(|&state| waits(state)).count() as f64;
    let initial = (0..states).map(|state| if waits(state) { 1.0 / starts } else { 0.0 }).collect();
    Mdp::new(states, 6, initial, |state, action| vec![act(state, action)])
}

fn act(state: usize, action: usize) -> Outcome {
    let (mut row, mut column, mut passenger, destination) = (state / 100, state / 20 % SIZE, state / 4 % 5, state % 4);
    let (mut reward, mut terminated) = (-1.0, false);
    let here = PLACES.iter().position(|&place| place == (row, column));
    match action {
        0 => row = (row + 1).min(SIZE - 1),
        1 => row = row.saturating_sub(1),
        2 if !WALLS[row].contains(&column) => column = (column + 1).min(SIZE - 1),
        3 if column > 0 && !WALLS[row].contains(&(column - 1)) => column -= 1,
        4 if here == Some(passenger) => passenger = 4,
        5 if passenger == 4 && here == Some(destination) => (passenger, reward, terminated) = (destination, 20.0, true),
        // Set down at another place, where the passenger waits again.
        5 if passenger == 4 && here.is_some() => passenger = here.unwrap_or(4),
        4 | 5 => reward = -10.0,
        _ => {}
    }
    let next = ((row * SIZE + column) * 5 + passenger) * 4 + destination;
    Outcome { probability: 1.0, next, reward, terminated }
}
