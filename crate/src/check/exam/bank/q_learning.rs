//! Questions on `22-q-learning`.

mod convergence;
mod exploration;
mod mean;
mod mean_mended;
mod update;
mod update_mended;
mod values;

use super::super::Question;

pub(super) fn questions() -> Vec<Question> {
    [values::questions(), convergence::questions(), exploration::questions()].into_iter().flatten().collect()
}
