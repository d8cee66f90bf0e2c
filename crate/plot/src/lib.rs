//! Figures and tables for notebooks and files.
//!
//! A [`Figure`] is a row of [`Panel`]s. A panel takes lines, dashed lines, bands, scatters, histograms, colour fields,
//! decision regions and contours on numeric axes; or bars; or a heat map; or images. A [`Diagram`] takes nodes, boxes
//! and arrows, and can be a panel too. A [`Table`] takes rows of numbers and words. All show themselves when they are
//! the last expression of a notebook cell.
//!
//! ```
//! use candlelight::plot::{Figure, Panel};
//! # fn main() -> candlelight::Result<()> {
//! let (steps, train, test) = ([0, 100, 200, 300], [2.31, 0.62, 0.41, 0.30], [2.30, 0.66, 0.48, 0.44]);
//! let figure = Figure::new().panel(
//!     Panel::new("Loss over training")
//!         .x("step")
//!         .y("cross-entropy [nat]")
//!         .line("train", &steps, &train)
//!         .line("test", &steps, &test)
//!         .log_y()
//!         .hline(10_f64.ln(), "ln 10"),
//! );
//! assert!(figure.describe().contains("line \"test\": 4 points, x 0 to 300, y 0.44 to 2.3"));
//! # let folder = std::env::temp_dir().join(format!("candlelight-plot-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder).unwrap();
//! # let path = folder.join("loss.svg");
//! figure.save(&path)?;
//! # std::fs::remove_dir_all(&folder).unwrap();
//! # Ok(()) }
//! ```
//!
//! A figure becomes shapes in pixels, and those become an SVG document or, on [plotters]' bitmap backend, a PNG file.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod alone;
mod axis;
mod bitmap;
mod check;
mod colorbar;
mod diagram;
mod drawing;
mod figure;
mod file;
mod frame;
mod geometry;
mod glyphs;
mod head;
mod heatmap;
mod images;
mod labels;
mod layer;
mod layout;
mod limits;
mod mesh;
mod number;
mod outline;
mod panel;
mod png;
mod reference;
mod scene;
mod series;
mod style;
mod svg;
mod table;
mod text;
mod thumbnails;
mod words;

pub use diagram::Diagram;
pub use figure::Figure;
pub use mesh::Mesh;
pub use number::Number;
pub use panel::Panel;
pub use table::{Cell, Row, Table};
