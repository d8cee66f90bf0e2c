//! Heat maps: a table of values as coloured cells.

use super::colorbar::ColorBar;
use super::frame::{draw_x_label, draw_y_label, label_room};
use super::labels::{ColumnLabels, shorten, stride_for};
use super::panel::Panel;
use super::scene::{Anchor, Raster, Scene, Shape};
use super::style::{CARD, LABEL, MUTED, TICK, text_on};
use super::text::{number, width, wrap};

const LARGEST_CELL: f64 = 64.0;
const VALUE: f64 = 10.5;
const NAME_LINE: f64 = 13.0;
const VALUE_LINE: f64 = 13.0;

/// A heat map measured for a panel of a given size.
#[derive(Debug, Clone)]
pub(super) struct Heatmap {
    pub plot_height: f64,
    pub bottom: f64,
    left: f64,
    cell: (f64, f64),
    /// What stands in the cells, in lines, if it fits.
    texts: Option<Vec<Vec<Vec<String>>>>,
    /// The lines of each name.
    row_names: Vec<Vec<String>>,
    columns: ColumnLabels,
    bar: Option<ColorBar>,
    x_label: Vec<String>,
    y_label: Vec<String>,
}

impl Heatmap {
    pub fn new(panel: &Panel, label: &str, rows: &[Vec<f64>], panel_width: f64, most_height: f64) -> Self {
        let (height, columns) = (rows.len(), rows.first().map_or(0, Vec::len));
        let names = |given: &[String], count| {
            if given.is_empty() { (0..count).map(|i: usize| i.to_string()).collect() } else { given.to_vec() }
        };
        let values = rows.concat();
        let mut bar = ColorBar::new(label, &values, most_height);
        let bar_width = |bar: &Option<ColorBar>| bar.as_ref().map_or(0.0, ColorBar::width);
        let spare = panel_width - bar_width(&bar) - 40.0 - columns as f64 * LARGEST_CELL;
        let longest = spare.max(panel_width * 0.35);
        let row_names = names(&panel.rows, height);
        let widest = row_names.iter().map(|name| width(name, TICK)).fold(0.0, f64::max).min(longest);
        let y_lines = wrap(&panel.y.label, most_height, |t| width(t, LABEL));
        let cells = |bar_width: f64| {
            let room = panel_width - widest - 8.0 - label_room(&y_lines) - bar_width;
            let wide = (room / columns as f64).clamp(2.0, LARGEST_CELL);
            let tall = (most_height / height as f64).min(LARGEST_CELL);
            // Square, unless the table is so long or wide that they would become slivers.
            if wide.max(tall) / wide.min(tall) < 2.5 { (wide.min(tall), wide.min(tall)) } else { (wide, tall) }
        };
        // A lower map has a lower bar, whose label may need more lines, which leave the map less room: a few rounds
        // settle it.
        let mut cell = cells(bar_width(&bar));
        for _ in 0..5 {
            let next = ColorBar::new(label, &values, cell.1 * height as f64);
            let settled = bar_width(&next) <= bar_width(&bar);
            bar = next;
            if settled {
                break;
            }
            cell = cells(bar_width(&bar));
        }
        let plot_height = cell.1 * height as f64;
        let lines = |name: &String| match wrap(name, longest, |t| width(t, TICK)) {
            lines if lines.len() as f64 * NAME_LINE > cell.1 => vec![shorten(name, longest)],
            lines => lines,
        };
        let row_names = row_names.iter().map(lines).collect();
        let y_label = wrap(&panel.y.label, plot_height.max(60.0), |t| width(t, LABEL));
        let columns = ColumnLabels::new(&names(&panel.columns, columns), cell.0);
        let left = widest + 8.0 + label_room(&y_label);
        let x_label = wrap(&panel.x.label, panel_width - left, |t| width(t, LABEL));
        let bottom = columns.height() + 8.0 + label_room(&x_label);
        let texts = if panel.cells.is_empty() { cell_texts(rows) } else { panel.cells.clone() };
        let lines = |text: &String| text.lines().map(str::to_owned).collect();
        let texts = that_fit(texts.iter().map(|row| row.iter().map(lines).collect()).collect(), cell);
        Self { plot_height, bottom, left, cell, texts, row_names, columns, bar, x_label, y_label }
    }

    pub fn draw(&self, scene: &mut Scene, rows: &[Vec<f64>], panel_left: f64, top: f64) {
        let Some(bar) = &self.bar else { return };
        let columns = rows.first().map_or(0, Vec::len);
        let left = panel_left + self.left;
        let size = (self.cell.0 * columns as f64, self.plot_height);
        let color = |v: f64| if v.is_finite() { bar.map.color(v) } else { CARD };
        let rgb = rows.iter().flatten().map(|v| color(*v)).flat_map(|(r, g, b)| [r, g, b]).collect();
        scene.shapes.push(Shape::Raster(Raster {
            at: (left, top),
            size,
            columns,
            rows: rows.len(),
            rgb,
            smooth: false,
        }));
        if let Some(texts) = &self.texts {
            self.draw_gaps(scene, (left, top), size);
            for (i, (row, texts)) in rows.iter().zip(texts).enumerate() {
                for (j, (value, lines)) in row.iter().zip(texts).enumerate() {
                    let x = left + (j as f64 + 0.5) * self.cell.0;
                    let middle = top + (i as f64 + 0.5) * self.cell.1 + 3.8;
                    for (k, line) in lines.iter().enumerate() {
                        let y = middle + (k as f64 - (lines.len() - 1) as f64 / 2.0) * VALUE_LINE;
                        scene.text((x, y), line, VALUE, Anchor::Middle, text_on(color(*value)));
                    }
                }
            }
        }
        for (i, lines) in self.row_names.iter().enumerate().step_by(stride_for(NAME_LINE / self.cell.1)) {
            let middle = top + (i as f64 + 0.5) * self.cell.1 + 4.0;
            for (j, line) in lines.iter().enumerate() {
                let y = middle + (j as f64 - (lines.len() - 1) as f64 / 2.0) * NAME_LINE;
                scene.text((left - 6.0, y), line, TICK, Anchor::End, MUTED);
            }
        }
        let bottom = top + self.plot_height;
        self.columns.draw(scene, left, bottom + 4.0);
        draw_x_label(scene, &self.x_label, left + size.0 / 2.0, bottom + self.bottom - label_room(&self.x_label));
        draw_y_label(scene, &self.y_label, panel_left, top + self.plot_height / 2.0);
        bar.draw(scene, left + size.0 + ColorBar::GAP, top);
    }

    /// Lines of paper between the cells.
    fn draw_gaps(&self, scene: &mut Scene, (left, top): (f64, f64), (width, height): (f64, f64)) {
        for i in 1..(width / self.cell.0).round() as usize {
            let x = left + i as f64 * self.cell.0;
            scene.line((x, top), (x, top + height), CARD, 1.0);
        }
        for i in 1..(height / self.cell.1).round() as usize {
            let y = top + i as f64 * self.cell.1;
            scene.line((left, y), (left + width, y), CARD, 1.0);
        }
    }
}

/// The lines of each cell where all of them fit. Else the first line of those that have several: it says most. Beside them a single
/// line that is too wide is left out.
fn that_fit(mut texts: Vec<Vec<Vec<String>>>, cell: (f64, f64)) -> Option<Vec<Vec<Vec<String>>>> {
    let fits = |lines: &[String]| {
        let widest = lines.iter().map(|text| width(text, VALUE)).fold(0.0, f64::max);
        widest + 4.0 <= cell.0 && lines.len() as f64 * VALUE_LINE <= cell.1
    };
    if texts.iter().flatten().all(|lines| fits(lines)) {
        return Some(texts);
    }
    let mut several = texts.iter().flatten().filter(|lines| lines.len() > 1).peekable();
    if several.peek().is_none() || !several.all(|lines| fits(&lines[..1])) {
        return None;
    }
    for lines in texts.iter_mut().flatten() {
        lines.truncate(if lines.len() > 1 || fits(lines) { 1 } else { 0 });
    }
    Some(texts)
}

/// The values as text, with equally many decimals.
fn cell_texts(rows: &[Vec<f64>]) -> Vec<Vec<String>> {
    let finite = || rows.iter().flatten().filter(|v| v.is_finite());
    let largest = finite().fold(0.0_f64, |m, v| m.max(v.abs()));
    let whole = finite().all(|v| v.fract() == 0.0);
    let text = |value: &f64| match *value {
        v if !v.is_finite() => "–".into(),
        v if whole && largest < 1e6 => format!("{v}"),
        v if (0.01..1e6).contains(&largest) => {
            let decimals = (2 - largest.log10().floor() as i32).clamp(0, 2) as usize;
            let text = format!("{v:.decimals$}");
            // A rounded zero has no sign.
            if text.trim_start_matches(['-', '0', '.']).is_empty() { text.replace('-', "") } else { text }
        }
        v => number(v, 2),
    };
    rows.iter().map(|row| row.iter().map(|v| text(v).replace('-', "−")).collect()).collect()
}
