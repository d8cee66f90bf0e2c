//! One chart with its axes: what a notebook cell spells out.

use std::ops::RangeInclusive;

use candle_core::Tensor;
use candlelight_base::Result;

use super::axis::{AxisSpec, between};
use super::diagram::Diagram;
use super::images::ImageStack;
use super::layer::{Kind, Layer};
use super::mesh::Mesh;
use super::number::{Number, collect, collect_along};

/// One chart of a [`Figure`](super::Figure).
///
/// Data may be slices, vectors, arrays, ranges or iterators of numbers. A series with an empty name has no entry in the
/// legend. Bad data do not interrupt the chain: the figure reports them when it is drawn. A value that is not finite
/// leaves a gap in a line and is left out of a scatter; elsewhere it is an error.
///
/// ```
/// use candlelight::plot::{Figure, Panel};
/// # fn main() -> candlelight::Result<()> {
/// let loss = [2.30, 0.91, 0.40, 0.22];
/// let panel = Panel::new("Loss over training")
///     .x("epoch")
///     .y("cross-entropy [nat]")
///     .line("train", 0.., &loss)
///     .log_y()
///     .hline(10_f64.ln(), "ln 10");
/// let svg = Figure::new().panel(panel).svg()?;
/// assert!(svg.contains("cross-entropy [nat]"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Panel {
    pub(super) title: String,
    pub(super) x: AxisSpec,
    pub(super) y: AxisSpec,
    pub(super) layers: Vec<Layer>,
    pub(super) references: Vec<Reference>,
    /// Names of the groups of bars, or of the columns of a heat map.
    pub(super) columns: Vec<String>,
    /// Names of the rows of a heat map.
    pub(super) rows: Vec<String>,
    /// What stands in the cells of a heat map instead of its values.
    pub(super) cells: Vec<Vec<String>>,
    /// Names of the classes of decision regions.
    pub(super) classes: Vec<String>,
    /// One unit is as long on the x axis as on the y axis.
    pub(super) equal: bool,
    /// What was wrong with a call, in order.
    pub(super) problems: Vec<String>,
}

impl From<Diagram> for Panel {
    fn from(diagram: Diagram) -> Self {
        Self::new(diagram.title.clone()).push("", Kind::Diagram(diagram))
    }
}

/// A dashed line at one value of an axis.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    pub value: f64,
    pub label: String,
    pub horizontal: bool,
}

impl Panel {
    /// An empty chart; the title may be empty.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// The label of the x axis, with its unit in brackets: `"time [s]"`.
    pub fn x(mut self, label: impl Into<String>) -> Self {
        self.x.label = label.into();
        self
    }

    /// The label of the y axis, with its unit in brackets.
    pub fn y(mut self, label: impl Into<String>) -> Self {
        self.y.label = label.into();
        self
    }

    /// Makes the x axis logarithmic: all x must be above 0.
    pub fn log_x(mut self) -> Self {
        self.x.log = true;
        self
    }

    /// Makes the y axis logarithmic: all y must be above 0.
    pub fn log_y(mut self) -> Self {
        self.y.log = true;
        self
    }

    /// Limits of the x axis; what lies outside is cut off. Default: the span of the data.
    pub fn x_limits(mut self, low: f64, high: f64) -> Self {
        self.x.limits = Some((low, high));
        self
    }

    /// Limits of the y axis; what lies outside is cut off. Default: the span of the data.
    pub fn y_limits(mut self, low: f64, high: f64) -> Self {
        self.y.limits = Some((low, high));
        self
    }

    /// Makes one unit as long on the x axis as on the y axis, as in a plane where angles and distances count: the chart
    /// becomes narrower or lower, but not below 40 pixels. Both axes must be linear.
    pub fn equal_axes(mut self) -> Self {
        self.equal = true;
        self
    }

    /// A line through (x, y). `0..` numbers the values of `y`.
    pub fn line(
        self,
        name: impl Into<String>,
        x: impl IntoIterator<Item = impl Number>,
        y: impl IntoIterator<Item = impl Number>,
    ) -> Self {
        let y = collect(y);
        self.push(name, Kind::Line { x: collect_along(x, y.len()), y, dashed: false })
    }

    /// A dashed line through (x, y), for what a theory or a baseline predicts.
    pub fn dashed(
        self,
        name: impl Into<String>,
        x: impl IntoIterator<Item = impl Number>,
        y: impl IntoIterator<Item = impl Number>,
    ) -> Self {
        let y = collect(y);
        self.push(name, Kind::Line { x: collect_along(x, y.len()), y, dashed: true })
    }

    /// The graph of a function over a range, as a line through 401 points.
    pub fn curve(self, name: impl Into<String>, range: RangeInclusive<f64>, f: impl FnMut(f64) -> f64) -> Self {
        let (low, high) = (*range.start(), *range.end());
        let x: Vec<f64> = (0..=400).map(|i| between(low, high, f64::from(i) / 400.0)).collect();
        let y = x.iter().copied().map(f).collect();
        self.push(name, Kind::Line { x, y, dashed: false })
    }

    /// A line through (x, mean) in a band of mean ± spread. On a logarithmic axis the band may reach 0 or below; it then
    /// ends at the bottom.
    pub fn band(
        self,
        name: impl Into<String>,
        x: impl IntoIterator<Item = impl Number>,
        mean: impl IntoIterator<Item = impl Number>,
        spread: impl IntoIterator<Item = impl Number>,
    ) -> Self {
        let mean = collect(mean);
        let (x, spread) = (collect_along(x, mean.len()), collect_along(spread, mean.len()));
        self.push(name, Kind::Band { x, mean, spread })
    }

    /// A dot at each (x, y).
    pub fn scatter(
        self,
        name: impl Into<String>,
        x: impl IntoIterator<Item = impl Number>,
        y: impl IntoIterator<Item = impl Number>,
    ) -> Self {
        let y = collect(y);
        self.push(name, Kind::Scatter { x: collect_along(x, y.len()), y })
    }

    /// The names below the bars; [`Panel::bars`] needs them.
    pub fn categories(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.columns = names.into_iter().map(Into::into).collect();
        self
    }

    /// One bar for each category; several calls make groups.
    pub fn bars(self, name: impl Into<String>, values: impl IntoIterator<Item = impl Number>) -> Self {
        self.push(name, Kind::Bars { values: collect(values) })
    }

    /// How many values fall into each of `bins` equal intervals. Several histograms in a panel share the intervals of the
    /// finest.
    pub fn histogram(
        self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = impl Number>,
        bins: usize,
    ) -> Self {
        self.push(name, Kind::Histogram { values: collect(values), bins })
    }

    /// A table of values as colours, first row on top, with the numbers where they fit and a colour bar called `label`. A
    /// value that is not finite leaves a blank cell.
    pub fn heatmap<R>(self, label: impl Into<String>, rows: impl IntoIterator<Item = R>) -> Self
    where
        R: IntoIterator,
        R::Item: Number,
    {
        self.push(label, Kind::Heatmap { rows: rows.into_iter().map(collect).collect() })
    }

    /// Names of the rows of a heat map. Default: their numbers from 0.
    pub fn row_labels(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.rows = names.into_iter().map(Into::into).collect();
        self
    }

    /// Names of the columns of a heat map. Default: their numbers from 0.
    pub fn column_labels(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.categories(names)
    }

    /// What stands in the cells of a heat map, row by row; `"\n"` breaks lines. Where not all lines fit, cells that have several show
    /// the first; where that does not fit either, nothing is shown. Default: the values, where they fit. A value that is not finite
    /// leaves its cell white.
    pub fn cell_labels<R>(mut self, rows: impl IntoIterator<Item = R>) -> Self
    where
        R: IntoIterator,
        R::Item: Into<String>,
    {
        self.cells = rows.into_iter().map(|row| row.into_iter().map(Into::into).collect()).collect();
        self
    }

    /// A function of x and y as colours, given at each of [`Mesh::points`], with a colour bar called `label`.
    pub fn field(self, label: impl Into<String>, mesh: &Mesh, values: impl IntoIterator<Item = impl Number>) -> Self {
        self.push(label, Kind::Field { mesh: mesh.clone(), values: collect(values) })
    }

    /// Decision regions: the class predicted at each of [`Mesh::points`]. Class `i` has a tint of colour `i`, which is also
    /// the colour of the `i`-th scatter of the panel.
    pub fn regions(self, mesh: &Mesh, classes: impl IntoIterator<Item = usize>) -> Self {
        self.push("", Kind::Regions { mesh: mesh.clone(), classes: classes.into_iter().collect() })
    }

    /// Names of the classes of [`Panel::regions`], from class 0, for the legend. Default: regions have no entry there.
    pub fn class_names(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.classes = names.into_iter().map(Into::into).collect();
        self
    }

    /// The curves on which a function, given at each of [`Mesh::points`], has one of the `levels`.
    pub fn contours(
        self,
        mesh: &Mesh,
        values: impl IntoIterator<Item = impl Number>,
        levels: impl IntoIterator<Item = impl Number>,
    ) -> Self {
        self.push("", Kind::Contours { mesh: mesh.clone(), values: collect(values), levels: collect(levels) })
    }

    /// Greyscale images, low values black, each with a caption (or none at all: `[""; 0]`).
    ///
    /// `images` is `[n, height, width]`, `[n, 1, height, width]`, or `[n, side²]` for square ones. Values from 0 to 1, and
    /// bytes, keep their brightness; any others are stretched from the least to the greatest of all.
    pub fn images(self, images: &Tensor, captions: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.stack(ImageStack::grey(images, captions.into_iter().map(Into::into).collect()))
    }

    /// [`Panel::images`] of numbers with a sign, as filters are: orange below 0, white at 0, blue above, and the more so the
    /// further from 0, up to the largest of all images.
    pub fn signed_images(self, images: &Tensor, captions: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.stack(ImageStack::signed(images, captions.into_iter().map(Into::into).collect()))
    }

    fn stack(mut self, stack: Result<ImageStack>) -> Self {
        match stack {
            Ok(stack) => self.push("", Kind::Images(stack)),
            Err(error) => {
                self.problems.push(error.to_string());
                self
            }
        }
    }

    /// A dashed horizontal line.
    pub fn hline(mut self, y: f64, label: impl Into<String>) -> Self {
        self.references.push(Reference { value: y, label: label.into(), horizontal: true });
        self
    }

    /// A dashed vertical line.
    pub fn vline(mut self, x: f64, label: impl Into<String>) -> Self {
        self.references.push(Reference { value: x, label: label.into(), horizontal: false });
        self
    }

    /// Gives the last series a colour of the palette by its index, 0 to 7, as for series that belong together. Default: the
    /// first that the panel does not use yet.
    pub fn color(mut self, index: usize) -> Self {
        match self.layers.last_mut() {
            Some(layer) if index < 8 => layer.color = index,
            Some(_) => self.problems.push(format!("color must be 0 to 7, got {index}")),
            None => self.problems.push("color comes after the series that it colours".into()),
        }
        self
    }

    fn push(mut self, name: impl Into<String>, kind: Kind) -> Self {
        let colored = || self.layers.iter().filter(|layer| layer.kind.has_color());
        let free = (0..8).find(|index| colored().all(|layer| layer.color != *index));
        let color = free.unwrap_or_else(|| colored().count());
        self.layers.push(Layer { name: name.into(), color, kind });
        self
    }
}
