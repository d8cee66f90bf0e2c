//! The data of a panel: what is in it, whether it can be drawn, and how to say it in words.

use super::axis::{AxisSpec, extent};
use super::images::ImageStack;
use super::mesh::Mesh;
use super::panel::Panel;
use super::text::number;

/// One series of a panel.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub name: String,
    /// Which colour of the palette.
    pub color: usize,
    pub kind: Kind,
}

/// The data of a series.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Line { x: Vec<f64>, y: Vec<f64>, dashed: bool },
    Band { x: Vec<f64>, mean: Vec<f64>, spread: Vec<f64> },
    Scatter { x: Vec<f64>, y: Vec<f64> },
    Bars { values: Vec<f64> },
    Histogram { values: Vec<f64>, bins: usize },
    Heatmap { rows: Vec<Vec<f64>> },
    Field { mesh: Mesh, values: Vec<f64> },
    Regions { mesh: Mesh, classes: Vec<usize> },
    Contours { mesh: Mesh, values: Vec<f64>, levels: Vec<f64> },
    Images(ImageStack),
}

/// What a panel's axes are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Family {
    Numeric,
    Bars,
    Heatmap,
    Images,
}

impl Kind {
    pub fn has_color(&self) -> bool {
        matches!(
            self,
            Self::Line { .. } | Self::Band { .. } | Self::Scatter { .. } | Self::Bars { .. } | Self::Histogram { .. }
        )
    }

    pub fn family(&self) -> Family {
        match self {
            Self::Bars { .. } => Family::Bars,
            Self::Heatmap { .. } => Family::Heatmap,
            Self::Images(_) => Family::Images,
            _ => Family::Numeric,
        }
    }

    pub fn mesh(&self) -> Option<&Mesh> {
        match self {
            Self::Field { mesh, .. } | Self::Regions { mesh, .. } | Self::Contours { mesh, .. } => Some(mesh),
            _ => None,
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Line { dashed: false, .. } => "line",
            Self::Line { dashed: true, .. } => "dashed line",
            Self::Band { .. } => "band",
            Self::Scatter { .. } => "scatter",
            Self::Bars { .. } => "bars",
            Self::Histogram { .. } => "histogram",
            Self::Heatmap { .. } => "heat map",
            Self::Field { .. } => "field",
            Self::Regions { .. } => "regions",
            Self::Contours { .. } => "contours",
            Self::Images(_) => "images",
        }
    }
}

impl Layer {
    fn title(&self) -> String {
        if self.name.is_empty() { self.kind.name().into() } else { format!("{} \"{}\"", self.kind.name(), self.name) }
    }

    /// Why the layer cannot be drawn in `panel`.
    fn check(&self, panel: &Panel) -> Result<(), String> {
        match &self.kind {
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
            Kind::Regions { mesh, classes } => check_mesh(mesh, classes.len(), panel),
            Kind::Contours { mesh, values, levels } => {
                check_mesh(mesh, values.len(), panel)?;
                if levels.is_empty() {
                    return Err("has no levels".into());
                }
                all_finite(levels)
            }
            Kind::Images(_) => Ok(()),
        }
    }

    /// The layer in words.
    fn describe(&self) -> String {
        let span = |values: &[f64]| match extent(values.iter().copied()) {
            Some((low, high)) => format!("{} to {}", number(low, 4), number(high, 4)),
            None => "nothing finite".into(),
        };
        let points = |x: &[f64], y: &[f64]| {
            let lost = x.iter().zip(y).filter(|(x, y)| !(x.is_finite() && y.is_finite())).count();
            let note = if lost > 0 { format!(" ({lost} not finite, left out)") } else { String::new() };
            format!("{} points, x {}, y {}{note}", y.len(), span(x), span(y))
        };
        let body = match &self.kind {
            Kind::Line { x, y, .. } | Kind::Scatter { x, y } => points(x, y),
            Kind::Band { x, mean, spread } => format!("{}, spread {}", points(x, mean), span(spread)),
            Kind::Bars { values } => values.iter().map(|v| number(*v, 4)).collect::<Vec<_>>().join(", "),
            Kind::Histogram { values, bins } => format!("{} values in {bins} bins, {}", values.len(), span(values)),
            Kind::Heatmap { rows } => {
                format!("{} by {} values, {}", rows.len(), rows.first().map_or(0, Vec::len), span(&rows.concat()))
            }
            Kind::Field { mesh, values } => format!("{n} by {n} values, {}", span(values), n = mesh.n),
            Kind::Regions { mesh, classes } => {
                let classes = classes.iter().collect::<std::collections::BTreeSet<_>>().len();
                format!("{n} by {n} points, {classes} classes", n = mesh.n)
            }
            Kind::Contours { levels, .. } => format!("{} levels, {}", levels.len(), span(levels)),
            Kind::Images(stack) => {
                let captions = stack.captions.join(", ");
                let size = format!("{} of {} by {} pixels", stack.images.len(), stack.width, stack.height);
                if captions.is_empty() { size } else { format!("{size}: {captions}") }
            }
        };
        format!("{}: {body}", self.title())
    }
}

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
    if matches!(family, Family::Heatmap | Family::Images) && panel.layers.len() > 1 {
        problems.push(format!("a panel holds one {}", first.kind.name()));
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
        problems.extend(layer.check(panel).err().map(|problem| format!("{}: {problem}", layer.title())));
    }
    problems
}

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
    lines.extend(panel.layers.iter().map(Layer::describe));
    lines.extend(panel.references.iter().map(|line| {
        let axis = if line.horizontal { "y" } else { "x" };
        format!("line at {axis} = {} \"{}\"", number(line.value, 4), line.label)
    }));
    lines
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
