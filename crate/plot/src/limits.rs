//! The limits of numeric axes: from the data, unless the caller gave them.

use super::axis::{between, extent, padded, power, share};
use super::layer::Kind;
use super::panel::Panel;

/// The equal bins that all histograms of a panel share.
#[derive(Debug, Clone)]
pub(super) struct Bins {
    pub low: f64,
    pub high: f64,
    pub count: usize,
}

impl Bins {
    /// The bins of a panel; `None` if it has no histogram.
    pub fn of(panel: &Panel) -> Option<Self> {
        let histograms = || {
            panel.layers.iter().filter_map(|layer| match &layer.kind {
                Kind::Histogram { values, bins } => Some((values, *bins)),
                _ => None,
            })
        };
        let (low, high) = extent(histograms().flat_map(|(values, _)| values.iter().copied()))?;
        let count = histograms().map(|(_, bins)| bins).max()?;
        if high > low {
            return Some(Self { low, high, count });
        }
        // One value alone stands in the middle of bins wide enough to be told apart from it.
        let room = (low.abs() * 1e-3).max(0.5);
        Some(Self { low: (low - room).max(-f64::MAX), high: (high + room).min(f64::MAX), count })
    }

    /// Where bin `index` begins.
    pub fn edge(&self, index: usize) -> f64 {
        between(self.low, self.high, index as f64 / self.count as f64)
    }

    /// How many values each bin holds; the last holds its upper end.
    pub fn counts(&self, values: &[f64]) -> Vec<usize> {
        let mut counts = vec![0; self.count];
        for value in values {
            let bin = (share(*value, self.low, self.high) * self.count as f64) as usize;
            counts[bin.min(self.count - 1)] += 1;
        }
        counts
    }
}

/// Whether all x of a numeric panel are whole numbers, as steps and epochs are.
pub(super) fn x_is_whole(panel: &Panel) -> bool {
    panel.layers.iter().all(|layer| match &layer.kind {
        Kind::Line { x, .. } | Kind::Band { x, .. } | Kind::Scatter { x, .. } => {
            x.iter().all(|x| !x.is_finite() || x.fract() == 0.0)
        }
        _ => false,
    })
}

/// The limits of the x axis of a numeric panel.
pub(super) fn x_limits(panel: &Panel) -> (f64, f64) {
    let mut values: Vec<f64> = lines_at(panel, false);
    let mut air: f64 = 0.02;
    for layer in &panel.layers {
        match &layer.kind {
            Kind::Line { x, y, .. } | Kind::Band { x, mean: y, .. } => values.extend(finite_pairs(x, y).map(|p| p.0)),
            Kind::Scatter { x, y } => {
                air = 0.04;
                values.extend(finite_pairs(x, y).map(|p| p.0));
            }
            _ => {}
        }
    }
    values.extend(Bins::of(panel).into_iter().flat_map(|bins| [bins.low, bins.high]));
    limits(panel.x.limits, mesh_limits(panel, false), &values, panel.x.log, air, false)
}

/// The limits of the y axis of a numeric panel or of bars.
pub(super) fn y_limits(panel: &Panel) -> (f64, f64) {
    let log = panel.y.log;
    let mut values: Vec<f64> = lines_at(panel, true);
    let mut air = 0.05;
    let mut base = f64::INFINITY;
    for layer in &panel.layers {
        match &layer.kind {
            Kind::Line { x, y, .. } | Kind::Scatter { x, y } => values.extend(finite_pairs(x, y).map(|p| p.1)),
            Kind::Band { x, mean, spread } => {
                for (i, (_, mean)) in x.iter().zip(mean).enumerate().filter(|(_, (x, _))| x.is_finite()) {
                    let ends = [*mean, mean - spread[i], mean + spread[i]];
                    values.extend(ends.into_iter().filter(|v| v.is_finite() && (!log || *v > 0.0)));
                }
            }
            Kind::Bars { values: bars } => {
                air = 0.1;
                values.extend(bars);
                // Bars stand on 0, or, on a logarithmic axis, on the power of ten below the least.
                match extent(bars.iter().copied()) {
                    Some((low, _)) if log => base = base.min(power((low.log10() - 0.3).floor())),
                    _ => values.push(0.0),
                }
            }
            Kind::Histogram { values: data, .. } => {
                let counts = Bins::of(panel).map(|bins| bins.counts(data)).unwrap_or_default();
                values.extend(counts.iter().map(|n| *n as f64).filter(|n| !log || *n > 0.0));
                values.push(if log { 0.7 } else { 0.0 });
            }
            _ => {}
        }
    }
    let (low, high) = limits(panel.y.limits, mesh_limits(panel, true), &values, log, air, true);
    (if panel.y.limits.is_none() { low.min(base) } else { low }, high)
}

fn limits(
    given: Option<(f64, f64)>,
    mesh: Option<(f64, f64)>,
    values: &[f64],
    log: bool,
    air: f64,
    near_zero: bool,
) -> (f64, f64) {
    given.or(mesh).unwrap_or_else(|| {
        let (low, high) = extent(values.iter().copied()).unwrap_or(if log { (1.0, 10.0) } else { (0.0, 1.0) });
        padded(low, high, log, air, near_zero)
    })
}

fn mesh_limits(panel: &Panel, vertical: bool) -> Option<(f64, f64)> {
    let meshes = || panel.layers.iter().filter_map(|layer| layer.kind.mesh()).map(|m| if vertical { m.y } else { m.x });
    extent(meshes().flat_map(|(low, high)| [low, high]))
}

fn lines_at(panel: &Panel, horizontal: bool) -> Vec<f64> {
    panel.references.iter().filter(|line| line.horizontal == horizontal).map(|line| line.value).collect()
}

fn finite_pairs<'a>(x: &'a [f64], y: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
    x.iter().copied().zip(y.iter().copied()).filter(|(x, y)| x.is_finite() && y.is_finite())
}
