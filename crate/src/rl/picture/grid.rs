//! Values and policies on a map.

use candlelight_plot::Panel;

use crate::rl::GridMap;
use crate::{Error, Result};

/// The actions of FrozenLake and of grid worlds, as arrows.
pub const LEFT_DOWN_RIGHT_UP: [char; 4] = ['←', '↓', '→', '↑'];

/// The actions of CliffWalking, as arrows.
pub const UP_RIGHT_DOWN_LEFT: [char; 4] = ['↑', '→', '↓', '←'];

/// A map whose cells have the colours of their `values`, with an arrow for each action that is taken there.
///
/// `values`: one a cell, shown with two decimals where the cells of the map are wide enough; one that is not finite leaves the cell
/// white (a hole, a wall).
/// `actions`: those of each cell, none or several where they are equally good; `arrows` names them. Cells that the map marks
/// with a letter (other than `.` and `F`) show it.
///
/// ```
/// use candlelight::plot::Figure;
/// use candlelight::rl::{GridMap, picture};
/// # fn main() -> candlelight::Result<()> {
/// let map = GridMap::new(&["S.", ".G"])?;
/// let actions = [vec![1, 2], vec![1], vec![2], vec![]];
/// let panel = picture::grid(&map, "value", &[-2., -1., -1., 0.], &actions, picture::LEFT_DOWN_RIGHT_UP)?;
/// assert!(Figure::new().panel(panel.x("column").y("row")).svg()?.contains("↓→"));
/// # Ok(()) }
/// ```
///
/// # Errors
/// If there is not one value and one list of actions for each cell, or an action that has no arrow.
pub fn grid(map: &GridMap, label: &str, values: &[f64], actions: &[Vec<usize>], arrows: [char; 4]) -> Result<Panel> {
    for (name, given) in [("values", values.len()), ("actions", actions.len())] {
        if given != map.states() {
            return Err(Error::setting(name, "one for each cell", format!("{given} for {} cells", map.states())));
        }
    }
    let mut texts = Vec::with_capacity(map.states());
    for (state, value) in values.iter().enumerate() {
        let mut first = mark(map, state);
        for &action in &actions[state] {
            let arrow = arrows.get(action);
            first.push(*arrow.ok_or_else(|| Error::setting("actions", "0 to 3, which have arrows", action))?);
        }
        let number = if value.is_finite() { format!("{value:.2}").replace('-', "−") } else { String::new() };
        texts.push(lines(first, number));
    }
    Ok(panel(map, label, values, &texts))
}

/// A map with the cells that an episode went through, numbered by the step at which it was there last.
///
/// `states`: the cells in order, from the first observation on.
///
/// # Errors
/// If there is no state, or one that is not on the map.
pub fn path(map: &GridMap, states: &[usize]) -> Result<Panel> {
    let mut last = vec![f64::NAN; map.states()];
    for (step, &state) in states.iter().enumerate() {
        let cell = last.get_mut(state);
        *cell
            .ok_or_else(|| Error::setting("states", "cells of the map", format!("{state} of 0..{}", map.states())))? =
            step as f64;
    }
    if states.is_empty() {
        return Err(Error::setting("states", "at least one", "none"));
    }
    let text = |state: usize| match last[state] {
        step if step.is_finite() => lines(mark(map, state), step.to_string()),
        _ => lines(mark(map, state), if ".F".contains(map.letter(state)) { "·".into() } else { String::new() }),
    };
    let texts: Vec<String> = (0..map.states()).map(text).collect();
    Ok(panel(map, "step", &last, &texts))
}

/// The letter of a cell, if it says more than that one may stand there.
fn mark(map: &GridMap, state: usize) -> String {
    let letter = map.letter(state);
    if ".F".contains(letter) { String::new() } else { letter.to_string() }
}

fn lines(first: String, second: String) -> String {
    if first.is_empty() || second.is_empty() { first + &second } else { format!("{first}\n{second}") }
}

fn panel(map: &GridMap, label: &str, values: &[f64], texts: &[String]) -> Panel {
    let columns = map.columns();
    Panel::new("")
        .heatmap(label, values.chunks(columns).map(<[f64]>::to_vec))
        .cell_labels(texts.chunks(columns).map(<[String]>::to_vec))
}
