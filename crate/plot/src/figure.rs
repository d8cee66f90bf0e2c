//! Figures: panels in rows, as SVG, as a file, in a notebook, in words.

use std::path::Path;

use candlelight_base::{Error, Result};

use super::check::problems;
use super::layout::Layout;
use super::panel::Panel;
use super::scene::Scene;
use super::style::FIGURE_TITLE;
use super::text::{bold_width, wrap};
use super::words::describe;
use super::{file, svg};

const MARGIN: f64 = 16.0;
const PANEL_GAP: f64 = 30.0;
const ROW_GAP: f64 = 24.0;

/// One or more panels in rows.
///
/// As the last expression of a notebook cell it shows itself. The same data give the same bytes.
///
/// ```
/// use candlelight::plot::{Figure, Panel};
/// # fn main() -> candlelight::Result<()> {
/// let figure = Figure::new()
///     .panel(Panel::new("Activations").curve("tanh", -3.0..=3.0, f64::tanh))
///     .panel(Panel::new("Test error").categories(["SGD", "Adam"]).bars("", [0.12, 0.09]));
/// assert!(figure.svg()?.starts_with("<svg"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Figure {
    title: String,
    panels: Vec<Panel>,
    columns: Option<usize>,
    size: Option<(f64, f64)>,
}

impl Figure {
    /// An empty figure.
    pub fn new() -> Self {
        Self::default()
    }

    /// A title over all panels. Default: none.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Adds a panel or a [`Diagram`](super::Diagram), to the right of the last or in the next row.
    pub fn panel(mut self, panel: impl Into<Panel>) -> Self {
        self.panels.push(panel.into());
        self
    }

    /// How many panels stand in a row, at least 1. Default: up to 3 in one row, 4 in two, more in rows of 3.
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = Some(columns);
        self
    }

    /// The width of each panel with its labels, 240 to 4000, and the height of its chart without, 80 to 4000, in pixels.
    /// Default: 620 × 300 for one panel in a row, 430 × 250 for two, 310 × 210 for more.
    pub fn panel_size(mut self, width: f64, height: f64) -> Self {
        self.size = Some((width, height));
        self
    }

    /// The figure as an SVG document.
    ///
    /// # Errors
    /// [`Error::Figure`] names each panel and series that cannot be drawn, and why.
    pub fn svg(&self) -> Result<String> {
        let label = if self.title.is_empty() {
            self.panels
                .iter()
                .map(|panel| panel.title.as_str())
                .filter(|t| !t.is_empty())
                .collect::<Vec<_>>()
                .join("; ")
        } else {
            self.title.clone()
        };
        Ok(svg::render(&self.scene()?, &label, &self.describe()))
    }

    /// The figure as a PNG file, of two pixels to each of the SVG.
    ///
    /// # Errors
    /// As [`Figure::svg`].
    ///
    /// ```
    /// use candlelight::plot::{Figure, Panel};
    /// # fn main() -> candlelight::Result<()> {
    /// let png = Figure::new().panel(Panel::new("tanh").curve("", -3.0..=3.0, f64::tanh)).png()?;
    /// assert_eq!(&png[1..4], b"PNG");
    /// # Ok(()) }
    /// ```
    pub fn png(&self) -> Result<Vec<u8>> {
        super::bitmap::render(&self.scene()?)
    }

    /// Writes the figure to a file, whole or not at all: `.svg` or `.png`.
    ///
    /// # Errors
    /// As [`Figure::svg`]; another extension; or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes = match file::extension(path).as_str() {
            "svg" => self.svg()?.into_bytes(),
            "png" => self.png()?,
            other => return Err(Error::setting("extension", ".svg or .png", format!("`.{other}`"))),
        };
        file::write(path, &bytes)
    }

    /// The figure in words: for readers who cannot see it, for text-only viewers, and for tests.
    pub fn describe(&self) -> String {
        let count = self.panels.len();
        let title = if self.title.is_empty() { String::new() } else { format!(" \"{}\"", self.title) };
        let mut text = format!("Figure{title} with {count} panel{}", if count == 1 { "" } else { "s" });
        for (i, panel) in self.panels.iter().enumerate() {
            let title = if panel.title.is_empty() { "untitled" } else { &panel.title };
            text.push_str(&format!("\n{}. {title}", i + 1));
            for line in describe(panel) {
                text.push_str(&format!("\n   {line}"));
            }
        }
        text
    }

    /// Shows the figure in a notebook; evcxr calls this for the last expression of a cell. An error goes to stderr.
    #[cfg(feature = "notebook")]
    pub fn evcxr_display(&self) {
        match self.svg() {
            Ok(svg) => {
                evcxr_runtime::mime_type("text/plain").text(self.describe());
                evcxr_runtime::mime_type("image/svg+xml").text(svg);
            }
            Err(error) => eprintln!("{error}"),
        }
    }

    fn scene(&self) -> Result<Scene> {
        self.check()?;
        let count = self.panels.len();
        let default = if count == 4 { 2 } else { count.min(3) };
        let columns = self.columns.unwrap_or(default).min(count);
        let (width, height) = self.size.unwrap_or(match columns {
            1 => (620.0, 300.0),
            2 => (430.0, 250.0),
            _ => (310.0, 210.0),
        });
        let mut scene =
            Scene { width: 2.0 * MARGIN + columns as f64 * (width + PANEL_GAP) - PANEL_GAP, ..Scene::default() };
        let mut top = MARGIN + self.draw_title(&mut scene);
        for row in self.panels.chunks(columns) {
            let layouts = row.iter().map(|panel| Layout::new(panel, width, height)).collect::<Result<Vec<Layout>>>()?;
            let most = |part: fn(&Layout) -> f64| layouts.iter().map(part).fold(0.0, f64::max);
            // Charts side by side begin at one height, whatever stands above them.
            let drop = most(|layout| layout.top);
            let tall = drop + most(|layout| layout.height + layout.bottom);
            for (i, layout) in layouts.into_iter().enumerate() {
                layout.draw(&mut scene, MARGIN + i as f64 * (width + PANEL_GAP), top, drop);
            }
            top += tall + ROW_GAP;
        }
        scene.height = top - ROW_GAP + MARGIN - 4.0;
        Ok(scene)
    }

    /// Draws the title and returns the room it takes.
    fn draw_title(&self, scene: &mut Scene) -> f64 {
        let lines = wrap(&self.title, scene.width - 2.0 * MARGIN, |t| bold_width(t, FIGURE_TITLE));
        for (i, line) in lines.iter().enumerate() {
            scene.title((MARGIN, MARGIN + 14.0 + i as f64 * 21.0), line, FIGURE_TITLE);
        }
        if lines.is_empty() { 0.0 } else { lines.len() as f64 * 21.0 + 8.0 }
    }

    fn check(&self) -> Result<()> {
        if self.panels.is_empty() {
            return Err(Error::Figure("has no panels".into()));
        }
        if self.columns == Some(0) {
            return Err(Error::setting("columns", "at least 1", 0));
        }
        if let Some((width, height)) = self.size
            && !((240.0..=4000.0).contains(&width) && (80.0..=4000.0).contains(&height))
        {
            return Err(Error::setting(
                "panel size",
                "240 to 4000 by 80 to 4000 pixels",
                format!("{width} by {height}"),
            ));
        }
        let mut found = Vec::new();
        for (i, panel) in self.panels.iter().enumerate() {
            let place = if panel.title.is_empty() { String::new() } else { format!(" \"{}\"", panel.title) };
            found.extend(problems(panel).into_iter().map(|problem| format!("panel {}{place}: {problem}", i + 1)));
        }
        if found.is_empty() { Ok(()) } else { Err(Error::Figure(found.join("; "))) }
    }
}
