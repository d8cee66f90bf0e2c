//! The crate of the course, which every kernel has: a notebook that names it asks for nothing new.

use std::path::{Path, PathBuf};

/// Where the crate is.
pub struct Own {
    name: String,
    path: Option<PathBuf>,
}

impl Own {
    /// The crate of a dependency like `candlelight = { path = "/crate" }`.
    pub fn new(dependency: &str) -> Self {
        let (name, value) = dependency.split_once('=').unwrap_or((dependency, ""));
        Self { name: name.trim().into(), path: path(value).and_then(|path| path.canonicalize().ok()) }
    }

    /// A cell without the lines that ask for this crate, by its path and nothing else: evcxr would resolve it, and its analyzer
    /// read all of it a second time. The others keep their numbers.
    pub fn without(&self, code: &str) -> String {
        let lines = code.split('\n').map(|line| if self.is_asked_in(line) { "" } else { line });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn is_asked_in(&self, line: &str) -> bool {
        let asked = line.trim().strip_prefix(":dep ").and_then(|rest| rest.split_once('='));
        let Some((_, value)) = asked.filter(|(name, _)| name.trim() == self.name) else { return false };
        self.path.is_some() && path(value).and_then(|path| path.canonicalize().ok()) == self.path
    }
}

/// The path of `{ path = "…" }`, if that is all and nothing in it is escaped.
fn path(value: &str) -> Option<&Path> {
    let (key, value) = value.trim().strip_prefix('{')?.strip_suffix('}')?.split_once('=')?;
    let text = value.trim().strip_prefix('"')?.strip_suffix('"')?;
    (key.trim() == "path" && !text.contains(['"', '\\'])).then(|| Path::new(text))
}

#[cfg(test)]
mod tests {
    use super::Own;

    #[test]
    fn only_the_crate_itself_is_passed_over() {
        let here = std::env::current_dir().unwrap();
        let own = Own::new(&format!("candlelight = {{ path = \"{}\" }}", here.display()));
        let cell = "// The crate.\n:dep candlelight = { path = \"../answers\" }\nuse candlelight::prelude::*;";
        assert_eq!(own.without(cell), "// The crate.\n\nuse candlelight::prelude::*;");
        for other in [
            ":dep candlelight = { path = \"..\" }",
            ":dep candlelight = { path = \"../answers\", features = [\"cuda\"] }",
            ":dep candlelight = \"0.1\"",
            ":dep plot = { path = \"../answers\" }",
            "let text = \":dep candlelight = { path = . }\";",
        ] {
            assert_eq!(own.without(other), other);
        }
    }
}
