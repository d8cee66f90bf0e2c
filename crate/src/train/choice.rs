use std::fmt::Display;

use crate::{Error, Result};

/// Which score is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// The lowest: a loss, an error.
    Lowest,
    /// The highest: an accuracy, a return.
    Highest,
}

/// The setting of a grid that scores best on validation data.
///
/// ```text
/// i* = arg min_i vᵢ   or   arg max_i vᵢ
/// ```
///
/// vᵢ is the score of the setting gᵢ on data that neither trained the model nor reports how good it is: the best of many scores is
/// better than what the setting does on fresh data, so the test set is looked at once, with the setting chosen. A best value that is
/// the first or the last of its grid says only that the grid is too short: [`Choice::inside`] refuses it.
///
/// Hastie, Tibshirani, Friedman (2009), *The Elements of Statistical Learning*, section 7.2.
///
/// ```
/// use candlelight::train::{Choice, Goal};
/// # fn main() -> candlelight::Result<()> {
/// let (rates, losses) = ([0.01, 0.1, 1.0], [0.9, 0.3, 0.7]);
/// assert_eq!(*Choice::new(&rates, &losses, Goal::Lowest)?.inside()?, 0.1);
///
/// let error = Choice::new(&rates[..2], &losses[..2], Goal::Lowest)?.inside().unwrap_err();
/// assert!(error.to_string().contains("0.1, the last of 2"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Choice<T> {
    setting: T,
    /// How many settings the grid has.
    tried: usize,
    /// The place of the best setting in the grid.
    pub index: usize,
    /// Its score.
    pub score: f64,
}

impl<T: Clone> Choice<T> {
    /// From the score of each setting of `grid`, in the same order. A score that is not a number never wins; of equal ones the first
    /// does.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is not one score for each setting, or none is a number.
    pub fn new(grid: &[T], scores: &[f64], goal: Goal) -> Result<Self> {
        if scores.len() != grid.len() {
            return Err(Error::setting(
                "scores",
                "one for each setting",
                format!("{} for {}", scores.len(), grid.len()),
            ));
        }
        let sign = if goal == Goal::Lowest { 1.0 } else { -1.0 };
        let judged = scores.iter().copied().enumerate().filter(|(_, score)| !score.is_nan());
        match judged.min_by(|(_, a), (_, b)| (sign * a).total_cmp(&(sign * b))) {
            Some((index, score)) => Ok(Self { setting: grid[index].clone(), tried: grid.len(), index, score }),
            None => Err(Error::setting("scores", "at least one number", format!("{scores:?}"))),
        }
    }

    /// The best setting, wherever it lies.
    pub fn setting(&self) -> &T {
        &self.setting
    }

    /// Whether it is the first or the last of the grid, so that a better one may lie beyond.
    pub fn is_at_edge(&self) -> bool {
        self.index == 0 || self.index + 1 == self.tried
    }
}

impl<T: Clone + Display> Choice<T> {
    /// The best setting, if the grid holds others on both sides of it.
    ///
    /// # Errors
    /// [`Error::Setting`] if it is the first or the last.
    pub fn inside(&self) -> Result<&T> {
        if !self.is_at_edge() {
            return Ok(&self.setting);
        }
        let place = if self.index == 0 { "first" } else { "last" };
        let found = format!("{}, the {place} of {}", self.setting, self.tried);
        Err(Error::setting("the best setting", "inside its grid, with others on both sides", found))
    }
}
