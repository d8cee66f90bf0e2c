//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use candlelight_error::{Error, Result};

/// Writes a file beside its place and renames it there, so that no reader sees a part of it.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let fail = |source| Error::Io { path: path.to_path_buf(), source };
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().ok_or_else(|| fail(std::io::ErrorKind::InvalidInput.into()))?);
    name.push(format!(".{}.tmp", std::process::id()));
    let draft = path.with_file_name(name);
    let written = File::create(&draft).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&draft, path)).map_err(|source| {
        // What went wrong first is what the caller needs to hear.
        let _ = fs::remove_file(&draft);
        fail(source)
    })
}

/// The extension of a path in lower case; empty if it has none.
pub(super) fn extension(path: &Path) -> String {
    path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default()
}
