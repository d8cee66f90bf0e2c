//! The exam: every question of the bank, the draw, the clock, the grading, and what the chapter tells.

mod answers;
mod bank;
mod cells;
mod exercises;
mod notebook;
mod paper;

use candlelight::check::exam::Question;
use candlelight::check::exam::bank::questions;

/// Asserts that nothing is found at any question, and names all that is.
#[track_caller]
fn none_of(problems: impl Fn(&Question) -> Vec<String>) {
    let all = questions();
    assert!(!all.is_empty());
    let said = |question: &Question| {
        problems(question).into_iter().map(|problem| format!("{}: {problem}", question.id())).collect::<Vec<_>>()
    };
    let found: Vec<String> = all.iter().flat_map(said).collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// The problem, if `holds` is not so.
fn unless(holds: bool, problem: impl Into<String>) -> Option<String> {
    (!holds).then(|| problem.into())
}
