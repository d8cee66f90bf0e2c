//! Two links that hang from a joint.

use std::f64::consts::FRAC_PI_2;

use candlelight_plot::Diagram;

use super::strip::{bar, circle, strip};
use crate::Result;

/// Angles (θ₁, θ₂, …) of [`Acrobot`](crate::rl::Acrobot), as [`Acrobot::angles`](crate::rl::Acrobot::angles) gives them, side by
/// side: the links, the height to reach, and a caption below.
///
/// # Errors
/// If there are no states, or more than 24.
pub fn acrobot(title: &str, states: impl IntoIterator<Item = ([f64; 4], impl Into<String>)>) -> Result<Diagram> {
    let frame = |[first, second, ..]: [f64; 4]| {
        // θ₁ counts from hanging down.
        let joint = (first.sin(), -first.cos());
        vec![
            (vec![(-1.0, 1.0), (1.0, 1.0)], None),
            (bar((0.0, 0.0), first - FRAC_PI_2, 1.0, 0.15), Some(0)),
            (bar(joint, first + second - FRAC_PI_2, 1.0, 0.15), Some(1)),
            (circle((0.0, 0.0), 0.08), None),
            (circle(joint, 0.08), None),
        ]
    };
    strip(title, 4.0, -2.4, states.into_iter().map(|(state, caption)| (frame(state), caption.into())).collect())
}
