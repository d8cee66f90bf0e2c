//! A car between its hills.

use candlelight_plot::Diagram;

use super::strip::{circle, strip};
use crate::Result;

/// States (x, v) of [`MountainCar`](crate::rl::MountainCar) side by side: the hill sin 3x from x = -1.2 to 0.6, a flag at 0.5, and
/// a caption below.
///
/// # Errors
/// If there are no states, or more than 24.
pub fn mountain_car(title: &str, states: impl IntoIterator<Item = ([f64; 2], impl Into<String>)>) -> Result<Diagram> {
    // Shown around x = -0.3, the middle.
    let at = |x: f64| (x + 0.3, 0.45 * (3.0 * x).sin() + 0.55);
    let frame = |[x, _]: [f64; 2]| {
        let (flag, height) = at(0.5);
        let (car, ground) = at(x);
        vec![
            ((0..=36).map(|i| at(-1.2 + 0.05 * f64::from(i))).collect(), None),
            (vec![(flag, height), (flag, height + 0.3), (flag - 0.12, height + 0.22), (flag, height + 0.16)], Some(2)),
            (circle((car, ground + 0.08), 0.08), Some(0)),
        ]
    };
    strip(title, 1.8, -0.08, states.into_iter().map(|(state, caption)| (frame(state), caption.into())).collect())
}
