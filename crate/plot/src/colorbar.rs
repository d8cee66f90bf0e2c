//! The strip beside a chart that says which colour is which value.

use super::axis::{Scale, Ticks, ticks};
use super::scene::{Anchor, Raster, Scene, Shape};
use super::style::{AXIS, ColorMap, INK, LABEL, MUTED, TICK};
use super::text::{width, wrap};

const THICK: f64 = 12.0;

/// A colour map with its ticks and label.
#[derive(Debug, Clone)]
pub(super) struct ColorBar {
    pub map: ColorMap,
    height: f64,
    scale: Scale,
    ticks: Ticks,
    label: Vec<String>,
}

impl ColorBar {
    /// From the chart to the strip.
    pub const GAP: f64 = 12.0;

    /// A bar for these values; `None` if none is finite.
    pub fn new(label: &str, values: &[f64], height: f64) -> Option<Self> {
        let map = ColorMap::spanning(values.iter().copied())?;
        let scale = Scale::new((map.low, map.high), false, height, 0.0);
        let apart =
            |labels: &[(f64, String)]| labels.windows(2).all(|w| (scale.px(w[0].0) - scale.px(w[1].0)).abs() >= 15.0);
        let ticks = ticks(&scale, ((height / 35.0) as usize).clamp(2, 6), apart);
        Some(Self { map, height, scale, ticks, label: wrap(label, height.max(60.0), |t| width(t, LABEL)) })
    }

    /// From the chart to the end of the panel.
    pub fn width(&self) -> f64 {
        self.label_left() + self.label.len() as f64 * 15.0 + 4.0
    }

    fn label_left(&self) -> f64 {
        let widest = self.ticks.major.iter().map(|(_, text)| width(text, TICK)).fold(0.0, f64::max);
        Self::GAP + THICK + 7.0 + widest + 2.0
    }

    /// Draws the strip with its top left corner at (`left`, `top`).
    pub fn draw(&self, scene: &mut Scene, left: f64, top: f64) {
        const ROWS: usize = 64;
        let value = |row: usize| {
            let share = (row as f64 + 0.5) / ROWS as f64;
            self.map.high * (1.0 - share) + self.map.low * share
        };
        let rgb = (0..ROWS).map(|row| self.map.color(value(row))).flat_map(|(r, g, b)| [r, g, b]).collect();
        let size = (THICK, self.height);
        scene.shapes.push(Shape::Raster(Raster { at: (left, top), size, columns: 1, rows: ROWS, rgb, smooth: true }));
        for (value, text) in &self.ticks.major {
            let y = top + self.scale.px(*value);
            scene.line((left + THICK, y), (left + THICK + 3.5, y), AXIS, 1.0);
            scene.text((left + THICK + 7.0, y + 4.0), text, TICK, Anchor::Start, MUTED);
        }
        for (i, line) in self.label.iter().enumerate() {
            let x = left - Self::GAP + self.label_left() + 12.0 + i as f64 * 15.0;
            scene.text_upwards((x, top + self.height / 2.0), line, LABEL, Anchor::Middle, INK);
        }
    }
}
