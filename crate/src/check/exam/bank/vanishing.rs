//! Questions on `13-vanishing-gradients`.

mod clip;
mod clip_mended;
mod cures;
mod dead_units;
mod dead_units_mended;
mod derivatives;
mod descend;
mod descend_mended;

use super::super::Question;

pub(super) fn questions() -> Vec<Question> {
    [derivatives::questions(), cures::questions()].into_iter().flatten().collect()
}
