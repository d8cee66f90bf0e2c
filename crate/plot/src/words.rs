//! A panel in words.

use super::axis::extent;
use super::layer::{Kind, Layer};
use super::panel::Panel;
use super::text::{counted, number};

/// The panel in words: a title, the axes, then a line for each series.
pub(super) fn describe(panel: &Panel) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, axis) in [("x", &panel.x), ("y", &panel.y)] {
        let notes = [(!axis.label.is_empty()).then(|| axis.label.clone()), axis.log.then(|| "log scale".into())];
        let notes: Vec<String> = notes.into_iter().flatten().collect();
        if !notes.is_empty() {
            lines.push(format!("{name}: {}", notes.join(", ")));
        }
    }
    if !panel.columns.is_empty() {
        lines.push(format!("categories: {}", panel.columns.join(", ")));
    }
    lines.extend(panel.layers.iter().map(layer));
    lines.extend(panel.references.iter().map(|line| {
        let axis = if line.horizontal { "y" } else { "x" };
        format!("line at {axis} = {} \"{}\"", number(line.value, 4), line.label)
    }));
    lines
}

/// The layer in words.
fn layer(layer: &Layer) -> String {
    let span = |values: &[f64]| match extent(values.iter().copied()) {
        Some((low, high)) => format!("{} to {}", number(low, 4), number(high, 4)),
        None => "nothing finite".into(),
    };
    let points = |x: &[f64], y: &[f64]| {
        let lost = x.iter().zip(y).filter(|(x, y)| !(x.is_finite() && y.is_finite())).count();
        let note = if lost > 0 { format!(" ({lost} not finite, left out)") } else { String::new() };
        format!("{}, x {}, y {}{note}", counted(y.len(), "point"), span(x), span(y))
    };
    let body = match &layer.kind {
        Kind::Line { x, y, .. } | Kind::Scatter { x, y } => points(x, y),
        Kind::Band { x, mean, spread } => format!("{}, spread {}", points(x, mean), span(spread)),
        Kind::Bars { values } => values.iter().map(|v| number(*v, 4)).collect::<Vec<_>>().join(", "),
        Kind::Histogram { values, bins } => {
            format!("{} in {}, {}", counted(values.len(), "value"), counted(*bins, "bin"), span(values))
        }
        Kind::Heatmap { rows } => {
            format!("{} by {} values, {}", rows.len(), rows.first().map_or(0, Vec::len), span(&rows.concat()))
        }
        Kind::Field { mesh, values } => format!("{n} by {n} values, {}", span(values), n = mesh.n),
        Kind::Regions { mesh, classes } => {
            let classes = classes.iter().collect::<std::collections::BTreeSet<_>>().len();
            let classes = if classes == 1 { "1 class".into() } else { format!("{classes} classes") };
            format!("{n} by {n} points, {classes}", n = mesh.n)
        }
        Kind::Contours { levels, .. } => format!("{}, {}", counted(levels.len(), "level"), span(levels)),
        Kind::Images(stack) => {
            let captions = stack.captions.join(", ");
            let size = format!("{} of {} by {} pixels", stack.images.len(), stack.width, stack.height);
            if captions.is_empty() { size } else { format!("{size}: {captions}") }
        }
        Kind::Diagram(diagram) => diagram.words(),
    };
    format!("{}: {body}", layer.title())
}
