//! What stands above a chart: its title, and the legend, where it covers no data.

use super::layer::Kind;
use super::panel::Panel;
use super::scene::{Anchor, Scene, Shape};
use super::style::{self, INK, LABEL, MUTED, Rgb, TITLE};
use super::text::{bold_width, width, wrap};

const LINE: f64 = 17.0;
/// Between a mark and its name.
const SPACE: f64 = 6.0;
const GAP: f64 = 16.0;

impl Mark {
    fn width(self) -> f64 {
        match self {
            Self::Line | Self::Dashed | Self::Band => 20.0,
            Self::Dot => 8.0,
            Self::Square => 10.0,
        }
    }
}

/// The title and the legend of a panel, broken into lines.
#[derive(Debug, Clone)]
pub(super) struct Head {
    title: Vec<String>,
    rows: Vec<Vec<Entry>>,
}

#[derive(Debug, Clone)]
struct Entry {
    lines: Vec<String>,
    color: Rgb,
    mark: Mark,
}

#[derive(Debug, Clone, Copy)]
enum Mark {
    Line,
    Dashed,
    Band,
    Dot,
    Square,
}

impl Head {
    /// The head of `panel`, `room` pixels wide; `also` are labels of reference lines too long to stand in the chart.
    pub fn new(panel: &Panel, room: f64, also: &[String]) -> Self {
        let entries = panel.layers.iter().filter(|layer| !layer.name.is_empty()).filter_map(|layer| {
            let mark = match layer.kind {
                Kind::Line { dashed: false, .. } => Mark::Line,
                Kind::Line { dashed: true, .. } => Mark::Dashed,
                Kind::Band { .. } => Mark::Band,
                Kind::Scatter { .. } => Mark::Dot,
                Kind::Bars { .. } | Kind::Histogram { .. } => Mark::Square,
                _ => return None,
            };
            Some((&layer.name, style::series(layer.color), mark))
        });
        let classes = panel.classes.iter().enumerate().map(|(i, name)| (name, style::region(i), Mark::Square));
        let lines = also.iter().map(|label| (label, MUTED, Mark::Dashed));
        let mut rows: Vec<Vec<Entry>> = Vec::new();
        let mut used = 0.0;
        for (name, color, mark) in entries.chain(classes).chain(lines) {
            let entry = Entry { lines: wrap(name, room - mark.width() - SPACE, |t| width(t, LABEL)), color, mark };
            let wide = entry.width() + GAP;
            match rows.last_mut() {
                Some(row) if used + wide - GAP <= room => row.push(entry),
                _ => {
                    rows.push(vec![entry]);
                    used = 0.0;
                }
            }
            used += wide;
        }
        Self { title: wrap(&panel.title, room, |t| bold_width(t, TITLE)), rows }
    }

    /// Pixels from the top of the panel to the chart.
    pub fn height(&self) -> f64 {
        let rows: f64 = self.rows.iter().map(|row| row_height(row)).sum();
        let title = self.title.len() as f64 * LINE;
        title + rows + if title > 0.0 { 5.0 } else { 0.0 } + if rows > 0.0 { 4.0 } else { 0.0 } + 5.0
    }

    pub fn draw(&self, scene: &mut Scene, left: f64, top: f64) {
        let mut y = top;
        for line in &self.title {
            scene.title((left, y + 12.0), line, TITLE);
            y += LINE;
        }
        if !self.title.is_empty() {
            y += 5.0;
        }
        for row in &self.rows {
            let mut x = left;
            for entry in row {
                entry.draw(scene, x, y);
                x += entry.width() + GAP;
            }
            y += row_height(row);
        }
    }
}

fn row_height(row: &[Entry]) -> f64 {
    row.iter().map(|entry| entry.lines.len()).max().unwrap_or(0) as f64 * LINE
}

impl Entry {
    fn width(&self) -> f64 {
        self.mark.width() + SPACE + self.lines.iter().map(|line| width(line, LABEL)).fold(0.0, f64::max)
    }

    fn draw(&self, scene: &mut Scene, x: f64, y: f64) {
        let middle = y + 8.0;
        let (from, to) = ((x, middle), (x + self.mark.width(), middle));
        match self.mark {
            Mark::Line => scene.line(from, to, self.color, 2.0),
            Mark::Dashed => scene.dashed(&[from, to], self.color, 1.8, (6.0, 3.5)),
            Mark::Band => {
                scene.rect((x, middle - 5.0), (to.0, middle + 5.0), style::tint(self.color, 0.22));
                scene.line(from, to, self.color, 2.0);
            }
            Mark::Dot => {
                let center = (x + 4.0, middle);
                scene.shapes.push(Shape::Circle { center, radius: 4.0, color: self.color, opacity: 1.0 });
            }
            Mark::Square => scene.rect((x, middle - 5.0), (to.0, middle + 5.0), self.color),
        }
        for (i, line) in self.lines.iter().enumerate() {
            scene.text((to.0 + SPACE, y + 12.2 + i as f64 * LINE), line, LABEL, Anchor::Start, INK);
        }
    }
}
