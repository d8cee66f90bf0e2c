//! What [`Mirror::fetch`] does: an answer of a server becomes a file, whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::data::DataError;
use crate::data::download::{Mirror, RemoteFile};

impl Mirror {
    /// Fetches a file into `folder`, which is made if need be, unless it is there; the path of the file.
    ///
    /// What arrives goes to a file of its own name in `folder`, at most one byte past the known length. Its length and
    /// SHA-256 are checked, it is written through to the disk, and only then renamed. After a failure nothing is left;
    /// after a crash, what is left is removed by a fetch of the same file a day later. Processes and threads that fetch
    /// the same file at once do not disturb each other. Proxies in the environment (`http_proxy`, `no_proxy`) are used,
    /// but not for this machine itself.
    ///
    /// # Errors
    /// [`DataError::HttpStatus`], [`DataError::Transport`], [`DataError::Size`], [`DataError::Checksum`] or
    /// [`DataError::Io`].
    pub fn fetch(&self, file: &RemoteFile, folder: &Path) -> Result<PathBuf, DataError> {
        let target = folder.join(file.name);
        match fs::metadata(&target) {
            Ok(found) if found.is_file() => return Ok(target),
            Ok(_) => {
                let refused =
                    io::Error::new(io::ErrorKind::InvalidInput, "not a regular file, which alone can be replaced");
                return Err(in_file(&target)(refused));
            }
            Err(_) => {}
        }
        fs::create_dir_all(folder).map_err(in_file(folder))?;
        remove_abandoned(file.name, folder);
        let mut partial = Partial::create(file.name, folder)?;
        self.receive(file, &mut partial)?;
        partial.keep_as(&target)?;
        Ok(target)
    }

    fn receive(&self, file: &RemoteFile, partial: &mut Partial) -> Result<(), DataError> {
        let url = format!("{}/{}", self.url.trim_end_matches('/'), file.name);
        let mut answer = self.agent().get(&url).call().map_err(|error| transport(&url, error))?;
        if answer.status() != 200 {
            return Err(DataError::HttpStatus { status: answer.status().as_u16(), url });
        }
        let announced = answer.body().content_length().unwrap_or(file.bytes);
        if announced != file.bytes {
            return Err(DataError::Size { url, expected: file.bytes, actual: announced });
        }

        let mut body = answer.body_mut().as_reader().take(file.bytes + 1);
        let (mut hash, mut received, mut chunk) = (Sha256::new(), 0, vec![0; 1 << 16]);
        loop {
            let got = match body.read(&mut chunk) {
                Ok(0) => break,
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // The connection closed before the announced end.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(transport(&url, error.into())),
            };
            received += got as u64;
            hash.update(&chunk[..got]);
            partial.file.write_all(&chunk[..got]).map_err(in_file(&partial.path))?;
        }
        if received != file.bytes {
            return Err(DataError::Size { url, expected: file.bytes, actual: received });
        }
        let actual: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if actual != file.sha256 {
            return Err(DataError::Checksum { url, expected: file.sha256.into(), actual });
        }
        Ok(())
    }

    fn agent(&self) -> ureq::Agent {
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(self.timeout))
            .timeout_connect(Some(self.timeout.min(Duration::from_secs(30))))
            .timeout_per_read(Some(self.timeout.min(Duration::from_secs(30))));
        let host = self.url.trim_start_matches("http://");
        if host.starts_with("127.0.0.1") || host.starts_with("localhost") {
            config = config.proxy(None);
        }
        config.build().into()
    }
}

/// A file being written; it is removed unless it is kept.
struct Partial {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl Partial {
    /// Its name is that of the file, the process and a count, so that no other fetch has the same.
    fn create(name: &str, folder: &Path) -> Result<Self, DataError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{}{}-{count}", partial_prefix(name), std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Self { path, file, kept: false }),
                // Left by a process that had this number before.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(in_file(&path)(error)),
            }
        }
    }

    fn keep_as(mut self, target: &Path) -> Result<(), DataError> {
        self.file.sync_all().map_err(in_file(&self.path))?;
        fs::rename(&self.path, target).map_err(in_file(target))?;
        self.kept = true;
        // The rename itself is on the disk once the folder is; not every system lets one open a folder.
        if let Some(folder) = target.parent().and_then(|folder| File::open(folder).ok()) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Of a name cut to leave room for the rest: many systems allow 255 bytes.
fn partial_prefix(name: &str) -> String {
    format!(".{}.partial-", &name[..name.floor_char_boundary(200)])
}

/// Removes what a process left that was killed while it fetched `name`. What is younger than a day may be in use.
fn remove_abandoned(name: &str, folder: &Path) {
    let old = |entry: &fs::DirEntry| {
        let modified = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        modified.and_then(|time| time.elapsed().ok()).is_some_and(|age| age > Duration::from_secs(86_400))
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&partial_prefix(name)) && old(&entry) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn in_file(path: &Path) -> impl FnOnce(io::Error) -> DataError {
    let file = path.to_path_buf();
    move |source| DataError::Io { file, source }
}

fn transport(url: &str, error: ureq::Error) -> DataError {
    DataError::Transport { url: url.into(), reason: error.to_string() }
}
