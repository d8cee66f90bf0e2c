//! The exam: a bank of questions over every claim of the course, and mock exams drawn from it, timed and graded.
//!
//! ```
//! use candlelight::check::exam::{self, Exam, ExamConfig};
//! # fn main() -> candlelight::Result<()> {
//! // One question, with the numbers and the order of options of seed 1.
//! let asked = exam::question("01-3")?.ask(1)?;
//! println!("{asked}");
//! assert_eq!(asked.answer(asked.solution())?.credit(), 1.0);
//!
//! // A mock exam of twenty; the clock runs from here.
//! let mut exam = Exam::draw(1)?;
//! exam.answer(1, exam.question(1)?.solution())?;
//! assert_eq!(exam.grade()?.points(), 1.0);
//! # Ok(()) }
//! ```
//!
//! # How a question is written
//! The questions of a chapter are one function in `bank/TOPIC.rs`; `bank/likelihood.rs` has each kind. The functions that make a
//! question take its id (the number of the chapter's file, a dash, a number), the claims of the syllabus that it is about, its
//! level, and then what its kind needs:
//!
//! | kind | made by | the reader answers | full credit |
//! |---|---|---|---|
//! | choice | [`choice`], [`select`] | `'b'`; `"ac"` where several are right | the right options, no other |
//! | number | [`number`] | `0.25` | within the tolerance that the text states |
//! | code | [`code`] | `'b'` | the option that names the faulty line |
//! | derivation | [`next_line`], [`derive()`] | `'b'`; a closure <code>&#124;p: f64, y: f64&#124; p - y</code> | the option; equal at random points |
//! | prediction | [`predict`] | `0.25` | within the tolerance, of what is then measured |
//!
//! [`Question::because`] adds why the answer is right, and the section and the cell of the chapter that show it.
//!
//! # Partial credit
//! Each question is one point. Of a question with several right options the share of them that was chosen counts, less as much for
//! each wrong one, not below 0. A prediction within twice the tolerance, and a derived expression that is right up to a constant
//! factor, earn a half. A wrong answer costs no more than none.

mod answer;
mod asked;
pub mod bank;
mod draw;
mod exercises;
mod grade;
mod mark;
mod markdown;
mod paper;
mod question;
mod snippet;

pub use answer::{Answer, Expression, Reply, Which};
pub use asked::Asked;
pub use draw::{Drawn, Tolerance, decimal, drawn, pick, whole};
pub use exercises::{credit, own_question, questions_for};
pub use grade::Grade;
pub use mark::Mark;
pub use paper::{Exam, ExamConfig};
pub use question::{
    Kind, Mistake, Question, Statement, Variable, choice, code, count, derive, fault, mistake, next_line, number,
    predict, real, right, select, sound, wrong,
};
pub use snippet::{Evidence, Snippet};

use crate::{Error, Result};

/// The question of this id, such as `"01-3"`.
///
/// # Errors
/// [`Error::Setting`] if the bank has none.
pub fn question(id: &str) -> Result<Question> {
    let found = bank::questions().into_iter().find(|question| question.id() == id);
    found.ok_or_else(|| Error::setting("question", "the id of a question of the bank, such as 01-3", id))
}
