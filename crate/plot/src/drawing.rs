//! A diagram on its place in the figure.

use std::collections::BTreeMap;

use super::diagram::{Diagram, Form, Item, Part};
use super::geometry::Frame;
use super::outline::{Outline, course, head};
use super::scene::{Anchor, Point, Scene, Shape};
use super::style::{self, CARD, INK, MUTED, PALE, Rgb};
use super::text::{width, wrap};

/// Beside a second panel a figure is shown at seven eighths: 11 pixels.
const SIZE: f64 = 13.0;
const LINE: f64 = 16.0;
/// A label that is longer breaks into lines.
const LONGEST: f64 = 190.0;
/// The most and the fewest pixels in a unit.
const UNIT: (f64, f64) = (110.0, 8.0);
const STROKE: f64 = 1.4;
/// Between the borders of cells that touch.
const GAP: f64 = 3.0;
const HEAD: f64 = 8.0;

/// A diagram, measured for a panel.
pub(super) struct Drawing<'a> {
    pub height: f64,
    diagram: &'a Diagram,
    unit: f64,
    /// What is drawn, around the origin of the diagram.
    bounds: Frame,
    /// From the left end of the panel to what is drawn.
    indent: f64,
}

impl<'a> Drawing<'a> {
    /// As large as fits; `None` if a panel of this width and height is too small.
    pub fn new(diagram: &'a Diagram, panel_width: f64, most_height: f64) -> Option<Self> {
        let fits = |unit: f64| {
            let bounds = Plan::new(diagram, unit).bounds;
            bounds.right - bounds.left <= panel_width && bounds.bottom - bounds.top <= most_height
        };
        let (mut unit, mut low, mut high) = (UNIT.0, UNIT.1, UNIT.0);
        if !fits(unit) {
            for _ in 0..20 {
                let middle = (low + high) / 2.0;
                if fits(middle) { low = middle } else { high = middle }
            }
            unit = low;
        }
        if !fits(unit) {
            return None;
        }
        let bounds = Plan::new(diagram, unit).bounds;
        let indent = (panel_width - (bounds.right - bounds.left)) / 2.0;
        Some(Self { height: bounds.bottom - bounds.top, diagram, unit, bounds, indent })
    }

    /// Draws the diagram into a panel with its top left corner at (`left`, `top`).
    pub fn draw(&self, scene: &mut Scene, left: f64, top: f64) {
        let plan = Plan::new(self.diagram, self.unit);
        let origin = (left + self.indent - self.bounds.left, top - self.bounds.top);
        let first = scene.shapes.len();
        plan.draw(scene);
        scene.shapes[first..].iter_mut().for_each(|shape| shape.shift(origin));
    }
}

/// Where everything stands, in pixels from the origin of the diagram.
struct Plan<'a> {
    diagram: &'a Diagram,
    outlines: BTreeMap<&'a str, (Outline, &'a Item)>,
    groups: Vec<(Frame, Words, &'a Item)>,
    edges: Vec<(Vec<Point>, Words, &'a Item)>,
    words: Vec<(Words, Rgb)>,
    paths: Vec<(Vec<Point>, &'a Item)>,
    bounds: Frame,
}

impl<'a> Plan<'a> {
    fn new(diagram: &'a Diagram, unit: f64) -> Self {
        let place = |(x, y): Point| (x * unit, -y * unit);
        let (mut outlines, mut words, mut paths) = (BTreeMap::new(), Vec::new(), Vec::new());
        for item in &diagram.items {
            match &item.part {
                Part::Shape { id, at, label, form } => {
                    let label = Words::new(label, place(*at));
                    outlines.insert(id.as_str(), (outline(&label, *form, unit), item));
                    words.push((label, if item.faded { MUTED } else { INK }));
                }
                Part::Words { at, text } => {
                    words.push((Words::new(text, place(*at)), item.color.map_or(INK, style::series)));
                }
                Part::Path { points } => paths.push((points.iter().map(|at| place(*at)).collect::<Vec<_>>(), item)),
                _ => {}
            }
        }
        let mut edges = Vec::new();
        for item in &diagram.items {
            let Part::Edge { from, to, label, bend, .. } = &item.part else { continue };
            let (Some(from), Some(to)) = (outlines.get(from.as_str()), outlines.get(to.as_str())) else { continue };
            let course = course(&from.0, &to.0, *bend);
            // Shapes that overlap leave no way between them.
            if !course.is_empty() {
                let words = beside(&course, label, *bend);
                edges.push((course, words, item));
            }
        }
        let groups = groups(diagram, &outlines);
        let at = |(x, y): &Point| Frame { left: *x, top: *y, right: *x, bottom: *y };
        let frames = outlines.values().map(|(outline, _)| outline.frame());
        let frames = frames.chain(words.iter().map(|(words, _)| words.frame()));
        let frames = frames.chain(groups.iter().flat_map(|(frame, words, _)| [*frame, words.frame()]));
        let frames =
            frames.chain(edges.iter().flat_map(|(course, words, _)| course.iter().map(at).chain([words.frame()])));
        let frames = frames.chain(paths.iter().flat_map(|(points, _)| points.iter().map(at)));
        let bounds = frames.reduce(|a, b| a.union(&b)).unwrap_or_default().grown(2.0);
        Self { diagram, outlines, groups, edges, words, paths, bounds }
    }

    fn draw(&self, scene: &mut Scene) {
        for (frame, label, item) in &self.groups {
            let color = item.color.map_or(MUTED, style::series);
            scene.rect((frame.left, frame.top), (frame.right, frame.bottom), style::tint(color, 0.06));
            let corners = [(frame.left, frame.top), (frame.right, frame.top), (frame.right, frame.bottom)];
            let ring = [&corners[..], &[(frame.left, frame.bottom), corners[0]]].concat();
            scene.dashed(&ring, color, 1.1, (4.0, 3.0));
            label.draw(scene, MUTED);
        }
        for (course, _, item) in &self.edges {
            self.draw_edge(scene, course.clone(), item);
        }
        for item in &self.diagram.items {
            let Part::Shape { id, form, .. } = &item.part else { continue };
            let Some((outline, _)) = self.outlines.get(id.as_str()) else { continue };
            draw_outline(scene, outline, *form, item);
        }
        for (points, item) in &self.paths {
            let color = if item.faded { PALE } else { item.color.map_or(MUTED, style::series) };
            if item.dashed {
                scene.dashed(points, color, STROKE, (5.0, 3.5));
            } else {
                scene.path(points.clone(), color, STROKE);
            }
        }
        for (words, color) in &self.words {
            words.draw(scene, *color);
        }
        // Above the lines, which they may have to cross.
        for (_, words, _) in self.edges.iter().filter(|(_, words, _)| !words.lines.is_empty()) {
            let frame = words.frame();
            let (from, to) = ((frame.left, frame.top), (frame.right, frame.bottom));
            scene.shapes.push(Shape::Rect { from, to, color: CARD, opacity: 0.85 });
            words.draw(scene, INK);
        }
    }

    fn draw_edge(&self, scene: &mut Scene, mut course: Vec<Point>, item: &Item) {
        let Part::Edge { from, to, arrow, .. } = &item.part else { return };
        let faded = |id: &String| self.outlines.get(id.as_str()).is_some_and(|(_, end)| end.faded);
        let color = match item.color {
            _ if item.faded || faded(from) || faded(to) => PALE,
            Some(index) => style::series(index),
            None => MUTED,
        };
        let triangle = if *arrow { head(&mut course, HEAD) } else { Vec::new() };
        if item.dashed {
            scene.dashed(&course, color, STROKE, (5.0, 3.5));
        } else {
            scene.path(course, color, STROKE);
        }
        if !triangle.is_empty() {
            scene.shapes.push(Shape::Polygon { points: triangle, color, opacity: 1.0 });
        }
    }
}

/// Frames around the members of each group, and around smaller groups inside.
fn groups<'a>(
    diagram: &'a Diagram,
    outlines: &BTreeMap<&'a str, (Outline, &'a Item)>,
) -> Vec<(Frame, Words, &'a Item)> {
    let mut groups: Vec<(Frame, Words, &Item, &Vec<String>)> = Vec::new();
    let mut items: Vec<&Item> = diagram.items.iter().collect();
    items.sort_by_key(|item| if let Part::Group { ids, .. } = &item.part { ids.len() } else { 0 });
    for item in items {
        let Part::Group { ids, label } = &item.part else { continue };
        let members = ids.iter().filter_map(|id| outlines.get(id.as_str())).map(|(outline, _)| outline.frame());
        let inside = groups.iter().filter(|(.., other)| other.iter().all(|id| ids.contains(id)));
        let inside = inside.map(|(frame, words, ..)| frame.union(&words.frame()));
        let Some(frame) = members.chain(inside).reduce(|a, b| a.union(&b)) else { continue };
        let frame = frame.grown(11.0);
        let mut label = Words::new(label, (0.0, 0.0));
        label.center = ((frame.left + frame.right) / 2.0, frame.top - label.half().1 - 1.0);
        groups.push((frame, label, item, ids));
    }
    // The largest first: the others lie on it.
    groups.into_iter().rev().map(|(frame, words, item, _)| (frame, words, item)).collect()
}

fn outline(label: &Words, form: Form, unit: f64) -> Outline {
    let (wide, tall) = label.half();
    let half = match form {
        Form::Circle => {
            let radius = (wide.hypot((tall - 4.0).max(0.0)) + 4.0).max(16.0);
            (radius, radius)
        }
        Form::Block => ((wide + 10.0).max(20.0), (tall + 6.0).max(14.0)),
        Form::Cell((width, height)) => ((width * unit - GAP).max(1.0) / 2.0, (height * unit - GAP).max(1.0) / 2.0),
    };
    Outline { center: label.center, half, round: matches!(form, Form::Circle) }
}

fn draw_outline(scene: &mut Scene, outline: &Outline, form: Form, item: &Item) {
    let color = style::series(item.color.unwrap_or(0));
    let (border, fill): (Rgb, Rgb) = if item.faded { (PALE, CARD) } else { (color, style::tint(color, 0.14)) };
    let corner = if matches!(form, Form::Block) { 5.0 } else { 0.0 };
    let dashed = item.dashed || item.faded;
    for (grow, color) in [(STROKE / 2.0, if dashed { fill } else { border }), (-STROKE / 2.0, fill)] {
        let (center, radius) = (outline.center, outline.half.0 + grow);
        scene.shapes.push(if outline.round {
            Shape::Circle { center, radius, color, opacity: 1.0 }
        } else {
            Shape::Polygon { points: outline.ring(grow, corner), color, opacity: 1.0 }
        });
    }
    if dashed {
        scene.dashed(&outline.ring(0.0, corner), border, STROKE, (4.0, 3.0));
    }
}

/// The label of an edge: beside its middle, above it rather than below, and outside a bend.
fn beside(course: &[Point], label: &str, bend: f64) -> Words {
    let mut words = Words::new(label, (0.0, 0.0));
    let middle = course.len() / 2;
    if let (Some(before), Some(at), Some(after)) =
        (course.get(middle.wrapping_sub(1)), course.get(middle), course.get(middle + 1))
    {
        let (dx, dy) = (after.0 - before.0, after.1 - before.1);
        let length = dx.hypot(dy).max(1e-9);
        // To the left of the way, seen from its start.
        let left = (dy / length, -dx / length);
        let side = if bend != 0.0 {
            bend.signum()
        } else if left.1.abs() > 1e-9 {
            -left.1.signum()
        } else {
            left.0.signum()
        };
        let (wide, tall) = words.half();
        let away = (left.0.abs() * (wide + 4.0) + left.1.abs() * (tall + 1.0)) * side;
        words.center = (at.0 + left.0 * away, at.1 + left.1 * away);
    }
    words
}

/// Lines of text around a centre.
struct Words {
    center: Point,
    lines: Vec<String>,
}

impl Words {
    fn new(text: &str, center: Point) -> Self {
        Self { center, lines: text.lines().flat_map(|line| wrap(line, LONGEST, |t| width(t, SIZE))).collect() }
    }

    /// Half the width and height.
    fn half(&self) -> Point {
        let widest = self.lines.iter().map(|line| width(line, SIZE)).fold(0.0, f64::max);
        (widest / 2.0, self.lines.len() as f64 * LINE / 2.0)
    }

    fn frame(&self) -> Frame {
        Outline { center: self.center, half: self.half(), round: false }.frame()
    }

    fn draw(&self, scene: &mut Scene, color: Rgb) {
        let top = self.center.1 - self.half().1;
        for (i, line) in self.lines.iter().enumerate() {
            scene.text((self.center.0, top + i as f64 * LINE + 12.6), line, SIZE, Anchor::Middle, color);
        }
    }
}
