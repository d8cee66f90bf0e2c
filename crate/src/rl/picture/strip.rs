//! Frames side by side.

use candlelight_plot::Diagram;

use crate::{Error, Result};

/// Points as they lie in a frame.
pub(super) type Points = Vec<(f64, f64)>;

/// One frame: outlines, each with a colour of the palette, or grey.
pub(super) type Frame = Vec<(Points, Option<usize>)>;

/// The most frames of a strip.
const MOST: usize = 24;

/// Draws frames side by side, `width` units wide each and with a gap between them, with captions below, at `bottom`.
pub(super) fn strip(title: &str, width: f64, bottom: f64, frames: Vec<(Frame, String)>) -> Result<Diagram> {
    if !(1..=MOST).contains(&frames.len()) {
        return Err(Error::setting("states", "1 to 24, a frame each", frames.len()));
    }
    let mut diagram = Diagram::new(title);
    for (i, (frame, caption)) in frames.into_iter().enumerate() {
        let left = i as f64 * width * 1.12;
        for (points, color) in frame {
            diagram = diagram.path(points.into_iter().map(|(x, y)| (left + x, y)));
            if let Some(color) = color {
                diagram = diagram.color(color);
            }
        }
        diagram = diagram.text((left, bottom), caption);
    }
    Ok(diagram)
}

/// The corners of a rectangle from `start` along `angle` (from the x axis, in rad), `length` long and `thick`, closed.
pub(super) fn bar(start: (f64, f64), angle: f64, length: f64, thick: f64) -> Points {
    let (sin, cos) = angle.sin_cos();
    let corner = |along: f64, aside: f64| (start.0 + along * cos - aside * sin, start.1 + along * sin + aside * cos);
    let half = thick / 2.0;
    vec![corner(0.0, -half), corner(length, -half), corner(length, half), corner(0.0, half), corner(0.0, -half)]
}

/// A circle, closed.
pub(super) fn circle((x, y): (f64, f64), radius: f64) -> Points {
    let at = |i: u32| f64::from(i) / 16.0 * std::f64::consts::TAU;
    (0..=16).map(at).map(|angle| (x + radius * angle.cos(), y + radius * angle.sin())).collect()
}
