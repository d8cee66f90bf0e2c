//! The frame of a chart with axes: margins, ticks, grid and labels.

use super::axis::{Scale, Ticks, side_by_side, ticks};
use super::colorbar::ColorBar;
use super::geometry::Frame;
use super::labels::ColumnLabels;
use super::layer::{Family, Kind};
use super::limits::{x_is_whole, x_limits, y_limits};
use super::panel::Panel;
use super::scene::{Anchor, Scene};
use super::style::{AXIS, GRID, INK, LABEL, MUTED, TICK};
use super::text::{width, wrap};

pub(super) const LABEL_LINE: f64 = 15.0;
/// The least width of a chart, in pixels, and the least height that equal units may ask for.
const LEAST: f64 = 40.0;

/// The axes of a chart, measured for a panel of a given size; positions count from the chart's left end and top.
#[derive(Debug, Clone)]
pub(super) struct Axes {
    pub x: Scale,
    pub y: Scale,
    /// From the left end of the panel to the chart.
    pub left: f64,
    pub plot_width: f64,
    pub plot_height: f64,
    /// From the lower end of the chart to that of the panel.
    pub bottom: f64,
    pub bar: Option<ColorBar>,
    x_ticks: Ticks,
    y_ticks: Ticks,
    /// The names below bars.
    names: Option<ColumnLabels>,
    x_label: Vec<String>,
    y_label: Vec<String>,
}

impl Axes {
    pub fn new(panel: &Panel, panel_width: f64, plot_height: f64) -> Self {
        let mut axes = Self::measure(panel, panel_width, plot_height);
        let (mut width, mut height) = (panel_width, plot_height);
        // Another size has other ticks, whose labels take other room: a few rounds settle it.
        for _ in 0..if panel.equal { 4 } else { 0 } {
            let ratio = (axes.x.high / 2.0 - axes.x.low / 2.0) / (axes.y.high / 2.0 - axes.y.low / 2.0);
            // In a chart of equal units: as wide as its height asks for, or as high as its width.
            let (wide, tall) = (axes.plot_height * ratio, axes.plot_width / ratio);
            if wide < axes.plot_width {
                width -= axes.plot_width - wide.max(LEAST);
            } else {
                height = tall.max(LEAST);
            }
            axes = Self::measure(panel, width, height);
        }
        axes
    }

    fn measure(panel: &Panel, panel_width: f64, plot_height: f64) -> Self {
        let y = Scale::new(y_limits(panel), panel.y.log, plot_height, 0.0);
        let most = ((plot_height / 35.0) as usize).clamp(2, 7);
        let apart = |labels: &[(f64, String)]| labels.windows(2).all(|w| (y.px(w[0].0) - y.px(w[1].0)).abs() >= 15.0);
        let y_ticks = ticks(&y, most, apart);
        let widest = y_ticks.major.iter().map(|(_, text)| width(text, TICK)).fold(0.0, f64::max);
        let y_label = wrap(&panel.y.label, plot_height, |t| width(t, LABEL));
        let left = widest + 8.0 + label_room(&y_label);

        let bar = panel.layers.iter().find_map(|layer| match &layer.kind {
            Kind::Field { values, .. } => ColorBar::new(&layer.name, values, plot_height),
            _ => None,
        });
        let mut right = bar.as_ref().map_or(6.0, ColorBar::width);
        let bars = panel.layers.iter().any(|layer| layer.kind.family() == Family::Bars);
        let limits = if bars { (0.0, panel.columns.len() as f64) } else { x_limits(panel) };
        let mut x = Scale::new(limits, panel.x.log && !bars, 0.0, panel_width - left - right);
        x.whole = x_is_whole(panel);
        let mut x_ticks = Ticks::default();
        // The last label may reach beyond the chart: a second pass, with the room it needs.
        for _ in 0..if bars { 0 } else { 2 } {
            x = x.over(0.0, panel_width - left - right);
            let most = (((panel_width - left - right) / 45.0) as usize).clamp(2, 8);
            x_ticks = ticks(&x, most, |labels| side_by_side(&x, labels, TICK));
            let end = x_ticks.major.iter().map(|(v, text)| x.px(*v) + width(text, TICK) / 2.0).fold(0.0, f64::max);
            right = right.max(end - (panel_width - left - right));
        }
        // Labels as long as the panel is wide leave the chart a little all the same.
        let plot_width = (panel_width - left - right).max(LEAST);
        let x = x.over(0.0, plot_width);
        let names = bars.then(|| ColumnLabels::new(&panel.columns, plot_width / panel.columns.len() as f64));
        let x_label = wrap(&panel.x.label, panel_width - left, |t| width(t, LABEL));
        let below = names.as_ref().map_or(20.0, |names| names.height() + 8.0);
        let bottom = below + label_room(&x_label);
        Self { x, y, left, plot_width, plot_height, bottom, bar, x_ticks, y_ticks, names, x_label, y_label }
    }

    /// The same axes with the top left corner of the chart at (`left`, `top`).
    pub fn place(&mut self, left: f64, top: f64) -> Frame {
        self.x = self.x.over(left, left + self.plot_width);
        self.y = self.y.over(top + self.plot_height, top);
        Frame { left, top, right: left + self.plot_width, bottom: top + self.plot_height }
    }

    /// Grid lines, for below the data.
    pub fn draw_grid(&self, scene: &mut Scene, frame: &Frame) {
        for (value, _) in &self.y_ticks.major {
            let y = crisp(self.y.px(*value));
            scene.line((frame.left, y), (frame.right, y), GRID, 1.0);
        }
        for (value, _) in &self.x_ticks.major {
            let x = crisp(self.x.px(*value));
            scene.line((x, frame.top), (x, frame.bottom), GRID, 1.0);
        }
    }

    /// Axis lines, ticks and labels, for above the data. The panel begins at `panel_left`.
    pub fn draw(&self, scene: &mut Scene, frame: &Frame, panel_left: f64) {
        let (left, bottom) = (crisp(frame.left), crisp(frame.bottom));
        // Where the y axis crosses 0, bars and negative data stand on a line of their own.
        if self.names.is_some() && !self.y.log && self.y.low < 0.0 && self.y.high > 0.0 {
            let zero = crisp(self.y.px(0.0));
            scene.line((frame.left, zero), (frame.right, zero), AXIS, 1.0);
        }
        scene.line((left, frame.top), (left, bottom), AXIS, 1.0);
        scene.line((left, bottom), (frame.right, bottom), AXIS, 1.0);
        for (length, values) in [(4.0, majors(&self.y_ticks)), (2.5, self.y_ticks.minor.clone())] {
            for y in values.iter().map(|v| crisp(self.y.px(*v))) {
                scene.line((left - length, y), (left, y), AXIS, 1.0);
            }
        }
        for (length, values) in [(4.0, majors(&self.x_ticks)), (2.5, self.x_ticks.minor.clone())] {
            for x in values.iter().map(|v| crisp(self.x.px(*v))) {
                scene.line((x, bottom), (x, bottom + length), AXIS, 1.0);
            }
        }
        for (value, text) in &self.y_ticks.major {
            scene.text((left - 7.0, self.y.px(*value) + 4.0), text, TICK, Anchor::End, MUTED);
        }
        for (value, text) in &self.x_ticks.major {
            scene.text((self.x.px(*value), bottom + 16.0), text, TICK, Anchor::Middle, MUTED);
        }
        if let Some(names) = &self.names {
            names.draw(scene, frame.left, bottom + 6.0);
        }
        let label_top = frame.bottom + self.bottom - label_room(&self.x_label);
        draw_x_label(scene, &self.x_label, (frame.left + frame.right) / 2.0, label_top);
        draw_y_label(scene, &self.y_label, panel_left, (frame.top + frame.bottom) / 2.0);
        if let Some(bar) = &self.bar {
            bar.draw(scene, frame.right + ColorBar::GAP, frame.top);
        }
    }
}

fn majors(ticks: &Ticks) -> Vec<f64> {
    ticks.major.iter().map(|(value, _)| *value).collect()
}

/// The middle of the nearest pixel, where a line one pixel wide is sharp.
fn crisp(pixel: f64) -> f64 {
    pixel.floor() + 0.5
}

/// The room that the label of an axis takes.
pub(super) fn label_room(lines: &[String]) -> f64 {
    if lines.is_empty() { 0.0 } else { lines.len() as f64 * LABEL_LINE + 4.0 }
}

/// The label of an x axis, centred, its room beginning at `top`.
pub(super) fn draw_x_label(scene: &mut Scene, lines: &[String], center: f64, top: f64) {
    for (i, line) in lines.iter().enumerate() {
        scene.text((center, top + 14.0 + i as f64 * LABEL_LINE), line, LABEL, Anchor::Middle, INK);
    }
}

/// The label of a y axis, reading upwards, its room beginning at `left`.
pub(super) fn draw_y_label(scene: &mut Scene, lines: &[String], left: f64, middle: f64) {
    for (i, line) in lines.iter().enumerate() {
        scene.text_upwards((left + 11.0 + i as f64 * LABEL_LINE, middle), line, LABEL, Anchor::Middle, INK);
    }
}
