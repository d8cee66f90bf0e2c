//! What went wrong, in one sentence, with what to do about it.

/// A sentence for the person at the terminal.
#[derive(Debug)]
pub struct Error(String);

/// A result with an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Error {
    fn from(sentence: String) -> Self {
        Self(sentence)
    }
}

impl From<&str> for Error {
    fn from(sentence: &str) -> Self {
        Self(sentence.to_owned())
    }
}

/// Puts the file or program in front of what the operating system says.
pub trait About<T> {
    /// `what: the system's message`.
    fn about(self, what: impl std::fmt::Display) -> Result<T>;
}

impl<T, E: std::fmt::Display> About<T> for std::result::Result<T, E> {
    fn about(self, what: impl std::fmt::Display) -> Result<T> {
        self.map_err(|error| Error(format!("{what}: {error}")))
    }
}
