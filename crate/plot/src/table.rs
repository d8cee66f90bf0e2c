//! Tables of numbers and words, as HTML and as text.

use std::path::Path;

use candlelight_base::{Error, Result};

use super::file;
use super::text::{common_decimals, escape, number};

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words, or a number that the caller has formatted.
    Text(String),
    /// A number, which the table formats together with its column.
    Number(f64),
}

macro_rules! cell {
    ($($type:ty => $make:expr),* $(,)?) => {$(
        impl From<$type> for Cell {
            fn from(value: $type) -> Self {
                $make(value)
            }
        }
    )*};
}

cell! {
    &str => |v: &str| Cell::Text(v.to_owned()),
    String => Cell::Text,
    &String => |v: &String| Cell::Text(v.clone()),
    bool => |v| Cell::Text(if v { "yes" } else { "no" }.to_owned()),
    f64 => Cell::Number,
    &f64 => |v: &f64| Cell::Number(*v),
    // The decimal that a reader would write for the single-precision number: 0.1, not 0.10000000149.
    f32 => |v: f32| Cell::Number(v.to_string().parse().unwrap_or(f64::from(v))),
    i32 => |v| Cell::Number(f64::from(v)),
    u8 => |v| Cell::Number(f64::from(v)),
    u32 => |v| Cell::Number(f64::from(v)),
    // Counts too large for a double keep their digits as text.
    i64 => |v: i64| Cell::Text(v.to_string()),
    u64 => |v: u64| Cell::Text(v.to_string()),
    usize => |v: usize| Cell::Text(v.to_string()),
}

/// What can be a row of a [`Table`]: a tuple of up to eight cells of different types, an array or a vector of one.
pub trait Row {
    /// The cells, from left to right.
    fn cells(self) -> Vec<Cell>;
}

impl<T: Into<Cell>, const N: usize> Row for [T; N] {
    fn cells(self) -> Vec<Cell> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<T: Into<Cell>> Row for Vec<T> {
    fn cells(self) -> Vec<Cell> {
        self.into_iter().map(Into::into).collect()
    }
}

macro_rules! tuple_row {
    ($($name:ident)+) => {
        impl<$($name: Into<Cell>),+> Row for ($($name,)+) {
            #[allow(non_snake_case)]
            fn cells(self) -> Vec<Cell> {
                let ($($name,)+) = self;
                vec![$($name.into()),+]
            }
        }
    };
}

tuple_row!(A);
tuple_row!(A B);
tuple_row!(A B C);
tuple_row!(A B C D);
tuple_row!(A B C D E);
tuple_row!(A B C D E F);
tuple_row!(A B C D E F G);
tuple_row!(A B C D E F G H);

/// A small table, for a notebook or a file.
///
/// Numbers stand right-aligned. Those of a column share their number of decimals, four significant digits for the largest,
/// unless they span more than three orders of magnitude: then each has four significant digits.
///
/// ```
/// use candlelight::plot::Table;
/// # fn main() -> candlelight::Result<()> {
/// let table = Table::new(["λ", "train", "test"]).row((0.0, 0.991, 0.88)).row((0.01, 0.95, 0.912));
/// assert_eq!(
///     table.text()?,
///     "   λ  train   test\n\
///      ────  ─────  ─────\n   \
///         0  0.991  0.880\n\
///      0.01  0.950  0.912\n"
/// );
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Table {
    title: String,
    headers: Vec<String>,
    rows: Vec<Vec<Cell>>,
    decimals: Option<usize>,
}

impl Table {
    /// A table with these column headers and no rows.
    pub fn new(headers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { headers: headers.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// A line above the table. Default: none.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Adds a row, with as many cells as there are headers.
    pub fn row(mut self, cells: impl Row) -> Self {
        self.rows.push(cells.cells());
        self
    }

    /// Gives every number this many decimals, 0 to 15. Default: as the column needs.
    pub fn decimals(mut self, decimals: usize) -> Self {
        self.decimals = Some(decimals);
        self
    }

    /// The table as HTML.
    ///
    /// # Errors
    /// [`Error::Figure`] if there are no headers or a row has another number of cells; [`Error::Setting`] for the decimals.
    pub fn html(&self) -> Result<String> {
        let columns = self.columns()?;
        // Only the alignment and thin half-transparent rules: text and paper are those of the page, light or dark.
        let cell = |tag: &str, column: &Column, text: &str, rule: &str| {
            let align = if column.right { "right" } else { "left" };
            format!("<{tag} style=\"text-align:{align};padding:.25em .8em{rule}\">{}</{tag}>", escape(text))
        };
        let header_rule = ";border-bottom:1px solid rgba(128,128,128,.7)";
        let style = "color:inherit;border-collapse:collapse;font-variant-numeric:tabular-nums";
        let mut html = format!("<table style=\"{style}\">\n");
        if !self.title.is_empty() {
            let title = escape(&self.title);
            html.push_str(&format!("<caption style=\"text-align:left;font-weight:600\">{title}</caption>\n"));
        }
        let header: String = columns.iter().map(|column| cell("th", column, &column.header, header_rule)).collect();
        html.push_str(&format!("<thead><tr>{header}</tr></thead>\n<tbody>\n"));
        for row in 0..self.rows.len() {
            let cells: String = columns.iter().map(|column| cell("td", column, &column.cells[row], "")).collect();
            html.push_str(&format!("<tr>{cells}</tr>\n"));
        }
        html.push_str("</tbody>\n</table>\n");
        Ok(html)
    }

    /// The table as aligned lines of text.
    ///
    /// # Errors
    /// As [`Table::html`].
    pub fn text(&self) -> Result<String> {
        let columns = self.columns()?;
        let line = |pick: &dyn Fn(&Column) -> String| {
            let cells: Vec<String> = columns.iter().map(|column| column.pad(&pick(column))).collect();
            format!("{}\n", cells.join("  ").trim_end())
        };
        let mut text = if self.title.is_empty() { String::new() } else { format!("{}\n\n", self.title) };
        text.push_str(&line(&|column| column.header.clone()));
        text.push_str(&line(&|column| "─".repeat(column.width)));
        for row in 0..self.rows.len() {
            text.push_str(&line(&|column| column.cells[row].clone()));
        }
        Ok(text)
    }

    /// Writes the table to a file, whole or not at all: `.html` or `.txt`.
    ///
    /// # Errors
    /// As [`Table::html`]; another extension; or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let text = match file::extension(path).as_str() {
            "html" => self.html()?,
            "txt" => self.text()?,
            other => return Err(Error::setting("extension", ".html or .txt", format!("`.{other}`"))),
        };
        file::write(path, text.as_bytes())
    }

    /// Shows the table in a notebook; evcxr calls this for the last expression of a cell. An error goes to stderr.
    #[cfg(feature = "notebook")]
    pub fn evcxr_display(&self) {
        match self.text().and_then(|text| Ok((text, self.html()?))) {
            Ok((text, html)) => {
                evcxr_runtime::mime_type("text/plain").text(text);
                evcxr_runtime::mime_type("text/html").text(html);
            }
            Err(error) => eprintln!("{error}"),
        }
    }

    fn columns(&self) -> Result<Vec<Column>> {
        let count = self.headers.len();
        if count == 0 {
            return Err(Error::Figure("a table needs headers".into()));
        }
        if let Some(i) = self.rows.iter().position(|row| row.len() != count) {
            let problem = format!("row {i} of a table has {} cells for {count} headers", self.rows[i].len());
            return Err(Error::Figure(problem));
        }
        if let Some(decimals) = self.decimals.filter(|decimals| *decimals > 15) {
            return Err(Error::setting("decimals", "0 to 15", decimals));
        }
        let cells = |index: usize| self.rows.iter().map(|row| &row[index]).collect::<Vec<_>>();
        Ok(self.headers.iter().enumerate().map(|(i, h)| Column::new(h, &cells(i), self.decimals)).collect())
    }
}

/// A column with its cells as text.
struct Column {
    header: String,
    cells: Vec<String>,
    right: bool,
    width: usize,
}

impl Column {
    fn new(header: &str, cells: &[&Cell], decimals: Option<usize>) -> Self {
        let numbers: Vec<f64> =
            cells.iter().filter_map(|c| if let Cell::Number(v) = c { Some(*v) } else { None }).collect();
        let fixed = decimals.or_else(|| common_decimals(&numbers, 4));
        let text = |cell: &&Cell| match cell {
            Cell::Text(text) => text.clone(),
            Cell::Number(v) if !v.is_finite() || v.abs() >= 1e15 => number(*v, 4),
            Cell::Number(v) if *v == 0.0 && decimals.is_none() => "0".into(),
            Cell::Number(v) => fixed.map_or_else(|| number(*v, 4), |decimals| format!("{v:.decimals$}")),
        };
        let cells: Vec<String> = cells.iter().map(text).collect();
        let right = !cells.is_empty() && cells.iter().all(|text| looks_numeric(text));
        let width = cells.iter().map(|c| c.chars().count()).chain([header.chars().count()]).max().unwrap_or(0);
        Self { header: header.to_owned(), cells, right, width }
    }

    fn pad(&self, text: &str) -> String {
        if self.right {
            format!("{text:>width$}", width = self.width)
        } else {
            format!("{text:<width$}", width = self.width)
        }
    }
}

fn looks_numeric(text: &str) -> bool {
    text.is_empty() || text.trim_end_matches(['%', '×', ' ']).parse::<f64>().is_ok()
}
