//! The words after `cargo xtask COMMAND`.

use std::collections::VecDeque;
use std::str::FromStr;

use crate::error::Result;

/// Words not yet taken.
pub struct Arguments(VecDeque<String>);

impl Arguments {
    /// All words.
    pub fn new(words: impl Iterator<Item = String>) -> Self {
        Self(words.collect())
    }

    /// The next word, whatever it is.
    pub fn next_word(&mut self) -> Option<String> {
        self.0.pop_front()
    }

    /// Takes out all that follows `--`.
    pub fn after_dashes(&mut self) -> Vec<String> {
        match self.0.iter().position(|word| word == "--") {
            Some(place) => self.0.split_off(place).into_iter().skip(1).collect(),
            None => Vec::new(),
        }
    }

    /// Takes `--name` out, if it is there.
    pub fn flag(&mut self, name: &str) -> bool {
        let place = self.0.iter().position(|word| word == name);
        place.and_then(|place| self.0.remove(place)).is_some()
    }

    /// Takes `--name VALUE` out, if it is there.
    pub fn value<T: FromStr>(&mut self, name: &str) -> Result<Option<T>> {
        let Some(place) = self.0.iter().position(|word| word == name) else { return Ok(None) };
        self.0.remove(place);
        let word = self.0.remove(place).ok_or_else(|| format!("{name} needs a value"))?;
        match word.parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(format!("{name} cannot be `{word}`").into()),
        }
    }

    /// The words that are left, none of which may be an option.
    pub fn rest(self) -> Result<Vec<String>> {
        match self.0.iter().find(|word| word.starts_with('-')) {
            Some(option) => Err(format!("there is no option `{option}`; `cargo xtask help` lists them").into()),
            None => Ok(self.0.into()),
        }
    }

    /// No words may be left.
    pub fn end(self) -> Result<()> {
        match self.rest()?.first() {
            Some(word) => Err(format!("`{word}` was not expected here; `cargo xtask help` lists what is").into()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Arguments;

    #[test]
    fn what_follows_the_dashes_is_for_the_program() {
        let words = |text: &str| Arguments::new(text.split(' ').map(str::to_owned).collect::<Vec<_>>().into_iter());
        let mut given = words("-n 4 hello -- -n 5 --restarts");
        assert_eq!(given.after_dashes(), ["-n", "5", "--restarts"]);
        assert_eq!(given.value::<usize>("-n").unwrap(), Some(4));
        assert_eq!(given.rest().unwrap(), ["hello"]);
        assert!(words("hello").after_dashes().is_empty());
    }
}
