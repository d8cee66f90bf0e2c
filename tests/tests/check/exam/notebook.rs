//! What the chapter tells: questions, and no answers but those that it works through.

use candlelight::check::exam::bank::questions;
use candlelight_tests::documents::read;

/// The question that the chapter answers.
const ANSWERED: &str = "02-4";

/// All texts in a notebook: of cells and of outputs.
fn texts(value: &serde_json::Value, found: &mut String) {
    match value {
        serde_json::Value::String(text) => found.push_str(text),
        serde_json::Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        serde_json::Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

fn notebook(file: &str) -> String {
    let notebook = serde_json::from_str(&read(file)).expect("a notebook");
    let mut found = String::new();
    texts(&notebook, &mut found);
    found
}

#[test]
fn the_text_holds_no_questions_and_no_answers() {
    for file in ["notebooks/text/24-exam.md", "notebooks/text/solutions/24-exam.md"] {
        let text = read(file);
        assert!(text.contains("Exam::draw("), "{file}");
        for question in questions() {
            let statements = question.statements().iter();
            let all = statements.flat_map(|statement| [Some(statement.text), statement.wrong]).flatten();
            // Short options are words that any text may hold.
            for part in all.chain([question.explanation()]).filter(|part| part.len() > 30) {
                assert!(!text.contains(part), "{file}, {}: {part}", question.id());
            }
        }
    }
}

#[test]
fn outputs_explain_nothing_but_the_question_that_is_worked_through() {
    let (chapter, solutions) = (notebook("notebooks/24-exam.ipynb"), notebook("notebooks/solutions/24-exam.ipynb"));
    assert!(chapter.contains("exam.answer(20, "), "the mock exam is not shown");
    for question in questions() {
        let id = question.id();
        let reasons = question.statements().iter().filter_map(|statement| statement.wrong);
        for reason in reasons.chain([question.explanation()]) {
            assert_eq!(chapter.contains(reason), id == ANSWERED, "{id} in the chapter: {reason}");
            assert!(!solutions.contains(reason), "{id} in the solutions: {reason}");
        }
        if let Some(snippet) = question.snippet() {
            let (given, mended) = (snippet.given(), snippet.mended());
            let own = mended.lines().map(str::trim).find(|line| !given.contains(line)).unwrap_or("\0");
            assert!(!chapter.contains(own), "{id} shows its mended line: {own}");
        }
    }
}
