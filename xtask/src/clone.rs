//! Copies of build directories that cost almost nothing.

use std::fs;
use std::path::Path;

use crate::error::{About, Result};

/// Copies the tree `from` to `to`, leaving out what `keep` refuses (it sees the path within the tree).
///
/// Large files are hard links: the compiler and the linker replace those by new files. Small ones are real copies, because
/// cargo writes its fingerprints in place, and a change there must not reach the original.
pub fn clone_tree(from: &Path, to: &Path, keep: &dyn Fn(&Path) -> bool) -> Result<()> {
    clone_below(from, to, Path::new(""), keep)
}

fn clone_below(from: &Path, to: &Path, within: &Path, keep: &dyn Fn(&Path) -> bool) -> Result<()> {
    fs::create_dir_all(to).about(to.display())?;
    for entry in fs::read_dir(from).about(from.display())? {
        let entry = entry.about(from.display())?;
        let within = within.join(entry.file_name());
        if !keep(&within) {
            continue;
        }
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.metadata().about(source.display())?;
        if kind.is_dir() {
            clone_below(&source, &target, &within, keep)?;
        } else if kind.is_file() && !target.exists() {
            let linked = !written_in_place(&within, kind.len()) && fs::hard_link(&source, &target).is_ok();
            if !linked {
                copy(&source, &target)?;
            }
        }
    }
    Ok(())
}

/// Cargo compares times: a copy must not look newer than what was made from it.
fn copy(source: &Path, target: &Path) -> Result<()> {
    fs::copy(source, target).about(target.display())?;
    let modified = fs::metadata(source).and_then(|kind| kind.modified()).about(source.display())?;
    fs::File::options().append(true).open(target).and_then(|file| file.set_modified(modified)).about(target.display())
}

fn written_in_place(path: &Path, bytes: u64) -> bool {
    bytes < 16 * 1024
        || path.extension().is_some_and(|extension| extension == "d" || extension == "lock" || extension == "toml")
        || path.components().any(|part| part.as_os_str() == ".fingerprint")
}
