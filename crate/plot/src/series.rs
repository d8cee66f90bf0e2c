//! Series as shapes.

use super::axis::{Scale, between};
use super::frame::Axes;
use super::geometry::{Frame, clip_path, clip_polygon, runs, thin, thin_dots};
use super::layer::{Kind, Layer};
use super::limits::Bins;
use super::mesh::Mesh;
use super::panel::Panel;
use super::scene::{Anchor, Point, Raster, Scene, Shape};
use super::style::{self, CARD, MUTED, Rgb};
use super::text::{common_decimals, number, width};

const LINE: f64 = 1.8;
const VALUE: f64 = 10.5;
/// Lines of at most this many points show each as a dot.
const DOTTED: usize = 20;

/// Draws the layers of a panel, and gathers where its marks are, so that labels can keep clear of them.
pub(super) struct Painter<'a> {
    pub scene: &'a mut Scene,
    pub axes: &'a Axes,
    pub frame: Frame,
    pub marks: Vec<Point>,
}

impl Painter<'_> {
    /// What lies below the grid: colours that fill the chart.
    pub fn draw_background(&mut self, panel: &Panel) {
        for layer in &panel.layers {
            match &layer.kind {
                Kind::Field { mesh, values } => {
                    let Some(bar) = &self.axes.bar else { continue };
                    let color = |v: &f64| if v.is_finite() { bar.map.color(*v) } else { CARD };
                    self.raster(mesh, values.iter().map(color).collect());
                }
                Kind::Regions { mesh, classes } => {
                    self.raster(mesh, classes.iter().map(|class| style::region(*class)).collect());
                }
                _ => {}
            }
        }
    }

    /// Everything else, areas first, dots last.
    pub fn draw(&mut self, panel: &Panel) {
        for layer in &panel.layers {
            match &layer.kind {
                Kind::Contours { mesh, values, levels } => self.contours(mesh, values, levels),
                Kind::Band { x, mean, spread } => self.band(x, mean, spread, style::series(layer.color)),
                _ => {}
            }
        }
        self.bars(panel);
        self.histograms(panel);
        for layer in &panel.layers {
            let color = style::series(layer.color);
            match &layer.kind {
                Kind::Line { x, y, dashed } => self.line(x, y, color, *dashed),
                Kind::Band { x, mean, .. } => self.line(x, mean, color, false),
                _ => {}
            }
        }
        let over_color = panel.layers.iter().any(|layer| layer.kind.mesh().is_some());
        for layer in &panel.layers {
            if let Kind::Scatter { x, y } = &layer.kind {
                self.scatter(x, y, style::series(layer.color), over_color);
            }
        }
    }

    fn at(&self, x: f64, y: f64) -> Point {
        (self.axes.x.px(x), self.axes.y.px(y))
    }

    fn polygon(&mut self, points: &[Point], color: Rgb, opacity: f64) {
        let points = clip_polygon(points, &self.frame);
        if points.len() > 2 {
            self.scene.shapes.push(Shape::Polygon { points, color, opacity });
        }
    }

    fn circle(&mut self, center: Point, radius: f64, color: Rgb, opacity: f64) {
        self.scene.shapes.push(Shape::Circle { center, radius, color, opacity });
    }

    fn line(&mut self, x: &[f64], y: &[f64], color: Rgb, dashed: bool) {
        let points: Vec<Point> = x.iter().zip(y).map(|(x, y)| self.at(*x, *y)).collect();
        let dotted = !dashed && points.len() <= DOTTED;
        for run in runs(points) {
            if run.len() == 1 || dotted {
                let frame = self.frame;
                for point in run.iter().filter(|p| frame.contains(**p)) {
                    self.circle(*point, 2.8, color, 1.0);
                }
            }
            for piece in clip_path(&thin(run), &self.frame) {
                self.remember(&piece);
                if dashed {
                    self.scene.dashed(&piece, color, LINE, (6.0, 4.0));
                } else if piece.len() > 1 {
                    self.scene.path(piece, color, LINE);
                }
            }
        }
    }

    /// Marks along a path, close enough together that no label falls between two.
    fn remember(&mut self, path: &[Point]) {
        for pair in path.windows(2) {
            let (dx, dy) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
            let steps = (dx.hypot(dy) / 6.0).ceil().max(1.0);
            self.marks.extend((0..=steps as usize).map(|i| {
                let t = i as f64 / steps;
                (pair[0].0 + t * dx, pair[0].1 + t * dy)
            }));
        }
    }

    fn band(&mut self, x: &[f64], mean: &[f64], spread: &[f64], color: Rgb) {
        let floor = self.frame.bottom;
        let edge = |sign: f64| -> Vec<Point> {
            // An end beyond the doubles is far above or below; only a mean that is not finite is a gap.
            let end = |m: f64, s: f64| (m + sign * s).clamp(-f64::MAX, f64::MAX);
            let ends = mean.iter().zip(spread).map(|(m, s)| if m.is_finite() { end(*m, *s) } else { f64::NAN });
            x.iter()
                .zip(ends)
                .map(|(x, end)| (*x, end))
                .map(|(x, end)| {
                    let (px, py) = self.at(x, end);
                    // At 0 and below, a logarithmic axis has no place: the band ends at the bottom.
                    if end <= 0.0 && self.axes.y.log { (px, floor) } else { (px, py) }
                })
                .collect()
        };
        // A gap in either edge is a gap in both.
        let (mut upper, mut lower) = (edge(1.0), edge(-1.0));
        for (a, b) in upper.iter_mut().zip(&mut lower) {
            if !(a.0 + a.1 + b.1).is_finite() {
                (a.1, b.1) = (f64::NAN, f64::NAN);
            }
        }
        for (upper, lower) in runs(upper).into_iter().zip(runs(lower)) {
            let mut outline = thin(upper);
            outline.extend(thin(lower).into_iter().rev());
            self.polygon(&outline, color, 0.2);
        }
    }

    fn scatter(&mut self, x: &[f64], y: &[f64], color: Rgb, outlined: bool) {
        let points = x.iter().zip(y).map(|(x, y)| self.at(*x, *y));
        let frame = self.frame;
        let dots = thin_dots(points.filter(|p| p.0.is_finite() && p.1.is_finite() && frame.contains(*p)).collect());
        let radius = match x.len() {
            0..=60 => 3.6,
            61..=400 => 2.8,
            401..=1500 => 2.0,
            _ => 1.3,
        };
        if outlined {
            for dot in &dots {
                self.circle(*dot, radius + 0.9, CARD, 1.0);
            }
        }
        for dot in &dots {
            self.circle(*dot, radius, color, if outlined || dots.len() > 400 { 1.0 } else { 0.75 });
        }
        self.marks.extend(dots);
    }

    fn bars(&mut self, panel: &Panel) {
        let groups: Vec<(&Layer, &Vec<f64>)> = panel
            .layers
            .iter()
            .filter_map(|layer| if let Kind::Bars { values } = &layer.kind { Some((layer, values)) } else { None })
            .collect();
        let slot = self.axes.plot_width / panel.columns.len().max(1) as f64;
        let step = (slot * 0.76 / groups.len().max(1) as f64).min(64.0);
        let bar = step * 0.92;
        let all: Vec<f64> = groups.iter().flat_map(|(_, values)| values.iter().copied()).collect();
        // Large counts are rounded, so that they fit above a bar.
        let decimals = common_decimals(&all, 3).filter(|_| all.iter().all(|v| v.abs() < 1e4));
        let label = |v: f64| decimals.map_or_else(|| number(v, 3), |d| format!("{v:.d$}")).replace('-', "−");
        let widest = all.iter().map(|v| width(&label(*v), VALUE)).fold(0.0, f64::max);
        let base = if self.axes.y.log { self.frame.bottom } else { self.axes.y.px(0.0) };
        for (i, (layer, values)) in groups.iter().enumerate() {
            let offset = (i as f64 - groups.len() as f64 / 2.0) * step + (step - bar) / 2.0;
            for (j, value) in values.iter().enumerate() {
                let left = self.frame.left + (j as f64 + 0.5) * slot + offset;
                let end = self.axes.y.px(*value);
                let (from, to) =
                    (self.frame.clamp((left, end.min(base))), self.frame.clamp((left + bar, end.max(base))));
                self.scene.rect(from, to, style::series(layer.color));
                self.remember(&[(from.0, from.1), (to.0, from.1)]);
                self.remember(&[(left + bar / 2.0, from.1), (left + bar / 2.0, to.1)]);
                let inside = self.frame.contains((left, end));
                if inside && widest <= step.max(if groups.len() == 1 { slot - 6.0 } else { 0.0 }) {
                    let y = if *value < 0.0 { end + 12.0 } else { end - 4.0 };
                    self.scene.text((left + bar / 2.0, y), label(*value), VALUE, Anchor::Middle, MUTED);
                    self.remember(&[(left, y - 5.0), (left + bar, y - 5.0)]);
                }
            }
        }
    }

    fn histograms(&mut self, panel: &Panel) {
        let Some(bins) = Bins::of(panel) else { return };
        let histograms: Vec<(Rgb, &Vec<f64>)> = panel
            .layers
            .iter()
            .filter_map(|layer| match &layer.kind {
                Kind::Histogram { values, .. } => Some((style::series(layer.color), values)),
                _ => None,
            })
            .collect();
        for (color, values) in &histograms {
            let mut outline = vec![(self.axes.x.px(bins.low), self.frame.bottom)];
            for (i, count) in bins.counts(values).into_iter().enumerate() {
                // A logarithmic axis has no place for an empty bin.
                let top =
                    if count == 0 { self.frame.bottom } else { self.axes.y.px(count as f64).min(self.frame.bottom) };
                outline.push((self.axes.x.px(bins.edge(i)), top));
                outline.push((self.axes.x.px(bins.edge(i + 1)), top));
            }
            outline.push((self.axes.x.px(bins.high), self.frame.bottom));
            self.polygon(&outline, *color, if histograms.len() == 1 { 0.55 } else { 0.3 });
            for piece in clip_path(&outline, &self.frame) {
                self.remember(&piece);
                self.scene.path(piece, *color, 1.4);
            }
        }
    }

    fn contours(&mut self, mesh: &Mesh, values: &[f64], levels: &[f64]) {
        for level in levels {
            for curve in mesh.level_curves(values, *level) {
                let points = curve.into_iter().map(|(x, y)| self.at(x, y)).collect();
                for piece in clip_path(&thin(points), &self.frame) {
                    self.scene.path(piece, MUTED, 0.9);
                }
            }
        }
    }

    /// Colours at the points of a mesh, over the part of it that the axes show.
    fn raster(&mut self, mesh: &Mesh, colors: Vec<Rgb>) {
        // Images start at the top, meshes at the bottom.
        let edge = |(low, high): (f64, f64), index: usize| between(low, high, index as f64 / mesh.n as f64);
        let shown =
            |axis: &Scale, range| -> Vec<usize> { (0..mesh.n).filter(|i| axis.contains(mesh.at(range, *i))).collect() };
        let (columns, rows) = (shown(&self.axes.x, mesh.x), shown(&self.axes.y, mesh.y));
        let ([Some(left), Some(right)], [Some(low), Some(high)]) =
            ([columns.first(), columns.last()], [rows.first(), rows.last()])
        else {
            return;
        };
        let from = self.frame.clamp(self.at(edge(mesh.x, *left), edge(mesh.y, high + 1)));
        let to = self.frame.clamp(self.at(edge(mesh.x, right + 1), edge(mesh.y, *low)));
        let pixels = rows.iter().rev().flat_map(|row| columns.iter().map(move |column| row * mesh.n + column));
        let rgb = pixels.map(|i| colors[i]).flat_map(|(r, g, b)| [r, g, b]).collect();
        self.scene.shapes.push(Shape::Raster(Raster {
            at: from,
            size: (to.0 - from.0, to.1 - from.1),
            columns: columns.len(),
            rows: rows.len(),
            rgb,
            smooth: true,
        }));
    }
}
