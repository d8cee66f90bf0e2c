//! Questions on `15-overfitting`.

mod ensemble;
mod ensemble_mended;
mod fine_tune;
mod fine_tune_mended;
mod mirror;
mod mirror_mended;
mod penalties;
mod transfer;

use super::super::Question;

pub(super) fn questions() -> Vec<Question> {
    [penalties::questions(), transfer::questions()].into_iter().flatten().collect()
}
