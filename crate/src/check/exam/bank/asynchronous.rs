//! Questions on `17-asynchronous-sgd`.

mod compensated;
mod compensated_mended;
mod program;
mod receive;
mod receive_mended;
mod serve;
mod serve_mended;
mod staleness;

use super::super::Question;

pub(super) fn questions() -> Vec<Question> {
    [staleness::questions(), program::questions()].into_iter().flatten().collect()
}
