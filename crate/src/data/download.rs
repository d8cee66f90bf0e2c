//! Fetching a file of known length and checksum into a folder, whole or not at all: `Mirror::fetch`, with the feature `download`.

use std::time::Duration;

/// A file as it is published: its name, length and checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteFile {
    /// The last part of its address, and its name on disk.
    pub name: &'static str,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: &'static str,
}

/// A server that holds files, and how long to wait for it.
///
/// Plain HTTP will do: a file is accepted by its checksum, whoever sent it.
#[derive(Debug, Clone)]
pub struct Mirror {
    /// The address that file names are appended to, with or without a slash at its end.
    pub url: String,
    /// The time that one file may take, from the look-up of the host to the last byte (10 minutes for
    /// [`Mirror::new`]). A server that is silent for 30 seconds is given up before.
    pub timeout: Duration,
}

impl Mirror {
    /// The server at `url`, with a timeout of 10 minutes a file.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), timeout: Duration::from_secs(600) }
    }
}
