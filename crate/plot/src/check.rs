//! Whether a panel can be drawn.

use super::axis::AxisSpec;
use super::layer::{Family, Kind, Layer};
use super::mesh::Mesh;
use super::panel::Panel;
use super::text::number;

/// Everything that keeps a panel from being drawn.
pub(super) fn problems(panel: &Panel) -> Vec<String> {
    let mut problems = panel.problems.clone();
    let Some(first) = panel.layers.first() else {
        if problems.is_empty() {
            problems.push("has nothing to draw".into());
        }
        return problems;
    };
    let family = first.kind.family();
    if let Some(other) = panel.layers.iter().find(|layer| layer.kind.family() != family) {
        problems.push(format!("{} and {} cannot share a panel", first.kind.name(), other.kind.name()));
    }
    if matches!(family, Family::Heatmap | Family::Images | Family::Diagram) && panel.layers.len() > 1 {
        problems.push(format!("a panel holds one {}", first.kind.name()));
    }
    if !panel.classes.is_empty() && !panel.layers.iter().any(|layer| matches!(layer.kind, Kind::Regions { .. })) {
        problems.push("class names need `regions`".into());
    }
    if !panel.cells.is_empty() && family != Family::Heatmap {
        problems.push("cell labels need a heat map".into());
    }
    if panel.equal && (family != Family::Numeric || panel.x.log || panel.y.log) {
        problems.push("equal axes must both be linear".into());
    }
    let numeric_x = family == Family::Numeric;
    let numeric_y = numeric_x || family == Family::Bars;
    for (name, axis, numeric) in [("x", &panel.x, numeric_x), ("y", &panel.y, numeric_y)] {
        let horizontal = name == "y";
        let references = || panel.references.iter().filter(move |line| line.horizontal == horizontal);
        if !numeric && (axis.log || axis.limits.is_some() || references().next().is_some()) {
            problems.push(format!("the {name} axis has no numbers: a log scale, limits or a line there mean nothing"));
            continue;
        }
        if let Some((low, high)) = axis.limits
            && !(low.is_finite() && high.is_finite() && low < high && (!axis.log || low > 0.0))
        {
            let above = if axis.log { " above 0" } else { "" };
            problems.push(format!("{name} limits must be finite{above} with low < high, got {low} and {high}"));
        }
        for line in references().filter(|line| !line.value.is_finite() || axis.log && line.value <= 0.0) {
            let above = if axis.log { " and above 0, as the axis is logarithmic" } else { "" };
            problems.push(format!("line \"{}\" must be finite{above}, got {}", line.label, line.value));
        }
    }
    for layer in &panel.layers {
        problems.extend(check(layer, panel).err().map(|problem| format!("{}: {problem}", layer.title())));
    }
    problems
}

/// Why the layer cannot be drawn in `panel`.
fn check(layer: &Layer, panel: &Panel) -> Result<(), String> {
    match &layer.kind {
        Kind::Line { x, y, .. } | Kind::Scatter { x, y } => check_points(x, y, panel),
        Kind::Band { x, mean, spread } => {
            same_length("mean", mean, "spread", spread)?;
            check_points(x, mean, panel)?;
            // Where the mean is a gap, its spread may be one too.
            let bad = |i: &usize| mean[*i].is_finite() && !(spread[*i].is_finite() && spread[*i] >= 0.0);
            match (0..spread.len()).find(bad) {
                Some(i) => Err(format!("spread[{i}] must be finite and at least 0, got {}", number(spread[i], 4))),
                None => Ok(()),
            }
        }
        Kind::Bars { values } => {
            let (names, count) = (panel.columns.len(), values.len());
            if names != count || count == 0 {
                return Err(format!("{count} values for {names} categories; name them with `categories`"));
            }
            all_finite(values)?;
            positive(&panel.y, "y", values)
        }
        Kind::Histogram { values, bins } => {
            if values.is_empty() {
                return Err("has no values".into());
            }
            if !(1..=1000).contains(bins) {
                return Err(format!("bins must be 1 to 1000, got {bins}"));
            }
            all_finite(values)?;
            if panel.x.log { Err("bins are equal on a linear x axis only".into()) } else { Ok(()) }
        }
        Kind::Heatmap { rows } => check_heatmap(rows, panel),
        Kind::Field { mesh, values } => {
            check_mesh(mesh, values.len(), panel)?;
            some_finite(values)
        }
        Kind::Regions { mesh, classes } => {
            check_mesh(mesh, classes.len(), panel)?;
            let (names, most) = (panel.classes.len(), classes.iter().max().map_or(0, |class| class + 1));
            if (1..most).contains(&names) {
                return Err(format!("{most} classes have {names} names"));
            }
            Ok(())
        }
        Kind::Contours { mesh, values, levels } => {
            check_mesh(mesh, values.len(), panel)?;
            if levels.is_empty() {
                return Err("has no levels".into());
            }
            all_finite(levels)
        }
        Kind::Images(_) => Ok(()),
        Kind::Diagram(diagram) => {
            let problems = diagram.problems();
            if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
        }
    }
}

fn check_points(x: &[f64], y: &[f64], panel: &Panel) -> Result<(), String> {
    same_length("x", x, "y", y)?;
    if y.is_empty() {
        return Err("has no points".into());
    }
    if !x.iter().zip(y).any(|(x, y)| x.is_finite() && y.is_finite()) {
        return Err("has no finite point".into());
    }
    positive(&panel.x, "x", x)?;
    positive(&panel.y, "y", y)
}

fn same_length(a: &str, first: &[f64], b: &str, second: &[f64]) -> Result<(), String> {
    if first.len() == second.len() {
        return Ok(());
    }
    Err(format!("{a} has {} values and {b} has {}", first.len(), second.len()))
}

fn positive(axis: &AxisSpec, name: &str, values: &[f64]) -> Result<(), String> {
    match values.iter().position(|v| axis.log && v.is_finite() && *v <= 0.0) {
        Some(i) => Err(format!("{name}[{i}] is {}, but the {name} axis is logarithmic", number(values[i], 4))),
        None => Ok(()),
    }
}

fn all_finite(values: &[f64]) -> Result<(), String> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(i) => Err(format!("value {i} is {}", values[i])),
        None => Ok(()),
    }
}

fn some_finite(values: &[f64]) -> Result<(), String> {
    if values.iter().any(|v| v.is_finite()) { Ok(()) } else { Err("has no finite value".into()) }
}

fn check_heatmap(rows: &[Vec<f64>], panel: &Panel) -> Result<(), String> {
    let width = rows.first().map_or(0, Vec::len);
    if width == 0 {
        return Err("has no values".into());
    }
    if let Some(i) = rows.iter().position(|row| row.len() != width) {
        return Err(format!("row {i} has {} values and row 0 has {width}", rows[i].len()));
    }
    for (what, labels, count) in [("row", &panel.rows, rows.len()), ("column", &panel.columns, width)] {
        if !labels.is_empty() && labels.len() != count {
            return Err(format!("{count} {what}s have {} labels", labels.len()));
        }
    }
    if !panel.cells.is_empty() && (panel.cells.len(), panel.cells[0].len()) != (rows.len(), width)
        || panel.cells.iter().any(|row| row.len() != width)
    {
        let lengths: Vec<usize> = panel.cells.iter().map(Vec::len).collect();
        return Err(format!("{} rows of {width} cells have rows of {lengths:?} labels", rows.len()));
    }
    some_finite(&rows.concat())
}

fn check_mesh(mesh: &Mesh, count: usize, panel: &Panel) -> Result<(), String> {
    if let Some(problem) = mesh.problem() {
        return Err(problem);
    }
    if count != mesh.n * mesh.n {
        return Err(format!("{count} values for a mesh of {n} by {n} points", n = mesh.n));
    }
    if panel.x.log || panel.y.log { Err("a mesh is even on linear axes only".into()) } else { Ok(()) }
}
