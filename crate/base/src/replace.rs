//! Replacing a file so that a reader finds the old one or the new one, never a part, even after a power cut.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

/// Length of the random part of a temporary's name.
const RANDOM: usize = 6;
const SUFFIX: &str = ".tmp";
/// Bytes in the name of a file, at most: that of ext4, XFS, Btrfs, APFS and others.
const LONGEST_NAME: usize = 255;

/// Writes a new file in the place of `path`; a link is followed.
///
/// # Errors
/// What `write` and the operating system report, or if `path` is there and no regular file. The old file is then as it was, and
/// nothing else is left.
pub fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let path = match fs::canonicalize(path) {
        Ok(target) => target, // a rename would replace a symbolic link, not what it points to
        // Of a link to nothing, too, a rename would replace the link.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => path.to_owned(),
        Err(error) => return Err(error),
    };
    let refuse = |problem| Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
    let Some(name) = path.file_name() else { return refuse("not the path of a file") };
    let old = fs::metadata(&path).ok();
    if old.as_ref().is_some_and(|old| !old.is_file()) {
        return refuse("not a regular file, which alone can be replaced");
    }
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let prefix = prefix(name);
    remove_leftovers(folder, &prefix);

    let file = temporary(folder, &prefix)?;
    let mut buffer = BufWriter::with_capacity(1 << 20, file.as_file());
    write(&mut buffer)?;
    buffer.flush()?;
    drop(buffer);
    if let Some(old) = old {
        file.as_file().set_permissions(old.permissions())?;
    }
    // First the contents, then the name: a disk may otherwise hold the new name and nothing under it.
    file.as_file().sync_all()?;
    let file = file.persist(&path).map_err(|refused| refused.error)?;
    drop(file);
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// What the names of the temporaries of a file begin with: its name, cut where theirs would be longer than a name may be.
fn prefix(name: &OsStr) -> OsString {
    let room = LONGEST_NAME - "..".len() - RANDOM - SUFFIX.len();
    let mut prefix = OsString::from(".");
    if name.len() <= room {
        prefix.push(name);
    } else {
        let name = name.to_string_lossy();
        prefix.push(&name[..name.floor_char_boundary(room)]);
    }
    prefix.push(".");
    prefix
}

/// A new file that is removed when dropped, and locked as long as its writer lives.
fn temporary(folder: &Path, prefix: &OsString) -> io::Result<NamedTempFile> {
    loop {
        let mut builder = Builder::new();
        builder.prefix(prefix).suffix(SUFFIX).rand_bytes(RANDOM);
        // What `File::create` asks for, where the default is for the owner only; the umask applies.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder)?;
        match file.as_file().try_lock() {
            Ok(()) if is_linked(file.as_file()) => return Ok(file),
            // Another save took it for a leftover before it was locked.
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            // A file system without locks: leftovers then stay, for theirs cannot be had either.
            Err(TryLockError::Error(_)) => return Ok(file),
        }
    }
}

fn is_linked(file: &File) -> bool {
    #[cfg(unix)]
    return file.metadata().is_ok_and(|found| std::os::unix::fs::MetadataExt::nlink(&found) > 0);
    #[cfg(not(unix))]
    return true;
}

/// Removes the temporaries of processes that were killed: those nobody holds the lock of. That it fails is no harm.
fn remove_leftovers(folder: &Path, prefix: &OsString) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let bytes = name.as_encoded_bytes();
        let ours = bytes.len() == prefix.len() + RANDOM + SUFFIX.len()
            && bytes.starts_with(prefix.as_encoded_bytes())
            && bytes.ends_with(SUFFIX.as_bytes());
        if ours
            && let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}
