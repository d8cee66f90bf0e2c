//! Functions of two variables: where they are sampled, and their level curves.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::axis::{between, share};
use super::scene::Point;

/// The centres of `n` × `n` equal cells over a rectangle: where to evaluate a function, a loss or a classifier for
/// [`Panel::field`](super::Panel::field), [`Panel::regions`](super::Panel::regions) and
/// [`Panel::contours`](super::Panel::contours).
///
/// ```
/// use candlelight::plot::Mesh;
/// let mesh = Mesh::new(0.0..=1.0, 0.0..=1.0, 2);
/// assert_eq!(mesh.points(), [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Mesh {
    pub(super) x: (f64, f64),
    pub(super) y: (f64, f64),
    pub(super) n: usize,
}

impl Mesh {
    /// A mesh over `x` × `y`; 100 cells a side look smooth. A figure refuses an empty range, or fewer than 2 or more than
    /// 1000 cells a side.
    pub fn new(x: RangeInclusive<f64>, y: RangeInclusive<f64>, n: usize) -> Self {
        Self { x: (*x.start(), *x.end()), y: (*y.start(), *y.end()), n }
    }

    /// The points (x, y), row by row from the lowest y, x fastest; none if a figure would refuse the mesh.
    /// `points().concat()` is the data of a tensor `[n², 2]`.
    pub fn points(&self) -> Vec<[f64; 2]> {
        let n = if self.problem().is_none() { self.n } else { 0 };
        (0..n * n).map(|i| [self.at(self.x, i % n), self.at(self.y, i / n)]).collect()
    }

    /// A function's value at each of [`Mesh::points`].
    pub fn map<T>(&self, mut f: impl FnMut(f64, f64) -> T) -> Vec<T> {
        self.points().iter().map(|[x, y]| f(*x, *y)).collect()
    }

    /// The centre of a cell along one side.
    pub(super) fn at(&self, (low, high): (f64, f64), index: usize) -> f64 {
        between(low, high, (index as f64 + 0.5) / self.n as f64)
    }

    pub(super) fn problem(&self) -> Option<String> {
        let fine = |(low, high): (f64, f64)| low.is_finite() && high.is_finite() && low < high;
        if !(fine(self.x) && fine(self.y)) {
            return Some(format!("a mesh needs finite ranges that are not empty, got {:?} and {:?}", self.x, self.y));
        }
        (!(2..=1000).contains(&self.n)).then(|| format!("a mesh has 2 to 1000 cells a side, got {}", self.n))
    }

    /// The curves on which `values` equals `level`, in data coordinates (marching squares, with linear interpolation).
    pub(super) fn level_curves(&self, values: &[f64], level: f64) -> Vec<Vec<Point>> {
        let mut segments = Vec::new();
        for row in 0..self.n - 1 {
            for column in 0..self.n - 1 {
                self.crossings(values, level, row, column, &mut segments);
            }
        }
        let curves = chain(&segments);
        let point = |edge: &Edge| self.crossing(values, level, *edge);
        curves.iter().map(|curve| curve.iter().map(point).collect()).collect()
    }

    /// The segments of the level curve inside the cell between four points.
    fn crossings(&self, values: &[f64], level: f64, row: usize, column: usize, segments: &mut Vec<(Edge, Edge)>) {
        let corner = |dr: usize, dc: usize| values[(row + dr) * self.n + column + dc];
        let corners = [corner(0, 0), corner(0, 1), corner(1, 1), corner(1, 0)];
        if corners.iter().any(|v| !v.is_finite()) {
            return;
        }
        let below = Edge { row, column, upwards: false };
        let right = Edge { row, column: column + 1, upwards: true };
        let above = Edge { row: row + 1, column, upwards: false };
        let left = Edge { row, column, upwards: true };
        let edges = [below, right, above, left];
        let crossed: Vec<usize> = (0..4).filter(|i| (corners[*i] > level) != (corners[(i + 1) % 4] > level)).collect();
        match crossed[..] {
            [a, b] => segments.push((edges[a], edges[b])),
            [_, _, _, _] => {
                // A saddle: its middle tells which corners belong together.
                let middle = corners.iter().map(|corner| corner / 4.0).sum::<f64>() > level;
                let joined = if middle == (corners[0] > level) { [(0, 1), (2, 3)] } else { [(3, 0), (1, 2)] };
                segments.extend(joined.map(|(a, b)| (edges[a], edges[b])));
            }
            _ => {}
        }
    }

    fn crossing(&self, values: &[f64], level: f64, edge: Edge) -> Point {
        let start = (edge.row, edge.column);
        let end = if edge.upwards { (edge.row + 1, edge.column) } else { (edge.row, edge.column + 1) };
        let value = |(row, column): (usize, usize)| values[row * self.n + column];
        let share = share(level, value(start), value(end));
        let (x, y) = (|i| self.at(self.x, i), |i| self.at(self.y, i));
        (between(x(start.1), x(end.1), share), between(y(start.0), y(end.0), share))
    }
}

/// The side of a cell that starts at a point of the mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    row: usize,
    column: usize,
    upwards: bool,
}

/// Joins segments end to end.
fn chain(segments: &[(Edge, Edge)]) -> Vec<Vec<Edge>> {
    let mut at: BTreeMap<Edge, Vec<usize>> = BTreeMap::new();
    for (i, (a, b)) in segments.iter().enumerate() {
        at.entry(*a).or_default().push(i);
        at.entry(*b).or_default().push(i);
    }
    let mut used = vec![false; segments.len()];
    let mut follow = |from: Edge| {
        let mut curve = Vec::new();
        let mut here = from;
        while let Some(i) = at.get(&here).and_then(|touching| touching.iter().copied().find(|i| !used[*i])) {
            used[i] = true;
            let (a, b) = segments[i];
            here = if a == here { b } else { a };
            curve.push(here);
        }
        curve
    };
    let mut curves = Vec::new();
    for (start, _) in segments {
        let ahead = follow(*start);
        if !ahead.is_empty() {
            let mut curve: Vec<Edge> = follow(*start).into_iter().rev().collect();
            curve.push(*start);
            curve.extend(ahead);
            curves.push(curve);
        }
    }
    curves
}
