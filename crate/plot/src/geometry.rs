//! Paths in pixels: cut at the frame, and thinned where they hold more points than pixels.

use std::collections::BTreeSet;

use super::scene::Point;

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Frame {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Frame {
    pub fn contains(&self, (x, y): Point) -> bool {
        let slack = 1e-6;
        x >= self.left - slack && x <= self.right + slack && y >= self.top - slack && y <= self.bottom + slack
    }

    pub fn clamp(&self, (x, y): Point) -> Point {
        (x.clamp(self.left, self.right), y.clamp(self.top, self.bottom))
    }

    /// The least frame around both.
    pub fn union(&self, other: &Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    /// The frame with this many pixels more on every side.
    pub fn grown(&self, by: f64) -> Self {
        Self { left: self.left - by, top: self.top - by, right: self.right + by, bottom: self.bottom + by }
    }

    pub fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    /// The part of a segment that lies inside (Liang and Barsky, 1984).
    fn cut(&self, a: Point, b: Point) -> Option<(Point, Point)> {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
        let sides = [(-dx, a.0 - self.left), (dx, self.right - a.0), (-dy, a.1 - self.top), (dy, self.bottom - a.1)];
        for (towards, room) in sides {
            if towards == 0.0 {
                if room < 0.0 {
                    return None;
                }
            } else if towards < 0.0 {
                enter = enter.max(room / towards);
            } else {
                leave = leave.min(room / towards);
            }
        }
        let at = |t: f64| (a.0 + t * dx, a.1 + t * dy);
        (enter <= leave).then(|| (if enter > 0.0 { at(enter) } else { a }, if leave < 1.0 { at(leave) } else { b }))
    }
}

/// The runs of points without a gap: a point that is not finite ends a run.
pub(super) fn runs(points: impl IntoIterator<Item = Point>) -> Vec<Vec<Point>> {
    let mut runs = vec![Vec::new()];
    for point in points {
        if point.0.is_finite() && point.1.is_finite() {
            if let Some(run) = runs.last_mut() {
                run.push(point);
            }
        } else {
            runs.push(Vec::new());
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// The pieces of a path that lie inside the frame.
pub(super) fn clip_path(path: &[Point], frame: &Frame) -> Vec<Vec<Point>> {
    if path.iter().all(|p| frame.contains(*p)) {
        return vec![path.to_vec()];
    }
    let mut pieces: Vec<Vec<Point>> = Vec::new();
    for pair in path.windows(2) {
        let Some((a, b)) = frame.cut(pair[0], pair[1]) else { continue };
        match pieces.last_mut() {
            Some(piece) if piece.last() == Some(&a) => piece.push(b),
            _ => pieces.push(vec![a, b]),
        }
    }
    pieces
}

/// A polygon cut at the frame (Sutherland and Hodgman, 1974).
pub(super) fn clip_polygon(polygon: &[Point], frame: &Frame) -> Vec<Point> {
    // Each side: the distance inside it, linear in the point.
    let sides: [&dyn Fn(Point) -> f64; 4] =
        [&|p| p.0 - frame.left, &|p| frame.right - p.0, &|p| p.1 - frame.top, &|p| frame.bottom - p.1];
    sides.iter().fold(polygon.to_vec(), |points, inside| {
        let mut kept = Vec::with_capacity(points.len());
        for (i, &b) in points.iter().enumerate() {
            let a = points[(i + points.len() - 1) % points.len()];
            let (da, db) = (inside(a), inside(b));
            if (da < 0.0) != (db < 0.0) {
                let t = da / (da - db);
                kept.push((a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1)));
            }
            if db >= 0.0 {
                kept.push(b);
            }
        }
        kept
    })
}

/// Paths of at most this many points are drawn as they are.
const THIN_FROM: usize = 1500;

/// A path that looks the same with fewer points.
///
/// Where x never falls, each pixel column keeps its first, lowest, highest and last point, so no extreme is lost. Other
/// paths keep a point once it is half a pixel away from the last that was kept.
pub(super) fn thin(path: Vec<Point>) -> Vec<Point> {
    if path.len() <= THIN_FROM {
        return path;
    }
    if path.windows(2).all(|pair| pair[1].0 >= pair[0].0) { thin_columns(&path) } else { thin_steps(&path) }
}

fn thin_columns(path: &[Point]) -> Vec<Point> {
    let mut kept = Vec::new();
    for column in path.chunk_by(|a, b| a.0.floor() == b.0.floor()) {
        let last = column.len() - 1;
        let by_y = |a: &usize, b: &usize| column[*a].1.total_cmp(&column[*b].1);
        let low = (0..=last).min_by(by_y).unwrap_or(0);
        let high = (0..=last).max_by(by_y).unwrap_or(0);
        kept.extend(BTreeSet::from([0, low, high, last]).into_iter().map(|i| column[i]));
    }
    kept
}

fn thin_steps(path: &[Point]) -> Vec<Point> {
    let mut kept: Vec<Point> = Vec::new();
    for (i, point) in path.iter().enumerate() {
        let far = kept.last().is_none_or(|last| (point.0 - last.0).hypot(point.1 - last.1) >= 0.5);
        if far || i + 1 == path.len() {
            kept.push(*point);
        }
    }
    kept
}

/// Of more than some thousand dots, one in each cell of two pixels.
pub(super) fn thin_dots(dots: Vec<Point>) -> Vec<Point> {
    if dots.len() <= THIN_FROM {
        return dots;
    }
    let mut seen = BTreeSet::new();
    dots.into_iter().filter(|(x, y)| seen.insert(((x / 2.0).floor() as i64, (y / 2.0).floor() as i64))).collect()
}
