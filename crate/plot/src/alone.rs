//! A diagram alone: a figure of one panel.

use std::path::Path;

use candlelight_base::Result;

use super::diagram::Diagram;
use super::figure::Figure;

impl Diagram {
    /// The diagram as an SVG document.
    ///
    /// # Errors
    /// [`Error::Figure`](candlelight_base::Error::Figure) names what cannot be drawn, and why.
    pub fn svg(&self) -> Result<String> {
        self.figure().svg()
    }

    /// The diagram as a PNG file, of two pixels to each of the SVG.
    ///
    /// # Errors
    /// As [`Diagram::svg`].
    pub fn png(&self) -> Result<Vec<u8>> {
        self.figure().png()
    }

    /// Writes the diagram to a file, whole or not at all: `.svg` or `.png`.
    ///
    /// # Errors
    /// As [`Diagram::svg`]; another extension; or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.figure().save(path)
    }

    /// The diagram in words.
    pub fn describe(&self) -> String {
        self.figure().describe()
    }

    /// Shows the diagram in a notebook; evcxr calls this for the last expression of a cell. An error goes to stderr.
    #[cfg(feature = "notebook")]
    pub fn evcxr_display(&self) {
        self.figure().evcxr_display();
    }

    fn figure(&self) -> Figure {
        Figure::new().panel(self.clone())
    }
}
