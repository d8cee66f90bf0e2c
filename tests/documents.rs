//! The files of the repository, for tests of what it says of itself.

use std::path::{Path, PathBuf};

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of a file of the repository.
pub fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The anchor that JupyterLab makes of a heading: its text without tags and marks, with dashes for spaces.
pub fn anchor(heading: &str) -> String {
    let mut text = String::new();
    for part in heading.trim_start_matches('#').trim().split('<') {
        text += part.split_once('>').map_or(part, |(_, after)| after);
    }
    text.replace(['*', '`'], "").replace(' ', "-")
}
