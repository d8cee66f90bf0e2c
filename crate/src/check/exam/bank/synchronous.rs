//! Questions on `16-synchronous-sgd`.

mod average;
mod average_mended;
mod gradients;
mod program;
mod rates;
mod rates_mended;
mod time;

use super::super::Question;

pub(super) fn questions() -> Vec<Question> {
    [gradients::questions(), time::questions(), program::questions()].into_iter().flatten().collect()
}
