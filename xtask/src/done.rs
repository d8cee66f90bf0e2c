//! Marks in folders that set-up fills, by which it finds again what is done.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{About, Result};

/// The file that is the mark.
const MARK: &str = "set-up.done";

/// Writes a file, unless it says the same already.
pub fn write_if_new(file: &Path, content: &str) -> Result<()> {
    if fs::read_to_string(file).is_ok_and(|old| old == content) {
        return Ok(());
    }
    fs::write(file, content).about(file.display())
}

/// Whether [`mark_done`] was called with the same text, and the folder stands where it did then: what set-up makes holds
/// paths of itself.
pub fn is_done(folder: &Path, wanted: &str) -> bool {
    place_of(folder, wanted).is_some_and(|place| place == folder)
}

/// Where the folder was when [`mark_done`] was called with the same text.
pub fn place_of(folder: &Path, wanted: &str) -> Option<PathBuf> {
    let done = fs::read_to_string(folder.join(MARK)).ok()?;
    let (place, text) = done.split_once('\n')?;
    (text == wanted).then(|| PathBuf::from(place))
}

/// Written last, so that a folder without it, or with another text, is known to be unfinished.
pub fn mark_done(folder: &Path, wanted: &str) -> Result<()> {
    write_if_new(&folder.join(MARK), &format!("{}\n{wanted}", folder.display()))
}
