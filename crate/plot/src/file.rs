//! Files that appear whole or not at all.

use std::path::Path;

use candlelight_base::{Error, Result, replace};

/// Writes a file in the place of `path`, so that no reader sees a part of it.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, |file| file.write_all(bytes)).map_err(|source| Error::Io { path: path.to_path_buf(), source })
}

/// The extension of a path in lower case; empty if it has none.
pub(super) fn extension(path: &Path) -> String {
    path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default()
}
