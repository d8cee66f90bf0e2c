//! The pages, by Sphinx, and the PDF, by Chromium: all of them anew where anything has changed, since each page shows the titles of the
//! others.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use super::{Tools, folder, pages, sources};
use crate::done::{is_done, mark_done};
use crate::error::{About, Result};
use crate::{paths, process};

/// Builds them, unless they are those of the present notebooks, documents and settings.
pub fn build(tools: &Tools) -> Result<()> {
    let (source, html) = (folder().join("source"), pages());
    process::output(tools.script("stage.py").arg(paths::root()).arg(&source))?;
    let wanted = digest(&[&source, &sources()])?;
    if is_done(&html, &wanted) {
        return Ok(());
    }
    for old in [&html, &folder().join("doctrees")] {
        if old.exists() {
            fs::remove_dir_all(old).about(old.display())?;
        }
    }
    println!("site: pages");
    let mut sphinx = tools.python();
    // A warning fails the build.
    sphinx.args(["-m", "sphinx", "-b", "html", "-j", "auto", "-q", "-W", "--keep-going"]);
    sphinx.arg("-c").arg(sources()).arg("-d").arg(folder().join("doctrees")).arg(&source).arg(&html);
    process::run_logged(&mut sphinx, &folder().join("log/sphinx.log"))?;
    println!("site: PDF");
    let mut print = tools.script("print.py");
    print.arg(&html).arg(html.join("candlelight.pdf"));
    process::run_logged(&mut print, &folder().join("log/pdf.log"))?;
    mark_done(&html, &wanted)
}

/// A number that changes with the files in these folders.
fn digest(folders: &[&Path]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for folder in folders {
        let mut files = Vec::new();
        list(folder, &mut files)?;
        files.sort();
        for file in files {
            file.strip_prefix(folder).unwrap_or(&file).hash(&mut hasher);
            fs::read(&file).about(file.display())?.hash(&mut hasher);
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).about(folder.display())? {
        let path = entry.about(folder.display())?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::digest;

    #[test]
    fn a_changed_a_new_and_a_renamed_file_change_the_digest() {
        let folder = std::env::temp_dir().join(format!("candlelight-digest-{}", std::process::id()));
        fs::create_dir_all(folder.join("within")).unwrap();
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        write("within/a", "1");
        let mut seen = vec![digest(&[&folder]).unwrap()];
        assert_eq!(digest(&[&folder]).unwrap(), seen[0], "the same files");
        write("within/a", "2");
        seen.push(digest(&[&folder]).unwrap());
        write("b", "");
        seen.push(digest(&[&folder]).unwrap());
        fs::rename(folder.join("b"), folder.join("c")).unwrap();
        seen.push(digest(&[&folder]).unwrap());
        fs::remove_dir_all(&folder).unwrap();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 4);
    }
}
