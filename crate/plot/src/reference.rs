//! Reference lines and their labels, which keep clear of the data where they can.

use super::frame::Axes;
use super::geometry::Frame;
use super::panel::{Panel, Reference};
use super::scene::{Anchor, Point, Scene, Shape};
use super::style::{CARD, INK, MUTED};
use super::text::width;

const SIZE: f64 = 11.0;
const HEIGHT: f64 = 14.0;

/// The labels that are too long to stand in a chart of this width.
pub(super) fn too_long(panel: &Panel, plot_width: f64) -> Vec<String> {
    panel.references.iter().filter(|line| !stands_inside(line, plot_width)).map(|line| line.label.clone()).collect()
}

fn stands_inside(line: &Reference, plot_width: f64) -> bool {
    width(&line.label, SIZE) + 12.0 <= plot_width * 0.6
}

/// Draws the lines of `panel`, then their labels where they cover the fewest of `marks`.
pub(super) fn draw(panel: &Panel, axes: &Axes, frame: &Frame, marks: &[Point], scene: &mut Scene) {
    let shown: Vec<&Reference> = panel
        .references
        .iter()
        .filter(|line| if line.horizontal { axes.y.contains(line.value) } else { axes.x.contains(line.value) })
        .collect();
    for line in &shown {
        let ends = if line.horizontal {
            let y = axes.y.px(line.value);
            [(frame.left, y), (frame.right, y)]
        } else {
            let x = axes.x.px(line.value);
            [(x, frame.bottom), (x, frame.top)]
        };
        scene.dashed(&ends, MUTED, 1.1, (4.0, 3.0));
    }
    let mut taken: Vec<Frame> = Vec::new();
    for line in shown.iter().filter(|line| !line.label.is_empty() && stands_inside(line, frame.right - frame.left)) {
        let cost = |place: &Frame| {
            let inside = frame.contains((place.left, place.top)) && frame.contains((place.right, place.bottom));
            let labels = taken.iter().filter(|other| other.overlaps(place)).count();
            let crossed = shown.iter().filter(|other| crosses(other, axes, place)).count();
            let covered = marks.iter().filter(|p| place.contains(**p)).count();
            usize::from(!inside) * 1_000_000 + labels * 10_000 + crossed * 100 + covered
        };
        let places = places(line, axes, frame);
        let Some(place) = places.iter().min_by_key(|place| cost(place)) else { continue };
        if cost(place) > 0 {
            let (from, to) = ((place.left, place.top), (place.right, place.bottom));
            scene.shapes.push(Shape::Rect { from, to, color: CARD, opacity: 0.8 });
        }
        scene.text((place.left + 3.0, place.bottom - 3.5), &line.label, SIZE, Anchor::Start, INK);
        taken.push(*place);
    }
}

fn crosses(line: &Reference, axes: &Axes, place: &Frame) -> bool {
    if line.horizontal {
        (place.top..place.bottom).contains(&axes.y.px(line.value))
    } else {
        (place.left..place.right).contains(&axes.x.px(line.value))
    }
}

/// Where the label of a line may stand, preferred places first.
fn places(line: &Reference, axes: &Axes, frame: &Frame) -> Vec<Frame> {
    let wide = width(&line.label, SIZE) + 6.0;
    let along = |low: f64, high: f64| (0..=8).map(move |i| high + (low - high) * f64::from(i) / 8.0);
    let place = |left: f64, top: f64| Frame { left, top, right: left + wide, bottom: top + HEIGHT };
    if line.horizontal {
        let y = axes.y.px(line.value);
        let columns = along(frame.left + 2.0, frame.right - wide - 1.0);
        columns.flat_map(|x| [place(x, y - HEIGHT - 1.0), place(x, y + 1.5)]).collect()
    } else {
        let x = axes.x.px(line.value);
        let rows = along(frame.bottom - HEIGHT - 2.0, frame.top + 1.0);
        rows.flat_map(|y| [place(x + 2.0, y), place(x - wide - 2.0, y)]).collect()
    }
}
