//! What the compiler says of a cell.

/// An error of the compiler.
#[derive(Debug, Clone, Default)]
pub struct CompilerError {
    /// `error`, or `warning`.
    pub level: String,
    /// Its code, such as `E0308`.
    pub code: Option<String>,
    /// What is wrong.
    pub message: String,
    /// Whether it is about the cell, and not about what was written around it.
    pub of_cell: bool,
    /// What it says of single places.
    pub notes: Vec<Note>,
    /// What the compiler advises.
    pub help: Vec<String>,
    /// What evcxr adds.
    pub hint: Option<String>,
}

/// What the compiler says of a place.
#[derive(Debug, Clone, Default)]
pub struct Note {
    /// The place, if it is in the cell.
    pub span: Option<Span>,
    /// What it says; nothing, where it only points.
    pub label: String,
}

/// A part of a cell; lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// The first line.
    pub start_line: usize,
    /// The first column there.
    pub start_column: usize,
    /// The last line.
    pub end_line: usize,
    /// The column after the last.
    pub end_column: usize,
}
