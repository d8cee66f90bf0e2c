//! The borders of shapes, and the way of an edge from one to another.

use super::geometry::Frame;
use super::scene::Point;

/// The border of a shape, in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outline {
    pub center: Point,
    /// Half the width and height.
    pub half: Point,
    pub round: bool,
}

impl Outline {
    pub fn frame(&self) -> Frame {
        let ((x, y), (a, b)) = (self.center, self.half);
        Frame { left: x - a, top: y - b, right: x + a, bottom: y + b }
    }

    fn contains(&self, (x, y): Point) -> bool {
        let (a, b) = ((x - self.center.0).abs() / self.half.0, (y - self.center.1).abs() / self.half.1);
        if self.round { a.hypot(b) < 1.0 } else { a.max(b) < 1.0 }
    }

    /// The border as a closed path, `grow` pixels outside it; corners of this radius.
    pub fn ring(&self, grow: f64, corner: f64) -> Vec<Point> {
        let (a, b) = (self.half.0 + grow, self.half.1 + grow);
        let radius = if self.round { a } else { corner.min(a).min(b) };
        let steps = if self.round { 12 } else { 4 };
        let arc = |(sx, sy): (f64, f64), start: f64| {
            let middle = (self.center.0 + sx * (a - radius), self.center.1 + sy * (b - radius));
            (0..=steps).map(move |i| {
                let angle = (start + f64::from(i) / f64::from(steps)) * std::f64::consts::FRAC_PI_2;
                (middle.0 + radius * angle.cos(), middle.1 + radius * angle.sin())
            })
        };
        let corners = [((1.0, 1.0), 0.0), ((-1.0, 1.0), 1.0), ((-1.0, -1.0), 2.0), ((1.0, -1.0), 3.0)];
        let mut ring: Vec<Point> = corners.into_iter().flat_map(|(side, start)| arc(side, start)).collect();
        ring.push(ring[0]);
        ring
    }
}

/// The part of an edge that lies between two outlines, and its middle with the direction there. Empty where they overlap.
///
/// A bent edge is a quadratic Bézier curve whose middle is `bend` lengths to the left of the straight line.
pub(super) fn course(from: &Outline, to: &Outline, bend: f64) -> Vec<Point> {
    const STEPS: u32 = 40;
    let (a, c) = (from.center, to.center);
    let b = ((a.0 + c.0) / 2.0 + 2.0 * bend * (c.1 - a.1), (a.1 + c.1) / 2.0 - 2.0 * bend * (c.0 - a.0));
    let at = |t: f64| {
        let weights = [(1.0 - t).powi(2), 2.0 * t * (1.0 - t), t * t];
        let sum = |pick: fn(Point) -> f64| weights.iter().zip([a, b, c]).map(|(w, p)| w * pick(p)).sum();
        (sum(|p| p.0), sum(|p| p.1))
    };
    let (start, end) = (leaves(|t| from.contains(at(t))), 1.0 - leaves(|t| to.contains(at(1.0 - t))));
    if start >= end {
        return Vec::new();
    }
    let steps = if bend == 0.0 { 2 } else { STEPS };
    (0..=steps).map(|i| at(start + (end - start) * f64::from(i) / f64::from(steps))).collect()
}

/// Where a way that begins inside comes out, from 0 to 1.
fn leaves(inside: impl Fn(f64) -> bool) -> f64 {
    const STEPS: u32 = 64;
    let step = |i: u32| f64::from(i) / f64::from(STEPS);
    let Some(first) = (1..=STEPS).find(|i| !inside(step(*i))) else { return 1.0 };
    let (mut low, mut high) = (step(first - 1), step(first));
    for _ in 0..30 {
        let middle = (low + high) / 2.0;
        if inside(middle) { low = middle } else { high = middle }
    }
    high
}

/// Cuts `length` pixels off the end of a path, and returns the head of an arrow there, as a triangle.
pub(super) fn head(path: &mut Vec<Point>, length: f64) -> Vec<Point> {
    const WIDE: f64 = 4.2;
    let Some(&tip) = path.last() else { return Vec::new() };
    let far = |p: &Point| (tip.0 - p.0).hypot(tip.1 - p.1) >= length;
    path.truncate(path.iter().rposition(far).map_or(1, |last| last + 1));
    let back = path[path.len() - 1];
    let distance = (tip.0 - back.0).hypot(tip.1 - back.1).max(1e-9);
    let (dx, dy) = ((tip.0 - back.0) / distance, (tip.1 - back.1) / distance);
    let base = (tip.0 - dx * length, tip.1 - dy * length);
    path.push(base);
    vec![tip, (base.0 - dy * WIDE, base.1 + dx * WIDE), (base.0 + dy * WIDE, base.1 - dx * WIDE)]
}
