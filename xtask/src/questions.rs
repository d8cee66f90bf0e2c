//! What cargo answered when the analyzer of a kernel asked, kept for the next kernel.
//!
//! At its start the analyzer calls cargo eight times, for half a second: where the workspace is, what it and the standard
//! library consist of, settings, version, target. While manifests and toolchain stay the same, so do the answers.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::paths;

/// Stands for the folder of the kernel in questions and answers.
const FOLDER: &str = "{folder of the kernel}";

/// A question of the analyzer to cargo.
pub struct Question {
    /// The folder of the kernel.
    folder: String,
    /// Where the answer is kept.
    file: PathBuf,
}

impl Question {
    /// The question `words` that the analyzer of the kernel in `session` asks `cargo` from folder `here`; `None` if cargo
    /// is not asked but told to work, or if an answer could not be taken over by another kernel.
    pub fn new(lab: &Path, session: &Path, cargo: &Path, here: &Path, words: &[String]) -> Option<Self> {
        let asks =
            |word: &String| ["metadata", "locate-project", "config", "--version", "--print"].contains(&word.as_str());
        let folder = session.to_str().filter(|folder| !folder.contains(['"', '\\']))?.to_owned();
        if !words.iter().any(asks) {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        for word in words.iter().map(String::as_str).chain([here.to_str()?]) {
            word.replace(&folder, FOLDER).hash(&mut hasher);
        }
        let root = paths::root();
        let crates =
            ["", "crate", "crate/base", "crate/kernels", "crate/plot"].map(|place| root.join(place).join("Cargo.toml"));
        for file in [session.join("Cargo.toml"), session.join("Cargo.lock")].iter().chain(&crates) {
            fs::read(file).ok()?.hash(&mut hasher);
        }
        (cargo, fs::metadata(cargo).ok()?.modified().ok()?).hash(&mut hasher);
        Some(Self { folder, file: kept(lab).join(format!("{:016x}", hasher.finish())) })
    }

    /// What cargo answered another kernel.
    pub fn known(&self) -> Option<String> {
        Some(fs::read_to_string(&self.file).ok()?.replace(FOLDER, &self.folder))
    }

    /// Keeps an answer; where that fails, the next kernel asks again.
    pub fn keep(&self, answer: &[u8]) {
        let Ok(text) = std::str::from_utf8(answer) else { return };
        let new = self.file.with_extension(std::process::id().to_string());
        let _ = self.file.parent().map(fs::create_dir_all);
        if fs::write(&new, text.replace(&self.folder, FOLDER)).and_then(|()| fs::rename(&new, &self.file)).is_err() {
            let _ = fs::remove_file(new);
        }
    }
}

/// The folder of the answers; set-up removes it when it compiles anew what they describe.
pub fn kept(lab: &Path) -> PathBuf {
    lab.join("kernel/known")
}

#[cfg(test)]
mod tests {
    use super::Question;

    #[test]
    fn an_answer_serves_another_kernel_until_its_manifest_changes() {
        let lab = std::env::temp_dir().join(format!("candlelight-answers-{}", std::process::id()));
        let session = |number: u32| {
            let session = lab.join(number.to_string());
            std::fs::create_dir_all(&session).unwrap();
            for name in ["Cargo.toml", "Cargo.lock"] {
                std::fs::write(session.join(name), "").unwrap();
            }
            session
        };
        let question = |session: &std::path::Path, what: &str| {
            let words = [what.to_owned(), session.join("Cargo.toml").display().to_string()];
            Question::new(&lab, session, &std::env::current_exe().unwrap(), session, &words)
        };
        let (one, two) = (session(1), session(2));
        assert!(question(&one, "build").is_none());
        assert_eq!(question(&one, "metadata").unwrap().known(), None);
        question(&one, "metadata").unwrap().keep(format!("in {}", one.display()).as_bytes());
        assert_eq!(question(&two, "metadata").unwrap().known(), Some(format!("in {}", two.display())));
        assert_eq!(question(&two, "config").unwrap().known(), None);
        std::fs::write(two.join("Cargo.toml"), "[dependencies]").unwrap();
        assert_eq!(question(&two, "metadata").unwrap().known(), None);
        std::fs::remove_dir_all(lab).unwrap();
    }
}
