//! Carts with their poles.

use std::f64::consts::FRAC_PI_2;

use candlelight_plot::Diagram;

use super::strip::{bar, strip};
use crate::Result;

/// States (x, ẋ, θ, θ̇) of [`CartPole`](crate::rl::CartPole) side by side, each with the track from x = -2.4 to 2.4 m, and a
/// caption below.
///
/// ```
/// use candlelight::rl::picture;
/// # fn main() -> candlelight::Result<()> {
/// let strip = picture::cart_pole("A pole falls", [([0., 0., 0., 0.], "0 s"), ([0.1, 0., 0.2, 0.], "0.4 s")])?;
/// assert!(strip.svg()?.contains("0.4 s"));
/// # Ok(()) }
/// ```
///
/// # Errors
/// If there are no states, or more than 24.
pub fn cart_pole(title: &str, states: impl IntoIterator<Item = ([f64; 4], impl Into<String>)>) -> Result<Diagram> {
    let frame = |[x, _, angle, _]: [f64; 4]| {
        vec![
            (vec![(-2.4, 0.0), (2.4, 0.0)], None),
            (bar((x - 0.35, 0.2), 0.0, 0.7, 0.4), Some(0)),
            // Twice the half length; θ counts from upright, to the right.
            (bar((x, 0.4), FRAC_PI_2 - angle, 1.0, 0.12), Some(1)),
        ]
    };
    strip(title, 4.8, -0.5, states.into_iter().map(|(state, caption)| (frame(state), caption.into())).collect())
}
