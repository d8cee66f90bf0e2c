//! Marks in folders that set-up fills, by which it finds again what is done.

use std::fs;
use std::path::Path;

use crate::error::{About, Result};

/// Writes a file, unless it says the same already.
pub fn write_if_new(file: &Path, content: &str) -> Result<()> {
    if fs::read_to_string(file).is_ok_and(|old| old == content) {
        return Ok(());
    }
    fs::write(file, content).about(file.display())
}

/// Whether [`mark_done`] was called with the same text.
pub fn is_done(folder: &Path, wanted: &str) -> bool {
    fs::read_to_string(folder.join("set-up.done")).is_ok_and(|done| done == wanted)
}

/// Written last, so that a folder without it, or with another text, is known to be unfinished.
pub fn mark_done(folder: &Path, wanted: &str) -> Result<()> {
    write_if_new(&folder.join("set-up.done"), wanted)
}
