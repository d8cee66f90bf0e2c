//! Questions on `18-convolution`.

mod field;
mod field_mended;
mod sharing;
mod shifts;
#[allow(clippy::needless_range_loop)]
mod weight_gradient;
#[allow(clippy::needless_range_loop)]
mod weight_gradient_mended;

use super::super::Question;

pub(super) fn questions() -> Vec<Question> {
    [shifts::questions(), sharing::questions()].into_iter().flatten().collect()
}
