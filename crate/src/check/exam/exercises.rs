//! Checks of the exercises of `24-exam`.

use super::question::{Kind, Question};
use crate::check::{Verdict, verdict};

/// Exercise 1: the least number of questions at which the standard error of the share of right answers is at most `error`, for a
/// candidate who is right with probability `theta`.
///
/// ```
/// use candlelight::check;
/// let without_square = |theta: f64, error: f64| (theta * (1.0 - theta) / error).ceil() as u64;
/// let verdict = check::exam::questions_for(without_square).to_string();
/// assert!(verdict.contains("θ = 0.5, error 0.125: expected 16, got 2"), "{verdict}");
/// ```
pub fn questions_for(answer: impl Fn(f64, f64) -> u64) -> Verdict {
    // Chosen so that rounding does not decide: exact in binary, or well between two whole numbers.
    let cases = [(0.5, 0.125, 16), (0.75, 0.0625, 48), (0.75, 0.1, 19), (0.9, 0.031, 94), (0.25, 0.02, 469)];
    verdict("questions for a standard error", |trials| {
        cases.into_iter().try_for_each(|(theta, error, expected)| {
            let got = answer(theta, error);
            trials.holds(&format!("θ = {theta}, error {error}"), got == expected, || {
                format!("expected {expected}, got {got}")
            })
        })
    })
}

/// Exercise 2: the credit of a question with several right options, from how many right and how many wrong ones were chosen, and
/// how many are right.
///
/// ```
/// use candlelight::check;
/// let all_or_nothing = |right: u32, wrong: u32, all: u32| if right == all && wrong == 0 { 1.0 } else { 0.0 };
/// let verdict = check::exam::credit(all_or_nothing).to_string();
/// assert!(verdict.contains("1 right and 0 wrong of 2 right ones: expected 0.5, got 0"), "{verdict}");
/// ```
pub fn credit(answer: impl Fn(u32, u32, u32) -> f64) -> Verdict {
    let cases = [(2, 0, 2, 1.0), (1, 0, 2, 0.5), (2, 1, 2, 0.5), (3, 1, 4, 0.5), (1, 1, 3, 0.0), (0, 2, 3, 0.0)];
    verdict("credit of several options", |trials| {
        cases.into_iter().try_for_each(|(right, wrong, all, expected)| {
            let trial = format!("{right} right and {wrong} wrong of {all} right ones");
            trials.close(&trial, answer(right, wrong, all), expected, 1e-12)
        })
    })
}

/// Exercise 3: a [`number`](super::number) question of the reader's own. It must ask for other numbers with other seeds, and no
/// drawn value may be within the tolerance of what a usual mistake leads to.
///
/// ```
/// use candlelight::check::exam::{drawn, number, own_question, whole};
/// // With n = 1 the mistake is right.
/// let question = number("x-1", &["B5"], 1, |rng| {
///     let n = f64::from(whole(rng, 1, 9));
///     Ok(drawn(format!("Var(x) = 1. What is Var of the mean of {n} draws?"), 1.0 / n).mistake(1.0, "not divided"))
/// });
/// let verdict = own_question(question).to_string();
/// assert!(verdict.contains("\"not divided\", 1, is taken for right"), "{verdict}");
/// ```
pub fn own_question(question: Question) -> Verdict {
    const SEEDS: u64 = 200;
    verdict("a question of your own", |trials| {
        trials.holds("its kind", question.kind() == Kind::Number, || {
            format!("expected a number, got a {}", question.kind())
        })?;
        let mut texts = Vec::new();
        for seed in 0..SEEDS {
            let trial = format!("seed {seed}");
            // An error of the draw is a finding, not one of ours.
            let asked = question.ask(seed);
            trials.holds(&trial, asked.is_ok(), || format!("the draw fails: {}", message(&asked)))?;
            let Ok(asked) = asked else { continue };
            let marked = asked.answer(asked.solution());
            let right = marked.as_ref().is_ok_and(|mark| mark.credit() == 1.0);
            trials.holds(&trial, right, || format!("its own value is not taken: {}", message(&marked)))?;
            trials.holds(&trial, !asked.mistakes().is_empty(), || "expected a usual mistake, got none".into())?;
            for (value, name) in asked.mistakes() {
                let passes = asked.answer(value.clone()).is_ok_and(|mark| mark.credit() > 0.0);
                trials.holds(&trial, !passes, || format!("\"{name}\", {value}, is taken for right"))?;
            }
            texts.push(asked.text());
        }
        texts.sort_unstable();
        texts.dedup();
        trials.holds("200 seeds", texts.len() >= 10, || {
            format!("expected at least 10 different texts, got {}", texts.len())
        })
    })
}

fn message<T: std::fmt::Debug>(result: &crate::Result<T>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.to_string(),
    }
}
