//! Names of columns below bars and heat maps: side by side where they fit, on end where they do not.

use super::scene::{Anchor, Scene};
use super::style::{MUTED, TICK};
use super::text::{width, wrap};

const LINE: f64 = 13.0;
/// How long a name on end may get before it is cut.
const LONGEST: f64 = 150.0;

/// Names set below columns of equal width.
#[derive(Debug, Clone)]
pub(super) struct ColumnLabels {
    column: f64,
    /// The lines of each name.
    names: Vec<Vec<String>>,
    /// Reading upwards.
    vertical: bool,
    /// Every how many columns a name is shown.
    stride: usize,
}

impl ColumnLabels {
    pub fn new(names: &[String], column: f64) -> Self {
        let room = column - 6.0;
        let whole = |name: &String| name.split_whitespace().all(|word| width(word, TICK) <= room);
        let wrapped = |name: &String| wrap(name, room, |t| width(t, TICK));
        let level: Vec<Vec<String>> = names.iter().map(wrapped).collect();
        if names.iter().all(whole) && level.iter().all(|lines| lines.len() <= 3) {
            return Self { column, names: level, vertical: false, stride: 1 };
        }
        // Short names of narrow columns, as numbers are, read better level with some left out.
        let widest = names.iter().map(|name| width(name, TICK)).fold(0.0, f64::max);
        if widest <= 26.0 {
            let stride = stride_for((widest + 6.0) / column);
            return Self { column, names: names.iter().map(|n| vec![n.clone()]).collect(), vertical: false, stride };
        }
        let names = names.iter().map(|name| vec![shorten(name, LONGEST)]).collect();
        Self { column, names, vertical: true, stride: stride_for(LINE / column) }
    }

    pub fn height(&self) -> f64 {
        let shown = self.names.iter().step_by(self.stride).flatten();
        if self.vertical {
            shown.map(|name| width(name, TICK)).fold(0.0, f64::max)
        } else {
            self.names.iter().map(Vec::len).max().unwrap_or(0) as f64 * LINE
        }
    }

    pub fn draw(&self, scene: &mut Scene, left: f64, top: f64) {
        for (i, lines) in self.names.iter().enumerate().step_by(self.stride) {
            let center = left + (i as f64 + 0.5) * self.column;
            for (j, line) in lines.iter().enumerate() {
                let at = if self.vertical { (center + 4.0, top) } else { (center, top + 10.0 + j as f64 * LINE) };
                match self.vertical {
                    true => scene.text_upwards(at, line, TICK, Anchor::End, MUTED),
                    false => scene.text(at, line, TICK, Anchor::Middle, MUTED),
                }
            }
        }
    }
}

/// The least of 1, 2, 5, 10 … that is at least `least`.
pub(super) fn stride_for(least: f64) -> usize {
    [1, 2, 5, 10, 20, 50, 100, 200, 500].into_iter().find(|stride| *stride as f64 >= least).unwrap_or(1000)
}

/// `text`, cut with an ellipsis if it is wider than `limit`.
pub(super) fn shorten(text: &str, limit: f64) -> String {
    if width(text, TICK) <= limit {
        return text.to_owned();
    }
    let mut short = text.to_owned();
    while !short.is_empty() && width(&short, TICK) + width("…", TICK) > limit {
        short.pop();
    }
    format!("{}…", short.trim_end())
}
