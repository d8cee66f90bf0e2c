//! Diagrams: shapes with words in them, and edges between them.

use std::collections::BTreeMap;

use super::number::Number;
use super::scene::Point;
use super::text::{counted, number};

/// A picture of nets, computations or messages: nodes, blocks and cells, joined by edges and arrows.
///
/// Positions count in units, x to the right and y upwards; a unit becomes as many pixels as the panel has room for, at most
/// 110. Shapes are as large as their labels need; `"\n"` breaks a label. What a call got wrong is reported when the diagram
/// is drawn, by the names of the shapes.
///
/// As the last expression of a notebook cell it shows itself. It can also be a [`panel`](super::Figure::panel) of a figure.
///
/// ```
/// use candlelight::plot::Diagram;
/// # fn main() -> candlelight::Result<()> {
/// let residual = Diagram::new("A residual block")
///     .node("x", (0, 0), "x")
///     .block("f", (1.5, 0), "linear, ReLU")
///     .node("+", (3, 0), "+")
///     .arrow("x", "f", "")
///     .arrow("f", "+", "f(x)")
///     .arrow("x", "+", "x")
///     .bend(0.3)
///     .color(1);
/// assert!(residual.svg()?.contains("linear, ReLU"));
/// assert!(residual.arrow("x", "y", "").svg().unwrap_err().to_string().contains("nothing is called \"y\""));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Diagram {
    pub(super) title: String,
    pub(super) items: Vec<Item>,
    /// The items of the last call, which `color`, `faded`, `dashed` and `bend` change.
    last: usize,
    problems: Vec<String>,
}

/// One thing in a diagram and how it looks.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub part: Part,
    pub color: Option<usize>,
    pub faded: bool,
    pub dashed: bool,
}

/// What an item is.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Shape { id: String, at: Point, label: String, form: Form },
    Edge { from: String, to: String, label: String, arrow: bool, bend: f64 },
    Group { ids: Vec<String>, label: String },
    Words { at: Point, text: String },
    Path { points: Vec<Point> },
}

/// The form of a shape.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    Circle,
    Block,
    /// Width and height in units.
    Cell(Point),
}

/// The farthest that a position may be from the origin.
const FARTHEST: f64 = 1e6;

impl Diagram {
    /// An empty diagram; the title may be empty.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// A circle called `id`: a unit, a variable, an operation.
    pub fn node(self, id: impl Into<String>, at: (impl Number, impl Number), label: impl Into<String>) -> Self {
        self.shape(id, at, label, Form::Circle)
    }

    /// A box called `id`, as large as its label: a layer, a function.
    pub fn block(self, id: impl Into<String>, at: (impl Number, impl Number), label: impl Into<String>) -> Self {
        self.shape(id, at, label, Form::Block)
    }

    /// A rectangle called `id` of this width and height in units: an entry of a tensor, a piece of memory.
    pub fn cell(
        self,
        id: impl Into<String>,
        at: (impl Number, impl Number),
        size: (impl Number, impl Number),
        label: impl Into<String>,
    ) -> Self {
        self.shape(id, at, label, Form::Cell((size.0.to_f64(), size.1.to_f64())))
    }

    /// A line from one shape to another; the label may be empty.
    pub fn edge(self, from: impl Into<String>, to: impl Into<String>, label: impl Into<String>) -> Self {
        self.join(from, to, label, false)
    }

    /// A line with a head at the border of `to`.
    pub fn arrow(self, from: impl Into<String>, to: impl Into<String>, label: impl Into<String>) -> Self {
        self.join(from, to, label, true)
    }

    /// A line from each of the first shapes to each of the others, as between two dense layers.
    pub fn connect(
        mut self,
        from: impl IntoIterator<Item = impl Into<String>>,
        to: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.last = self.items.len();
        let to: Vec<String> = to.into_iter().map(Into::into).collect();
        for from in from.into_iter().map(Into::into) {
            for to in &to {
                let (from, to) = (from.clone(), to.clone());
                self.add(Part::Edge { from, to, label: String::new(), arrow: false, bend: 0.0 });
            }
        }
        self
    }

    /// A dashed frame around some shapes, with a label above.
    pub fn group(self, ids: impl IntoIterator<Item = impl Into<String>>, label: impl Into<String>) -> Self {
        self.push(Part::Group { ids: ids.into_iter().map(Into::into).collect(), label: label.into() })
    }

    /// Words without a border, centred on a position.
    pub fn text(self, at: (impl Number, impl Number), text: impl Into<String>) -> Self {
        self.push(Part::Words { at: (at.0.to_f64(), at.1.to_f64()), text: text.into() })
    }

    /// A line through points, as of a road or of an outline: it belongs to no shape.
    pub fn path(self, points: impl IntoIterator<Item = (impl Number, impl Number)>) -> Self {
        self.push(Part::Path { points: points.into_iter().map(|(x, y)| (x.to_f64(), y.to_f64())).collect() })
    }

    /// Gives what the last call added a colour of the palette by its index, 0 to 7. Default: blue shapes, grey edges.
    pub fn color(mut self, index: usize) -> Self {
        if index > 7 {
            self.problems.push(format!("color must be 0 to 7, got {index}"));
        }
        self.change("color", |item| item.color = Some(index))
    }

    /// Makes what the last call added pale, as a unit that is dropped; edges of a faded shape are faded too.
    pub fn faded(self) -> Self {
        self.change("faded", |item| item.faded = true)
    }

    /// Dashes the edges or the borders that the last call added.
    pub fn dashed(self) -> Self {
        self.change("dashed", |item| item.dashed = true)
    }

    /// Bends the edges that the last call added: how far their middle is to the left of the straight line, seen from its
    /// start, as a share of its length, −2 to 2. Default: 0.
    pub fn bend(mut self, share: f64) -> Self {
        if !(-2.0..=2.0).contains(&share) {
            self.problems.push(format!("bend must be -2 to 2, got {share}"));
        }
        if self.items[self.last..].iter().any(|item| !matches!(item.part, Part::Edge { .. })) {
            self.problems.push("bend comes after an edge".into());
        }
        self.change("bend", |item| {
            if let Part::Edge { bend, .. } = &mut item.part {
                *bend = share;
            }
        })
    }

    fn shape(
        self,
        id: impl Into<String>,
        at: (impl Number, impl Number),
        label: impl Into<String>,
        form: Form,
    ) -> Self {
        self.push(Part::Shape { id: id.into(), at: (at.0.to_f64(), at.1.to_f64()), label: label.into(), form })
    }

    fn join(self, from: impl Into<String>, to: impl Into<String>, label: impl Into<String>, arrow: bool) -> Self {
        self.push(Part::Edge { from: from.into(), to: to.into(), label: label.into(), arrow, bend: 0.0 })
    }

    fn push(mut self, part: Part) -> Self {
        self.last = self.items.len();
        self.add(part);
        self
    }

    fn add(&mut self, part: Part) {
        self.items.push(Item { part, color: None, faded: false, dashed: false });
    }

    fn change(mut self, name: &str, change: impl Fn(&mut Item)) -> Self {
        if self.items.is_empty() {
            self.problems.push(format!("{name} comes after what it changes"));
        }
        self.items[self.last..].iter_mut().for_each(change);
        self
    }

    /// Everything that keeps the diagram from being drawn.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = self.problems.clone();
        let mut places: BTreeMap<&str, Point> = BTreeMap::new();
        for item in &self.items {
            let Part::Shape { id, at, .. } = &item.part else { continue };
            if places.insert(id, *at).is_some() {
                problems.push(format!("two shapes are called \"{id}\""));
            }
        }
        for item in &self.items {
            problems.extend(problem(&item.part, &places).map(|problem| format!("{}: {problem}", item.part.name())));
        }
        if problems.is_empty() && !self.items.iter().any(|i| !matches!(i.part, Part::Edge { .. } | Part::Group { .. }))
        {
            problems.push("has nothing to draw".into());
        }
        problems
    }

    /// What is in the diagram, in words.
    pub(super) fn words(&self) -> String {
        let mut labels: BTreeMap<&str, String> = BTreeMap::new();
        let (mut shapes, mut edges, mut others, mut paths) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for item in &self.items {
            if let Part::Shape { id, label, .. } = &item.part {
                let faded = if item.faded { " (faded)" } else { "" };
                let name = format!("{}{faded}", if label.is_empty() { id } else { label });
                labels.insert(id, name.clone());
                shapes.push(name);
            }
        }
        // The first line of its label names an end.
        let name = |id: &String| labels.get(id.as_str()).unwrap_or(id).lines().next().unwrap_or_default().to_owned();
        for item in &self.items {
            match &item.part {
                Part::Shape { .. } => {}
                Part::Edge { from, to, label, arrow, .. } => {
                    let sign = if *arrow { "→" } else { "—" };
                    let label = if label.is_empty() { String::new() } else { format!(" \"{label}\"") };
                    edges.push(format!("{} {sign} {}{label}", name(from), name(to)));
                }
                Part::Group { ids, label } => {
                    others.push(format!("{} in a group \"{label}\"", counted(ids.len(), "shape")))
                }
                Part::Words { text, .. } => others.push(format!("\"{text}\"")),
                Part::Path { .. } => paths += 1,
            }
        }
        if paths > 0 {
            others.push(counted(paths, "path"));
        }
        let lists = [("shape", shapes), ("edge", edges)].map(|(what, all)| listed(what, &all));
        let text: Vec<String> = lists.into_iter().flatten().chain(others).collect();
        text.join("; ").replace('\n', " ")
    }
}

impl Part {
    fn name(&self) -> String {
        match self {
            Self::Shape { id, .. } => format!("shape \"{id}\""),
            Self::Edge { from, to, .. } => format!("edge from \"{from}\" to \"{to}\""),
            Self::Group { label, .. } => format!("group \"{label}\""),
            Self::Words { text, .. } => format!("text \"{text}\""),
            Self::Path { points } => format!("path of {} points", points.len()),
        }
    }
}

/// What is wrong with a part, beside shapes at these places.
fn problem(part: &Part, places: &BTreeMap<&str, Point>) -> Option<String> {
    let unknown = |id: &String| (!places.contains_key(id.as_str())).then(|| format!("nothing is called \"{id}\""));
    let far = |(x, y): &Point| {
        let fine = x.abs() <= FARTHEST && y.abs() <= FARTHEST;
        let shown = || format!("({}, {})", number(*x, 4), number(*y, 4));
        (!fine).then(|| format!("its position must be finite and within ±1e6, got {}", shown()))
    };
    match part {
        Part::Shape { at, form: Form::Cell((width, height)), .. } => far(at).or_else(|| {
            let fine = |v: &f64| *v > 0.0 && *v <= FARTHEST;
            (!(fine(width) && fine(height)))
                .then(|| format!("its size must be above 0 and at most 1e6, got {width} by {height}"))
        }),
        Part::Shape { at, .. } | Part::Words { at, .. } => far(at),
        Part::Path { points } if points.len() < 2 => Some("needs at least two points".into()),
        Part::Path { points } => points.iter().find_map(far),
        Part::Edge { from, to, .. } => unknown(from).or_else(|| unknown(to)).or_else(|| {
            (places.get(from.as_str()) == places.get(to.as_str())).then(|| "both ends stand at one place".into())
        }),
        Part::Group { ids, .. } if ids.is_empty() => Some("has no members".into()),
        Part::Group { ids, .. } => ids.iter().find_map(unknown),
    }
}

/// The first twenty of a list, and how many there are.
fn listed(what: &str, all: &[String]) -> Option<String> {
    const SHOWN: usize = 20;
    let more = if all.len() > SHOWN { format!(" and {} more", all.len() - SHOWN) } else { String::new() };
    let first = all[..all.len().min(SHOWN)].join(", ");
    (!all.is_empty()).then(|| format!("{}: {first}{more}", counted(all.len(), what)))
}
